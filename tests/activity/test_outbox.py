"""The outbox: what people did reaches the CRM once, however often the way there is cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, cast

import anyio
import httpx2 as httpx
import pytest
from structlog.testing import capture_logs

from portal.activity import outbox as outbox_module
from portal.activity.outbox import (
    BATCH,
    LEASE,
    LONGEST_DELAY,
    MOST_ATTEMPTS,
    Activity,
    Outbox,
)
from portal.crm.breaker import Breaker
from portal.edge.queue import Message, Queue
from tests.crm.upstream import Clock, Upstream, always, in_turn, ok, refusal

DONE = Activity("report_viewed", "Looked at a report", contact_id="ct_1", company_id="co_1")


@dataclass
class Line:
    """A queue in memory: everything that waits is due. Keeps what was decided about each."""

    waiting: list[Message] = field(default_factory=list)
    buried: list[tuple[str, str]] = field(default_factory=list)
    retried: list[tuple[str, float, str]] = field(default_factory=list)
    asked: list[tuple[int, float]] = field(default_factory=list)
    error: Exception | None = None
    is_full: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False

    async def send(self, body: bytes, **given: str) -> None:
        if self.is_full:
            raise OSError("disk full")
        self.waiting.append(Message(given["id"], given["key"], body, attempts=0))
        self.changed.set()

    async def receive(self, batch: int, lease: float) -> list[Message]:
        self.asked.append((batch, lease))
        self.changed.set()
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        self.waiting = [replace(m, attempts=m.attempts + 1) for m in self.waiting]
        return list(self.waiting)

    def _drop(self, message: Message) -> None:
        self.waiting = [m for m in self.waiting if m.id != message.id]
        self.changed.set()

    async def ack(self, message: Message) -> None:
        self._drop(message)

    async def bury(self, message: Message, detail: str) -> None:
        self._drop(message)
        self.buried.append((message.id, detail))

    async def retry(self, message: Message, delay: float, detail: str) -> None:
        self.retried.append((message.id, delay, detail))

    async def close(self) -> None:
        self.closed = True


def outbox(line: Line, upstream: Upstream, product: str = "mode") -> Outbox:
    return Outbox(cast(Queue, line), upstream.client(product), product, Clock())


def sent(request: httpx.Request) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.content)
    return found


async def test_an_activity_is_committed_first_and_delivered_once_under_its_id() -> None:
    line, upstream = Line(), always(ok({"id": "act_1"}, 201))
    box = outbox(line, upstream)
    queued = await box.record(DONE)
    assert [m.id for m in line.waiting] == [queued]
    assert upstream.calls == []
    assert await box.deliver_due() == 1
    assert await box.deliver_due() == 0
    [call] = upstream.calls
    assert (call.method, call.url.path) == ("POST", "/api/activities")
    assert call.headers["Idempotency-Key"] == queued
    assert line.waiting == []
    assert line.asked[0] == (BATCH, LEASE)


async def test_what_arrives_says_what_by_whom_for_which_product_and_when() -> None:
    line, upstream = Line(), always(ok({}))
    box = outbox(line, upstream, product="signal")
    await box.record(replace(DONE, description="Q3", metadata={"page": 2, "source": "x"}))
    await box.deliver_due()
    assert sent(upstream.calls[0]) == {
        "activity_type": "report_viewed",
        "title": "Looked at a report",
        "description": "Q3",
        "contact_id": "ct_1",
        "company_id": "co_1",
        "source": "signal",
        "metadata": {"page": 2, "source": "x", "at": "2026-11-24T15:30:00+00:00"},
    }


async def test_what_is_not_known_is_not_sent() -> None:
    line, upstream = Line(), always(ok({}))
    box = outbox(line, upstream)
    await box.record(Activity("portal_login", "Signed in"))
    await box.deliver_due()
    body = sent(upstream.calls[0])
    assert set(body) == {"activity_type", "title", "source", "metadata"}


async def test_the_moment_is_when_it_was_recorded_not_when_it_was_delivered() -> None:
    line, upstream, clock = Line(), always(ok({})), Clock()
    box = Outbox(cast(Queue, line), upstream.client(), "mode", clock)
    await box.record(DONE)
    clock.forward(3600)
    await box.deliver_due()
    assert sent(upstream.calls[0])["metadata"]["at"] == "2026-11-24T15:30:00+00:00"


async def test_numbers_in_metadata_stay_the_numbers_they_were() -> None:
    line, upstream = Line(), always(ok({}))
    box = outbox(line, upstream)
    await box.record(replace(DONE, metadata={"score": Decimal("12345678901234567890.10")}))
    await box.deliver_due()
    assert b'"score":12345678901234567890.10' in upstream.calls[0].content


async def test_activities_of_one_contact_share_a_line_of_their_own() -> None:
    line = Line()
    box = outbox(line, always(ok({})))
    for contact_id in ("ct_1", "ct_2", None, "ct_1"):
        await box.record(replace(DONE, contact_id=contact_id))
    keys = [m.key for m in line.waiting]
    assert keys[0] == keys[3]
    assert len(set(keys)) == 3
    assert len({m.id for m in line.waiting}) == 4


@pytest.mark.parametrize("answer", [refusal(400, "no such type"), refusal(404), refusal(422)])
async def test_one_that_the_crm_refuses_is_buried_with_the_reason(answer: httpx.Response) -> None:
    line, upstream = Line(), always(answer)
    box = outbox(line, upstream)
    queued = await box.record(DONE)
    with capture_logs() as logs:
        await box.deliver_due()
    [(buried, detail)] = line.buried
    assert buried == queued
    assert f"answered {answer.status_code}" in detail
    assert len(upstream.calls) == 1
    assert [entry for entry in logs if entry["event"] == "activity_refused"]


AWAY: list[httpx.Response | Exception] = [
    httpx.Response(503),
    httpx.Response(429, headers={"retry-after": "60"}),
    httpx.Response(302, headers={"location": "https://login.example"}),
    httpx.Response(200, html="<html>"),
    refusal(401),
    httpx.ConnectError("refused"),
]


@pytest.mark.parametrize("fault", AWAY, ids=repr)
async def test_while_the_crm_is_away_it_waits_and_is_delivered_afterwards(
    fault: httpx.Response | Exception,
) -> None:
    line = Line()
    is_away = True

    def answer(_: httpx.Request) -> httpx.Response:
        if not is_away:
            return ok({})
        if isinstance(fault, Exception):
            raise fault
        return httpx.Response(fault.status_code, headers=fault.headers, content=fault.content)

    upstream, clock = Upstream(answer), Clock()
    sm = upstream.client(breaker=Breaker(lambda: clock().timestamp()))
    box = Outbox(cast(Queue, line), sm, "mode", clock)
    queued = await box.record(DONE)
    await box.deliver_due()
    waits = 60.0 if isinstance(fault, httpx.Response) and fault.status_code == 429 else 1.0
    assert [(r[0], r[1]) for r in line.retried] == [(queued, waits)]
    assert line.buried == []
    is_away = False
    clock.forward(waits)
    await box.deliver_due()
    assert line.waiting == []
    assert {c.headers["Idempotency-Key"] for c in upstream.calls} == {queued}


async def test_an_answer_that_was_lost_is_asked_for_again_under_the_same_key() -> None:
    line, upstream = Line(), in_turn(httpx.ReadTimeout("lost"), ok({}))
    box = outbox(line, upstream)
    await box.record(DONE)
    await box.deliver_due()
    assert len({c.headers["Idempotency-Key"] for c in upstream.calls}) == 1
    assert len({c.content for c in upstream.calls}) == 1
    assert line.waiting == []


async def test_the_waits_double_up_to_a_bound_and_end_at_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert MOST_ATTEMPTS * LONGEST_DELAY > 4 * 3600
    monkeypatch.setattr(outbox_module, "MOST_ATTEMPTS", 20)
    line, upstream = Line(), always(httpx.Response(503))
    box = outbox(line, upstream)
    queued = await box.record(DONE)
    for _ in range(20):
        await box.deliver_due()
    delays = [delay for _, delay, _ in line.retried]
    assert delays[:4] == [1.0, 2.0, 4.0, 5.0]
    assert delays == sorted(delays)
    assert max(delays) == LONGEST_DELAY
    assert len(delays) == 19
    assert [identity for identity, _ in line.buried] == [queued]


async def test_one_that_fails_does_not_hold_the_others_up() -> None:
    line = Line()
    answers = {"refused": refusal(400), "postponed": httpx.Response(503), "delivered": ok({})}
    upstream = Upstream(lambda request: always(answers[sent(request)["title"]])(request))
    box = outbox(line, upstream)
    refused, postponed, delivered = [await box.record(replace(DONE, title=t)) for t in answers]
    assert await box.deliver_due() == 3
    assert [identity for identity, _ in line.buried] == [refused]
    assert [identity for identity, _, _ in line.retried] == [postponed]
    assert delivered not in [m.id for m in line.waiting]


async def test_one_that_cannot_be_read_is_buried_and_not_tried_forever() -> None:
    line, upstream = Line([Message("m1", "-", b"{", attempts=0)]), always(ok({}))
    await outbox(line, upstream).deliver_due()
    assert [identity for identity, _ in line.buried] == ["m1"]
    assert upstream.calls == []


@asynccontextmanager
async def running(box: Outbox) -> AsyncIterator[None]:
    task = asyncio.create_task(box.run())
    try:
        with anyio.fail_after(5):
            yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(line: Line, is_so: Callable[[], bool]) -> None:
    """Wait for something to be true of the queue."""
    while not is_so():
        line.changed.clear()
        await line.changed.wait()


async def test_what_is_recorded_while_it_runs_is_delivered_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox_module, "IDLE_POLL", 3600)
    line, upstream = Line(), always(ok({}))
    box = outbox(line, upstream)
    async with running(box):
        for _ in range(3):
            await box.record(DONE)
            await until(line, lambda: not line.waiting)
    assert len(upstream.calls) == 3


async def test_a_queue_that_fails_once_does_not_end_delivery() -> None:
    line, upstream = Line(error=OSError("database is locked")), always(ok({}))
    box = outbox(line, upstream)
    with capture_logs() as logs:
        async with running(box):
            await until(line, lambda: bool(line.asked))
            await box.record(DONE)
            await until(line, lambda: not line.waiting)
    assert len(upstream.calls) == 1
    assert [entry["event"] for entry in logs] == ["outbox_failed"]


async def test_an_activity_that_cannot_be_committed_is_not_called_recorded() -> None:
    with pytest.raises(OSError, match="disk full"):
        await outbox(Line(is_full=True), always(ok({}))).record(DONE)


async def test_closing_leaves_what_waits_where_it_is() -> None:
    line = Line()
    box = outbox(line, always(ok({})))
    await box.record(DONE)
    await box.close()
    assert line.closed
    assert len(line.waiting) == 1
