"""How often a sign-in may be asked for: by address and by client, counted in one store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from limits import parse_many

from portal.app import create_app
from portal.asgi import build_env
from portal.auth.limits import AskLimits, KvStorage, RefusalLimit
from portal.edge.kv import KV, open_kv
from tests.redis import ENGINES, new_kv, redis_url
from tests.stage import FETCH, ORIGIN, Stage, TestClock, stage

ADDRESS, CLIENT = parse_many("1/minute; 5/hour"), parse_many("10/10 minutes")
BODIES: dict[str, dict[str, Any]] = {
    "form": {"data": {"email": "jane@acme.com"}},
    "json": {"json": {"email": "jane@acme.com"}},
}
NOT_COMPARED = (b"date", b"x-request-id")


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(params=ENGINES)
async def state(request: pytest.FixtureRequest, clock: TestClock) -> AsyncIterator[KV]:
    store = new_kv(request.param, lambda: clock().timestamp())
    yield store
    await store.close()


@pytest.fixture
def limits(state: KV) -> AskLimits:
    return AskLimits(state, ADDRESS, CLIENT)


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    """A portal behind one proxy, which says from which network address a browser asks."""
    async with stage(trusted_proxies=1) as made:
        yield made


def as_seen(answer: httpx.Response) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """All that an answer tells: status, headers and body; of a cookie everything but the value."""
    headers = []
    for name, value in answer.headers.raw:
        if name.lower() == b"set-cookie":
            cookie, _, attributes = value.partition(b";")
            value = cookie.partition(b"=")[0] + b"=;" + attributes
        if name.lower() not in NOT_COMPARED:
            headers.append((name, value))
    return answer.status_code, headers, answer.content


async def ask(on: Stage, email: str, client: str) -> bool:
    """Ask for a link from a network address; whether a mail was sent."""
    before = len(on.post.letters)
    await on.ask_for_link(on.browser(**{"X-Forwarded-For": client}), email)
    return len(on.post.letters) > before


async def causes(on: Stage) -> list[str]:
    """Why sign-ins were refused, as the CRM has it, in no order."""
    return sorted(a["metadata"]["cause"] for a in await on.activities("portal_login_refused"))


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


@pytest.mark.parametrize("engine", ENGINES)
async def test_two_processes_on_one_store_count_together(engine: str, tmp_path: Path) -> None:
    url = redis_url() if engine == "redis" else f"sqlite:{tmp_path}/state.db"
    stores = open_kv(url), open_kv(url)
    one, other = (AskLimits(store, ADDRESS, CLIENT) for store in stores)
    assert await one.allow("jane@acme.com", "a")
    assert not await other.allow("jane@acme.com", "b")
    for store in stores:
        await store.close()


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


async def test_one_mail_a_minute_leaves_for_an_address(on: Stage) -> None:
    assert await ask(on, "jane@acme.com", "192.0.2.1")
    on.clock.forward(seconds=59)
    assert not await ask(on, "jane@acme.com", "192.0.2.2")
    assert await ask(on, "sam@acme.com", "192.0.2.1")
    on.clock.forward(seconds=1)
    assert await ask(on, "jane@acme.com", "192.0.2.1")


async def test_five_mails_an_hour_leave_for_an_address(on: Stage) -> None:
    sent = []
    for number in range(6):
        sent.append(await ask(on, "jane@acme.com", f"192.0.2.{number}"))
        on.clock.forward(minutes=9)
    assert sent == [True] * 5 + [False]
    on.clock.forward(minutes=6)
    assert await ask(on, "jane@acme.com", "192.0.2.1")


async def test_ten_requests_in_ten_minutes_count_of_a_network_address(on: Stage) -> None:
    for number in range(10):
        await ask(on, f"nobody{number}@acme.com", "192.0.2.1")
        on.clock.forward(seconds=59)
    assert not await ask(on, "jane@acme.com", "192.0.2.1")
    assert await causes(on) == ["too_many_requests", *["unknown_address"] * 10]
    on.clock.forward(seconds=10)
    assert await ask(on, "jane@acme.com", "192.0.2.1")


async def test_an_attacker_over_their_own_limit_leaves_the_victim_theirs(on: Stage) -> None:
    for number in range(10):
        await ask(on, f"nobody{number}@acme.com", "192.0.2.1")
    for _ in range(6):
        assert not await ask(on, "jane@acme.com", "192.0.2.1")
    assert await ask(on, "jane@acme.com", "198.51.100.7")


@pytest.mark.parametrize("written", BODIES)
@pytest.mark.parametrize("limit", ["address", "client"])
async def test_a_limited_request_is_answered_like_any_other_and_mails_nobody(
    on: Stage, limit: str, written: str
) -> None:
    browser = on.browser(**{"X-Forwarded-For": "192.0.2.1"})
    unlimited = await browser.post("/auth/magic", **BODIES[written])
    await on.settle()
    if limit == "client":
        for number in range(9):
            await ask(on, f"nobody{number}@acme.com", "192.0.2.1")
        on.clock.forward(minutes=1)
    limited = await browser.post("/auth/magic", **BODIES[written])
    await on.settle()
    assert as_seen(limited) == as_seen(unlimited)
    assert limited.headers.get_list("set-cookie")
    assert len(on.post.letters) == 1
    refused = [
        activity
        for activity in await on.activities("portal_login_refused")
        if activity["metadata"]["cause"] == "too_many_requests"
    ]
    assert [activity["metadata"]["method"] for activity in refused] == ["magic_link"]
    assert [activity["contact_id"] for activity in refused] == [None]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("jane@acme.com", "JaNe@ACME.com", id="case"),
        pytest.param("zo\u00eb@acme.com", "zoe\u0308@acme.com", id="composed"),
        pytest.param("\u00c9VA@acme.com", "e\u0301va@acme.com", id="composed and case"),
        pytest.param("eva@b\u00fccher.example", "eva@xn--bcher-kva.example", id="domain"),
        pytest.param("eva@b\u00fccher.example", "eva@BU\u0308CHER.example", id="domain's case"),
    ],
)
async def test_an_address_written_otherwise_does_not_get_round_its_limit(
    on: Stage, one: str, other: str
) -> None:
    for number, written in enumerate((one, other)):
        await ask(on, written, f"192.0.2.{number}")
    assert "too_many_requests" in await causes(on)


async def test_workers_that_share_a_state_file_count_together(tmp_path: Path) -> None:
    async with stage() as on:
        clients, envs = count(1), []
        for _ in range(2):
            settings = replace(
                on.settings, state_url=f"sqlite:{tmp_path}/state.db", trusted_proxies=1
            )
            envs.append(build_env(settings, on.clock, sm=on.env.sm, mailer=on.post))
        for email, mailed in (("jane@acme.com", 1), ("sam@acme.com", 2)):
            for env in envs:
                await ask_worker(create_app(env), email, f"192.0.2.{next(clients)}")
                await env.ctx.drain(5)
            assert len(on.post.letters) == mailed
        for number in range(10):
            await ask_worker(create_app(envs[number % 2]), f"no{number}@acme.com", "192.0.2.99")
            await envs[number % 2].ctx.drain(5)
        on.clock.forward(minutes=1)
        for env in envs:
            await ask_worker(create_app(env), "jane@acme.com", "192.0.2.99")
            await env.ctx.drain(5)
        assert len(on.post.letters) == 2
        for env in envs:
            await env.outbox.close()
            await env.state.close()


async def ask_worker(app: Any, email: str, client: str) -> None:
    """Ask one of several workers for a link."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url=ORIGIN, headers=FETCH
    ) as browser:
        answer = await browser.post(
            "/auth/magic", data={"email": email}, headers={"X-Forwarded-For": client}
        )
    assert answer.status_code == 303


async def test_a_flood_of_refusals_fills_the_log_and_not_the_crm(on: Stage) -> None:
    for _ in range(40):
        await on.browser().post("/auth/magic/verify", data={"token": "x" * 43})
    assert len(await on.activities("portal_login_refused")) == 30


async def test_an_impatient_person_does_not_use_up_the_hour(
    limits: AskLimits, clock: TestClock
) -> None:
    assert [await limits.allow("jane@acme.com", f"c{n}") for n in range(6)] == [True] + [False] * 5
    clock.forward(minutes=1)
    assert await limits.allow("jane@acme.com", "c9")


async def test_one_ipv6_client_is_one_whatever_address_of_its_network_it_takes(
    limits: AskLimits,
) -> None:
    for number in range(12):
        allowed = await limits.allow(f"{number}@acme.com", f"2001:db8::{number:x}")
        assert allowed is (number < 10)
    assert await limits.allow("other@acme.com", "2001:db8:0:1::1")
    assert await limits.allow("more@acme.com", "198.51.100.1")
