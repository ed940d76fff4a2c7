"""A Redis server that is away holds nobody up, is not asked twice, and is found again by itself."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from portal.edge import redis_server
from portal.edge.kv import KV, open_kv
from portal.edge.queue import open_queue
from tests.processes import free_ports
from tests.redis import RedisProcess, redis_url, running_redis


class Away(Exception):
    """A caller's own error."""


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisProcess]:
    """A server that tests may take away."""
    with running_redis() as made:
        yield made


@pytest.fixture
async def kv(redis: RedisProcess, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KV]:
    monkeypatch.setattr(redis_server, "REST_SECONDS", 0.0)
    store = open_kv(redis.url("server"), unavailable=Away)
    yield store
    await store.close()


async def test_a_server_that_is_away_raises_the_callers_error_and_is_found_again(
    redis: RedisProcess, kv: KV
) -> None:
    await kv.put("a", b"1")
    queue = open_queue(redis.url("server"), unavailable=Away)
    await queue.send(b"x", key="k", id="one")
    redis.stop()
    for question in (kv.get("a"), kv.put("a", b"2"), kv.add("b", b""), kv.increment("n", 9)):
        with pytest.raises(Away, match="Redis: "):
            await question
    with pytest.raises(Away):
        await queue.receive(1, 30)
    redis.start()
    assert await kv.get("a") == b"1"
    assert await kv.increment("n", 9) == 1
    assert [message.id for message in await queue.receive(1, 30)] == ["one"]
    await queue.close()


async def test_a_server_that_was_restarted_meanwhile_is_not_noticed(
    redis: RedisProcess, kv: KV
) -> None:
    await kv.put("a", b"1")
    await asyncio.gather(*(kv.get("a") for _ in range(5)))
    redis.stop()
    redis.start()
    # One look at the sockets: the loop has read by then that the server hung up.
    async with asyncio.timeout(5):
        _, writer = await asyncio.open_unix_connection(str(redis.socket))
        writer.close()
        await writer.wait_closed()
    assert await kv.get("a") == b"1"


async def test_a_server_that_says_nothing_is_waited_for_once_and_then_not_asked(
    monkeypatch: pytest.MonkeyPatch, log_lines: io.StringIO
) -> None:
    monkeypatch.setattr(redis_server, "ANSWER_SECONDS", 0.2)
    connections = 0

    def taken(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        kept.append(writer)

    kept: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(taken, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    kv = open_kv(f"redis://:open-sesame@127.0.0.1:{port}/0", unavailable=Away)
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(Away):
            await kv.get("a")
    assert time.monotonic() - began < 1
    assert connections == 1
    await kv.close()
    silent.close()
    for writer in kept:
        writer.close()
    assert "redis_unavailable" in log_lines.getvalue()
    assert "open-sesame" not in log_lines.getvalue()


async def test_nobody_listening_and_a_wrong_database_say_what_is_wrong() -> None:
    [port] = free_ports(1)
    nowhere = open_kv(f"redis://127.0.0.1:{port}", unavailable=Away)
    with pytest.raises(Away, match="Redis: Error"):
        await nowhere.get("a")
    await nowhere.close()
    wrong = open_kv(f"{redis_url()}&db=99", unavailable=Away)
    with pytest.raises(Away, match="out of range"):
        await wrong.get("a")
    await wrong.close()


async def test_portals_of_two_products_share_a_server_and_nothing_on_it(
    redis: RedisProcess,
) -> None:
    mode, signal = open_kv(redis.url("mode")), open_kv(redis.url("signal"))
    ours, theirs = open_queue(redis.url("mode")), open_queue(redis.url("signal"))
    await mode.put("a", b"1")
    await ours.send(b"x", key="k", id="one")
    assert await signal.get("a") is None
    assert await signal.list() == []
    assert await signal.add("a", b"2")
    assert await theirs.receive(5, 30) == []
    assert await mode.get("a") == b"1"
    for opened in (mode, signal, ours, theirs):
        await opened.close()


async def test_a_server_whose_memory_is_full_refuses_and_loses_nothing(
    redis: RedisProcess, kv: KV
) -> None:
    await kv.put("a", b"1")
    with redis.client() as told:
        told.config_set("maxmemory", "1")
        try:
            with pytest.raises(Away, match="maxmemory"):
                await kv.put("b", b"2")
            assert await kv.get("a") == b"1"
        finally:
            told.config_set("maxmemory", "0")
    await kv.put("b", b"2")


async def test_names_of_what_has_expired_are_thrown_away(redis: RedisProcess) -> None:
    kv = open_kv(redis.url("names"))
    for number in range(5):
        await kv.put(f"old:{number}", b"", ttl=0.001)
    with redis.client() as told:
        async with asyncio.timeout(5):
            while told.zrange("names:kv-names", 0, -1) != [b"new"]:
                await kv.put("new", b"")
        assert told.zcard("names:kv-ends") == 0
    await kv.close()


async def test_who_holds_a_message_is_seen_in_the_group_and_another_takes_it_over(
    redis: RedisProcess,
) -> None:
    killed, other = open_queue(redis.url("group")), open_queue(redis.url("group"))
    await killed.send(b"x", key="k", id="one")
    assert [message.attempts for message in await killed.receive(1, 0.0)] == [1]
    await killed.close()
    with redis.client() as told:
        assert told.xpending("group:queue:log", "portal")["pending"] == 1
        [taken] = await other.receive(1, 30)
        assert (taken.id, taken.attempts) == ("one", 2)
        [held] = told.xpending_range("group:queue:log", "portal", "-", "+", 10)
        assert held["times_delivered"] == 2
        await other.ack(taken)
        assert told.xpending("group:queue:log", "portal")["pending"] == 0
        assert told.xlen("group:queue:log") == 0
        # Nothing is left behind but the stream, its group and the count.
        assert sorted(told.keys("group:*")) == [b"group:queue:count", b"group:queue:log"]
    await other.close()
