"""How often a sign-in may be asked for: by address and by client, counted in one store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from limits import parse_many

from portal.auth.limits import AskLimits, KvStorage, RefusalLimit
from portal.edge.kv import KV, open_kv
from tests.stage import Stage, TestClock, stage

ADDRESS, CLIENT = parse_many("1/minute; 5/hour"), parse_many("10/10 minutes")


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def state(clock: TestClock) -> KV:
    return open_kv("sqlite::memory:", lambda: clock().timestamp())


@pytest.fixture
def limits(state: KV) -> AskLimits:
    return AskLimits(state, ADDRESS, CLIENT)


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def test_an_address_is_mailed_once_a_minute(limits: AskLimits, clock: TestClock) -> None:
    assert await limits.allow("jane@acme.com", "a")
    assert not await limits.allow("jane@acme.com", "b")
    assert await limits.allow("sam@acme.com", "a")
    clock.forward(seconds=60)
    assert await limits.allow("jane@acme.com", "a")


async def test_an_address_is_mailed_five_times_an_hour(limits: AskLimits, clock: TestClock) -> None:
    for number in range(7):
        assert await limits.allow("jane@acme.com", f"client {number}") is (number < 5)
        clock.forward(minutes=2)
    clock.forward(hours=1)
    assert await limits.allow("jane@acme.com", "a")


async def test_a_client_asks_ten_times_in_ten_minutes(limits: AskLimits, clock: TestClock) -> None:
    for number in range(12):
        assert await limits.allow(f"{number}@acme.com", "a") is (number < 10)
    assert await limits.allow("other@acme.com", "b")
    clock.forward(minutes=10)
    assert await limits.allow("again@acme.com", "a")


async def test_who_is_over_their_own_limit_uses_nobody_elses_up(limits: AskLimits) -> None:
    for number in range(10):
        await limits.allow(f"{number}@acme.com", "attacker")
    for _ in range(3):
        assert not await limits.allow("jane@acme.com", "attacker")
    assert await limits.allow("jane@acme.com", "jane's own")


@pytest.mark.parametrize("same", ["JANE@ACME.COM", " jane@acme.com "])
async def test_another_spelling_of_an_address_is_the_same_one(limits: AskLimits, same: str) -> None:
    assert await limits.allow("jane@acme.com", "a")
    assert not await limits.allow(same, "b")


async def test_addresses_are_kept_as_digests(limits: AskLimits, state: KV) -> None:
    await limits.allow("jane@acme.com", "203.0.113.7")
    assert not any("jane" in key for key in await state.list())


async def test_two_processes_on_one_store_count_together(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/state.db"
    one, other = (AskLimits(open_kv(url), ADDRESS, CLIENT) for _ in range(2))
    assert await one.allow("jane@acme.com", "a")
    assert not await other.allow("jane@acme.com", "b")


async def test_refusals_of_one_client_are_counted_apart(state: KV) -> None:
    refusals = RefusalLimit(state, parse_many("2/minute"))
    found = [await refusals.allow(client) for client in ("a", "a", "a", "b")]
    assert found == [True, True, False, True]


async def test_the_storage_does_what_the_library_asks(state: KV) -> None:
    storage = KvStorage(state)
    assert await storage.check()
    assert [await storage.incr("k", 60), await storage.incr("k", 60, amount=2)] == [1, 3]
    assert await storage.get("k") == 3
    await storage.clear("k")
    assert await storage.get("k") == 0
    await storage.incr("a", 60)
    await state.put("other", b"1")
    assert await storage.reset() == 1
    assert await state.list() == ["other"]


async def test_a_limited_request_is_answered_like_any_other_and_mails_nobody(on: Stage) -> None:
    browser, answers = on.browser(), []
    for _ in range(2):
        answer = await browser.post("/auth/magic", data={"email": "jane@acme.com"})
        await on.settle()
        headers = {
            n: v for n, v in answer.headers.items() if n not in ("set-cookie", "x-request-id")
        }
        answers.append((answer.status_code, headers, answer.content))
    assert answers[0] == answers[1]
    assert len(on.post.letters) == 1
    [refused] = await on.activities("portal_login_refused")
    assert refused["metadata"]["cause"] == "too_many_requests"


async def test_a_flood_of_refusals_fills_the_log_and_not_the_crm(on: Stage) -> None:
    for _ in range(40):
        await on.browser().post("/auth/magic/verify", data={"token": "x" * 43})
    assert len(await on.activities("portal_login_refused")) == 30
