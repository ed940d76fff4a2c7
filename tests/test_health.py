"""Probes: what is missing is said, what is about to end turns away, and nothing is asked often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
import pytest

from portal.activity.outbox import Activity
from portal.edge.queue import Depth
from portal.health import KEPT, NO_ANSWER, Readiness, stop_being_ready
from tests.stage import Stage, stage


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def ready(on: Stage) -> httpx.Response:
    return await on.browser().get("/readyz")


async def away(*_: Any, **__: Any) -> Any:
    raise ConnectionError("the tests took it away")


async def test_a_portal_that_lacks_nothing_is_ready(on: Stage) -> None:
    answer = await ready(on)
    assert answer.status_code == 200
    assert answer.json() == {"ok": True, "status": "ready", "reasons": {}}


async def test_without_sm_api_it_is_degraded_and_stays_in_rotation(on: Stage) -> None:
    on.wire.fault = lambda _request: httpx.Response(500)
    answer = await ready(on)
    assert answer.status_code == 200
    assert answer.json() == {"ok": False, "status": "degraded", "reasons": {"sm_api": "SMApiFault"}}


@pytest.mark.parametrize(("binding", "reason"), [("state", "state"), ("outbox", "queue")])
async def test_without_a_store_it_is_degraded_and_stays_in_rotation(
    on: Stage, monkeypatch: pytest.MonkeyPatch, binding: str, reason: str
) -> None:
    method = {"state": "get", "outbox": "depth"}[binding]
    monkeypatch.setattr(getattr(on.env, binding), method, away)
    on.app.state.readiness = Readiness(on.env)
    answer = await ready(on)
    assert answer.status_code == 200
    assert answer.json()["reasons"] == {reason: "ConnectionError"}
    assert answer.json()["status"] == "degraded"


async def test_a_portal_that_is_about_to_end_turns_away_and_asks_nobody(on: Stage) -> None:
    stop_being_ready(on.app)
    answer = await ready(on)
    assert answer.status_code == 503
    assert answer.json() == {"ok": False, "status": "stopping", "reasons": {}}
    assert on.wire.calls == []
    assert (await on.browser().get("/healthz")).status_code == 200


async def test_what_has_no_readiness_can_be_stopped_too() -> None:
    stop_being_ready(object())


async def test_the_lifespan_ends_with_a_portal_that_is_not_ready() -> None:
    async with stage() as on, on.app.router.lifespan_context(on.app):
        assert (await ready(on)).status_code == 200
    assert on.app.state.readiness.is_stopping


@dataclass
class Turns:
    """A timer that moves when told to, and an SM API that answers when told to."""

    now: float = 0.0
    asked: int = 0

    def __post_init__(self) -> None:
        self.answer = asyncio.Event()

    async def check(self) -> None:
        self.asked += 1
        await self.answer.wait()

    async def depth(self) -> Depth:
        return Depth(0, 0, 0.0)


@pytest.fixture
def turns(on: Stage, monkeypatch: pytest.MonkeyPatch) -> Turns:
    made = Turns()
    monkeypatch.setattr(on.env.sm, "check", made.check)
    return made


async def test_however_many_probes_there_are_sm_api_is_asked_once(on: Stage, turns: Turns) -> None:
    readiness = Readiness(on.env, lambda: turns.now)
    probes = [asyncio.create_task(readiness.reasons()) for _ in range(20)]
    turns.answer.set()
    assert await asyncio.gather(*probes) == [{}] * 20
    turns.now += KEPT / 2
    assert await readiness.reasons() == {}
    assert turns.asked == 1
    turns.now += KEPT / 2
    assert await readiness.reasons() == {}
    assert turns.asked == 2


async def test_a_probe_does_not_wait_for_what_does_not_answer(on: Stage, turns: Turns) -> None:
    readiness = Readiness(on.env, lambda: turns.now, wait=0.05)
    for _ in range(3):
        async with asyncio.timeout(1):
            assert await readiness.reasons() == {"sm_api": NO_ANSWER}
        turns.now += 10 * KEPT
    assert turns.asked == 1
    turns.answer.set()
    assert await readiness.reasons() == {}
    turns.now += KEPT
    assert await readiness.reasons() == {}
    assert turns.asked == 2


async def test_what_is_left_is_counted_from_the_last_request_that_is_taken(
    on: Stage, turns: Turns
) -> None:
    readiness = Readiness(on.env, lambda: turns.now)
    assert readiness.left(8) == 8
    readiness.stop(delay=10)
    turns.now += 3
    readiness.stop()
    assert readiness.left(8) == 15
    turns.now += 10
    assert readiness.left(8) == 5


async def test_what_waits_for_the_crm_is_delivered_before_the_end() -> None:
    async with stage() as on:
        async with on.app.router.lifespan_context(on.app):
            for n in range(5):
                await on.env.outbox.record(
                    Activity("feedback", f"Said {n}", contact_id="ct_abc123")
                )
        answer = await on.sandbox.get("/api/activities", params={"type": "feedback"})
        said = {record["title"] for record in answer.json()["data"]}
        assert {f"Said {n}" for n in range(5)} <= said


async def test_an_end_does_not_wait_for_a_crm_that_takes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portal.app.STALLED_SECONDS", 0.05)
    async with stage() as on:
        on.wire.fault = lambda _request: httpx.Response(500)
        async with asyncio.timeout(5), on.app.router.lifespan_context(on.app):
            await on.env.outbox.record(Activity("feedback", "Said", contact_id="ct_abc123"))
        assert on.wire.calls
