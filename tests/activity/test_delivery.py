"""Writes on a real queue: in order for each contact, once, whatever breaks and whoever stops."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
import httpx2 as httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from portal.activity import outbox as outbox_module
from portal.activity.outbox import LONGEST_DELAY, Activity, Delivered, Outbox
from portal.activity.write import Write
from portal.crm.breaker import Breaker
from portal.crm.transport import OverTransport
from portal.edge.queue import Queue, open_queue
from portal.errors import SMApiRejected
from tests.crm.upstream import Clock, Upstream, ok, refusal

CONTACTS: Final = ("ct_1", "ct_2", "ct_3")
FAULTS: Final = ("away", "busy", "lost", "html", "hung up")


@dataclass
class Crm:
    """An SM API that carries out what it answers to, and remembers idempotency keys."""

    faults: list[str] = field(default_factory=list)
    told: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    keys: set[str] = field(default_factory=set)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """The next fault, if any is left, or the answer."""
        fault = self.faults.pop() if self.faults else ""
        if fault == "hung up":
            raise httpx.ConnectError("refused")
        if fault in ("away", "busy", "html"):
            return {
                "away": httpx.Response(503),
                "busy": httpx.Response(429, headers={"retry-after": "7"}),
                "html": httpx.Response(200, html="<p>Maintenance</p>"),
            }[fault]
        answer = self.carry_out(request)
        if fault == "lost":
            raise httpx.ReadTimeout("lost")
        return answer

    def carry_out(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if body["title"].startswith("refused"):
            return refusal(422, "no", field="title")
        if request.method == "PATCH":
            line = self.told[request.url.path.rpartition("/")[2]]
            # Carried out twice in a row it is the same change.
            if line[-1:] != [body["title"]]:
                line.append(body["title"])
        elif (key := request.headers["Idempotency-Key"]) not in self.keys:
            self.keys.add(key)
            self.told[body["contact_id"]].append(body["title"])
        return ok({"id": body["title"]})


@dataclass
class Held(httpx.AsyncBaseTransport):
    """A way to the CRM on which answers wait until they are let through."""

    crm: Callable[[httpx.Request], httpx.Response]
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    let: asyncio.Event = field(default_factory=asyncio.Event)
    holds: Callable[[httpx.Request], bool] = lambda _: True

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.crm(request)
        if self.holds(request):
            self.arrived.set()
            await self.let.wait()
        return answer


class Line:
    """A queue, its clock and the outboxes on it, one after the other or side by side."""

    def __init__(self, crm: Callable[[httpx.Request], httpx.Response]) -> None:
        self.clock = Clock()
        self.queue: Queue = open_queue("sqlite::memory:", lambda: self.clock().timestamp())
        self.upstream = Upstream(crm)

    def outbox(self, transport: Held | None = None, patience: float = 2.0) -> Outbox:
        sm = self.upstream.client(breaker=Breaker(lambda: self.clock().timestamp()))
        if transport is not None:
            sm._wire = OverTransport(transport, "https://sm.example")
        return Outbox(self.queue, sm, "mode", self.clock, patience=patience)

    async def empty(self) -> None:
        """Deliver until nothing waits, however long that takes."""
        box = self.outbox()
        with anyio.fail_after(20):
            while (await self.queue.depth()).waiting:
                await box.deliver_due()
                self.clock.forward(LONGEST_DELAY)


@asynccontextmanager
async def line_to(crm: Callable[[httpx.Request], httpx.Response]) -> AsyncIterator[Line]:
    line = Line(crm)
    try:
        yield line
    finally:
        await line.queue.close()


def did(contact_id: str, title: str) -> Activity:
    return Activity("report_viewed", title, contact_id=contact_id)


def change(contact_id: str, title: str) -> Write:
    return Write("PATCH", f"/api/contacts/{contact_id}", {"title": title})


# Order, once, dead letters

steps = st.tuples(st.sampled_from(CONTACTS), st.sampled_from(["did", "change", "refused"]))


@given(st.lists(steps, max_size=12), st.lists(st.sampled_from(FAULTS), max_size=25))
@settings(max_examples=40, deadline=None)
def test_each_contacts_writes_arrive_once_and_in_their_order(
    wanted: list[tuple[str, str]], faults: list[str]
) -> None:
    crm = Crm(list(faults))

    async def play() -> int:
        async with line_to(crm) as line:
            box = line.outbox(patience=0)
            for number, (contact_id, kind) in enumerate(wanted):
                name = f"{kind} {number}"
                if kind == "change":
                    await box.write(change(contact_id, name), contact_id)
                else:
                    await box.record(did(contact_id, name))
            await line.empty()
            await asyncio.gather(*box._hastened)
            return (await line.queue.depth()).dead

    with capture_logs():
        dead = asyncio.run(play())
    for contact_id in CONTACTS:
        sent = [f"{k} {n}" for n, (c, k) in enumerate(wanted) if c == contact_id]
        assert crm.told[contact_id] == [name for name in sent if not name.startswith("refused")]
    assert dead == sum(kind == "refused" for _, kind in wanted)


async def test_one_that_is_refused_does_not_hold_up_the_next_of_its_contact() -> None:
    crm = Crm()
    async with line_to(crm) as line:
        box = line.outbox()
        for name in ("first", "refused", "last"):
            await box.record(did("ct_1", name))
        for _ in range(3):
            assert await box.deliver_due() == 1
        assert crm.told["ct_1"] == ["first", "last"]
        assert (await line.queue.depth()).dead == 1


async def test_one_that_is_tried_too_often_is_a_dead_letter_and_the_next_one_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox_module, "MOST_ATTEMPTS", 5)
    crm = Crm()

    def never_the_first(request: httpx.Request) -> httpx.Response:
        if b"first" in request.content:
            return httpx.Response(503)
        return crm(request)

    async with line_to(never_the_first) as line:
        box = line.outbox()
        queued = await box.record(did("ct_1", "first"))
        await box.record(did("ct_1", "second"))
        tries = 0
        while not crm.told:
            tries += await box.deliver_due()
            line.clock.forward(LONGEST_DELAY)
        assert tries == 5 + 1
        [letter] = await box.dead()
        assert (letter.id, letter.attempts) == (queued, 5)
        line.upstream.answer = crm
        assert await box.replay(queued)
        await line.empty()
        assert crm.told["ct_1"] == ["second", "first"]


async def test_a_fault_of_our_own_in_one_entry_does_not_break_off_the_others() -> None:
    crm = Crm()

    def broken(request: httpx.Request) -> httpx.Response:
        if b"bad" in request.content:
            raise TypeError("the tests break it")
        return crm(request)

    async with line_to(broken) as line:
        box = line.outbox()
        await box.record(did("ct_1", "bad"))
        await box.record(did("ct_2", "good"))
        with capture_logs() as logs:
            assert await box.deliver_due() == 2
        assert [entry["event"] for entry in logs] == ["outbox_failed"]
        assert crm.told["ct_2"] == ["good"]
        assert (await line.queue.depth()).waiting == 1


# Writes that want an answer now


async def test_a_write_is_answered_at_once_and_nothing_of_it_stays() -> None:
    async with line_to(Crm()) as line:
        box = line.outbox()
        _, answer = await box.write(change("ct_1", "CFO"), "ct_1")
        assert answer == Delivered({"id": "CFO"})
        await asyncio.gather(*box._hastened)
        assert (await line.queue.depth()).waiting == 0


async def test_what_the_crm_objects_to_is_raised_and_nothing_of_it_stays() -> None:
    async with line_to(Crm()) as line:
        box = line.outbox()
        with pytest.raises(SMApiRejected) as refused:
            await box.patch("/api/contacts/ct_1", {"title": "refused"}, "ct_1")
        assert refused.value.envelope["field"] == "title"
        await asyncio.gather(*box._hastened)
        depth = await line.queue.depth()
        assert (depth.waiting, depth.dead) == (0, 0)


@pytest.mark.parametrize("fault", ["away", "busy", "html", "hung up"])
async def test_while_the_crm_is_away_a_write_waits_and_arrives_later(fault: str) -> None:
    crm = Crm([fault] * 3)
    async with line_to(crm) as line:
        assert not await line.outbox(patience=60).patch(
            "/api/contacts/ct_1", {"title": "x"}, "ct_1"
        )
        crm.faults.clear()
        assert crm.told["ct_1"] == []
        await line.empty()
        assert crm.told["ct_1"] == ["x"]


async def test_a_write_waits_for_its_contacts_earlier_ones_and_takes_them_along() -> None:
    crm = Crm()
    async with line_to(crm) as line:
        box = line.outbox(patience=60)
        for name in ("a", "b", "c"):
            await box.record(did("ct_1", name))
        _, answer = await box.write(change("ct_1", "d"), "ct_1")
        assert answer == Delivered({"id": "d"})
        assert crm.told["ct_1"] == ["a", "b", "c", "d"]
        await box.close()


async def test_a_write_never_passes_an_earlier_one_that_waits() -> None:
    crm = Crm(["away"] * 3)
    async with line_to(crm) as line:
        box = line.outbox(patience=60)
        await box.record(did("ct_1", "earlier"))
        await box.deliver_due()
        assert (await box.write(change("ct_1", "later"), "ct_1"))[1] is None
        assert crm.told["ct_1"] == []
        await line.empty()
        assert crm.told["ct_1"] == ["earlier", "later"]


async def test_a_crm_that_is_slow_is_not_waited_for_and_yet_has_the_write_once() -> None:
    crm = Crm()
    async with line_to(crm) as line:
        held = Held(crm)
        box = line.outbox(held, patience=0.05)
        assert (await box.write(change("ct_1", "slow"), "ct_1"))[1] is None
        held.let.set()
        await asyncio.gather(*box._hastened)
        assert (await line.queue.depth()).waiting == 0
        assert crm.told["ct_1"] == ["slow"]


async def test_an_objection_that_comes_too_late_for_anybody_is_a_dead_letter() -> None:
    async with line_to(Crm()) as line:
        held = Held(line.upstream)
        box = line.outbox(held, patience=0.05)
        assert (await box.write(change("ct_1", "refused"), "ct_1"))[1] is None
        held.let.set()
        with capture_logs() as logs:
            await asyncio.gather(*box._hastened)
        assert logs[-1]["event"] == "activity_refused"
        assert (await line.queue.depth()).dead == 1


async def test_somebody_who_leaves_while_it_is_written_loses_nothing() -> None:
    crm = Crm()
    async with line_to(crm) as line:
        held = Held(crm)
        box = line.outbox(held)
        writing = asyncio.create_task(box.write(change("ct_1", "kept"), "ct_1"))
        await held.arrived.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        held.let.set()
        await asyncio.gather(*box._hastened)
        assert crm.told["ct_1"] == ["kept"]
        assert (await line.queue.depth()).waiting == 0


async def test_a_slow_answer_to_one_contact_does_not_keep_another_waiting() -> None:
    crm = Crm()
    async with line_to(crm) as line:
        held = Held(crm, holds=lambda request: b"slow" in request.content)
        box = line.outbox(held, patience=60)
        await box.record(did("ct_1", "slow"))
        assert (await box.write(change("ct_2", "quick"), "ct_2"))[1] is not None
        assert not held.let.is_set()
        await box.close()


# Stopping


async def stopped(box: Outbox, when: Callable[[], Awaitable[object]]) -> None:
    """Run until something has come about, and cancel in that instant."""
    running = asyncio.create_task(box.run())
    with anyio.fail_after(5):
        await when()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_a_delivery_that_is_cancelled_in_the_middle_is_taken_up_at_once_and_once() -> None:
    crm = Crm()
    async with line_to(crm) as line:
        held = Held(crm)
        box = line.outbox(held)
        queued = await box.record(did("ct_1", "only"))
        await stopped(box, held.arrived.wait)
        # The CRM has it, and nobody here knows.
        assert crm.told["ct_1"] == ["only"]
        assert (await line.queue.depth()).waiting == 1
        assert await line.outbox().deliver_due() == 1
        assert crm.keys == {queued}
        assert crm.told["ct_1"] == ["only"]
        assert (await line.queue.depth()).waiting == 0


async def test_cancelled_at_any_instant_nothing_is_lost_doubled_or_out_of_order() -> None:
    for instant in range(60):
        crm = Crm()
        async with line_to(crm) as line:
            box = line.outbox()
            for number in range(3):
                await box.record(did("ct_1", str(number)))

            async def after(turns: int = instant) -> None:
                for _ in range(turns):
                    await asyncio.sleep(0)

            await stopped(box, after)
            await line.empty()
            assert crm.told["ct_1"] == ["0", "1", "2"], instant


async def test_closing_breaks_off_a_write_that_is_under_way_and_keeps_it(
    tmp_path: Any,
) -> None:
    crm = Crm()
    url = f"sqlite:{tmp_path}/q.db"
    held, clock = Held(crm), Clock()
    sm = Upstream(crm).client()
    sm._wire = OverTransport(held, "https://sm.example")
    queue = open_queue(url, lambda: clock().timestamp())
    box = Outbox(queue, sm, "mode", clock, patience=0.05)
    assert (await box.write(change("ct_1", "kept"), "ct_1"))[1] is None
    await box.close()
    again = open_queue(url, lambda: clock().timestamp())
    next_one = Outbox(again, Upstream(crm).client(), "mode", clock)
    assert await next_one.deliver_due() == 1
    assert crm.told["ct_1"] == ["kept"]
    await next_one.close()


async def test_an_attempt_is_over_before_its_lease_is() -> None:
    crm = Crm()
    async with line_to(crm) as line:
        sm = Upstream(crm).client()
        sm._wire = OverTransport(Held(crm), "https://sm.example")
        box = Outbox(line.queue, sm, "mode", line.clock, lease=0.1)
        await box.record(did("ct_1", "slow"))
        with anyio.fail_after(5):
            assert await box.deliver_due() == 1
        line.clock.forward(1)
        assert await line.outbox().deliver_due() == 1
        assert crm.told["ct_1"] == ["slow"]
