from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from portal.edge.kv import KV, open_kv
from tests.redis import ENGINES, new_kv, redis_url


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=ENGINES)
async def kv(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[KV]:
    store = new_kv(request.param, clock)
    yield store
    await store.close()


async def test_what_was_put_is_there_until_it_is_deleted(kv: KV) -> None:
    assert await kv.get("a") is None
    await kv.put("a", b"1")
    await kv.put("a", b"2")
    assert await kv.get("a") == b"2"
    await kv.delete("a")
    await kv.delete("a")
    assert await kv.get("a") is None


async def test_a_value_is_gone_the_moment_its_time_is_up(kv: KV, clock: Clock) -> None:
    await kv.put("a", b"1", ttl=1000)
    clock.now += 900
    assert await kv.get("a") == b"1"
    clock.now += 100
    assert await kv.get("a") is None
    assert await kv.list() == []


async def test_many_are_read_at_once_in_the_order_they_were_asked_for(kv: KV, clock: Clock) -> None:
    await kv.put("a", b"1")
    await kv.put("b", b"2", ttl=1000)
    await kv.put("é", b"")
    assert await kv.get_many(["b", "none", "é", "a", "b"]) == [b"2", None, b"", b"1", b"2"]
    assert await kv.get_many([]) == []
    clock.now += 1000
    assert await kv.get_many(("a", "b")) == [b"1", None]


async def test_on_sqlite_the_moment_is_exact(clock: Clock) -> None:
    kv = open_kv("sqlite::memory:", clock)
    await kv.put("a", b"1", ttl=10)
    clock.now += 9.999
    assert await kv.get("a") == b"1"
    clock.now += 0.001
    assert await kv.get("a") is None
    await kv.close()


async def test_a_value_without_a_time_stays(kv: KV, clock: Clock) -> None:
    await kv.put("a", b"1", ttl=10)
    await kv.put("a", b"2")
    clock.now += 1e9
    assert await kv.get("a") == b"2"


async def test_only_the_first_claim_succeeds(kv: KV) -> None:
    assert await kv.add("claim", b"mine", ttl=10)
    assert not await kv.add("claim", b"yours", ttl=10)
    assert await kv.get("claim") == b"mine"


async def test_an_expired_claim_can_be_made_again(kv: KV, clock: Clock) -> None:
    assert await kv.add("claim", b"mine", ttl=10)
    clock.now += 10
    assert await kv.add("claim", b"yours", ttl=10)
    assert await kv.get("claim") == b"yours"


async def test_a_claim_without_a_time_is_never_free_again(kv: KV, clock: Clock) -> None:
    assert await kv.add("claim", b"mine")
    clock.now += 1e9
    assert not await kv.add("claim", b"yours")


async def test_counting_starts_over_when_the_first_count_expires(kv: KV, clock: Clock) -> None:
    assert await kv.increment("n", ttl=1000) == 1
    clock.now += 900
    assert await kv.increment("n", ttl=1000) == 2
    assert await kv.get("n") == b"2"
    clock.now += 100
    assert await kv.increment("n", ttl=1000) == 1


async def test_keys_are_listed_by_their_beginning(kv: KV, clock: Clock) -> None:
    for key in ("a:2", "a:1", "a%", "a", "b:1", "A:1", "a:\U0010ffff"):
        await kv.put(key, b"")
    await kv.put("a:gone", b"", ttl=1)
    clock.now += 1
    assert await kv.list("a:") == ["a:1", "a:2", "a:\U0010ffff"]
    assert await kv.list("a%") == ["a%"]
    assert await kv.list("z") == []


async def test_expired_entries_are_thrown_away(tmp_path: Path, clock: Clock) -> None:
    kv = open_kv(f"sqlite:{tmp_path}/state.db", clock)
    for number in range(20):
        await kv.put(f"old:{number}", b"", ttl=1)
    clock.now += 3600
    await kv.put("new", b"")
    other = sqlite3.connect(tmp_path / "state.db")
    assert other.execute("SELECT key FROM entries").fetchall() == [("new",)]
    other.close()
    await kv.close()


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where more than one connection meets."""
    return redis_url() if request.param == "redis" else f"sqlite:{tmp_path}/state.db"


async def test_two_connections_share_one_store(url: str) -> None:
    one, other = open_kv(url), open_kv(url)
    await one.put("a", b"1")
    assert await other.get("a") == b"1"
    assert await other.add("claim", b"")
    assert not await one.add("claim", b"")
    assert [await one.increment("n", 9), await other.increment("n", 9)] == [1, 2]
    await one.close()
    assert await other.get("a") == b"1"
    await other.close()


CONTEND = """
import asyncio, sys
from portal.edge.kv import open_kv

async def main():
    kv = open_kv(sys.argv[1])
    won = [await kv.add(f"claim:{n}", b"") for n in range(100)]
    for _ in range(100):
        await kv.increment("n", 3600)
    print(sum(won))

asyncio.run(main())
"""


def claims_won_by_processes(url: str, processes: int) -> list[int]:
    """Let processes claim and count at the same time; how many claims each won."""
    started = [
        subprocess.Popen([sys.executable, "-c", CONTEND, url], stdout=subprocess.PIPE)
        for _ in range(processes)
    ]
    return [int(process.communicate(timeout=30)[0]) for process in started]


async def test_of_claims_by_many_processes_each_is_won_once_and_no_count_is_lost(
    url: str,
) -> None:
    assert sum(claims_won_by_processes(url, 3)) == 100
    kv = open_kv(url)
    assert await kv.get("n") == b"300"
    await kv.close()


KEYS = st.sampled_from(["a", "a:1", "a:2", "b", "b:\x00", "é"])
MINUTES = st.integers(1, 20).map(lambda minutes: minutes * 60)
TTLS = st.none() | MINUTES


class LikeADict(RuleBasedStateMachine):
    """The store against a dict whose entries expire; time goes by the minute."""

    engine = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.kv = new_kv(self.engine, self.clock)
        self.model: dict[str, tuple[bytes, float | None]] = {}
        self.loop = asyncio.new_event_loop()

    def live(self) -> Iterator[tuple[str, bytes]]:
        for key, (value, expires) in self.model.items():
            if expires is None or expires > self.clock.now:
                yield key, value

    def until(self, ttl: float | None) -> float | None:
        return None if ttl is None else self.clock.now + ttl

    @rule(seconds=MINUTES)
    def time_passes(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule(key=KEYS, value=st.binary(max_size=3), ttl=TTLS)
    def put(self, key: str, value: bytes, ttl: float | None) -> None:
        self.loop.run_until_complete(self.kv.put(key, value, ttl))
        self.model[key] = (value, self.until(ttl))

    @rule(key=KEYS, value=st.binary(max_size=3), ttl=TTLS)
    def add(self, key: str, value: bytes, ttl: float | None) -> None:
        added = self.loop.run_until_complete(self.kv.add(key, value, ttl))
        assert added == (key not in dict(self.live()))
        if added:
            self.model[key] = (value, self.until(ttl))

    @rule(key=st.sampled_from(["n", "m"]), ttl=MINUTES)
    def increment(self, key: str, ttl: int) -> None:
        before = dict(self.live()).get(key)
        count = self.loop.run_until_complete(self.kv.increment(key, ttl))
        assert count == int(before or b"0") + 1
        expires = self.until(ttl) if before is None else self.model[key][1]
        self.model[key] = (str(count).encode(), expires)

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        self.loop.run_until_complete(self.kv.delete(key))
        self.model.pop(key, None)

    @invariant()
    def holds_the_same(self) -> None:
        keys = self.loop.run_until_complete(self.kv.list())
        held = {key: self.loop.run_until_complete(self.kv.get(key)) for key in keys}
        assert held == dict(self.live())
        at_once = self.loop.run_until_complete(self.kv.get_many([*keys, "none"]))
        assert at_once == [*held.values(), None]
        assert self.loop.run_until_complete(self.kv.list("a:")) == sorted(
            key for key, _ in self.live() if key.startswith("a:")
        )

    def teardown(self) -> None:
        self.loop.run_until_complete(self.kv.close())
        self.loop.close()


class OnRedis(LikeADict):
    """The same there."""

    engine = "redis"


LikeADict.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
OnRedis.TestCase.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
TestLikeADict = LikeADict.TestCase
TestOnRedis = OnRedis.TestCase
