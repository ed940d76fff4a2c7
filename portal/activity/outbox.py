"""The outbox: writes are committed to the ACTIVITIES queue first, then delivered to SM API.

Each entry carries its own idempotency key, so a delivery that is repeated after a lost answer is
still one activity in the CRM. Entries of one contact go in order. `run` may be cancelled, and the
process killed, at any instant: what was not confirmed is delivered again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import structlog

from portal.activity.write import ACTIVITIES, Unreadable, Write, encoded, read_write
from portal.crm.client import SMApi
from portal.edge.queue import DeadLetter, Depth, Message, Queue
from portal.errors import (
    SMApiBusy,
    SMApiError,
    SMApiRejected,
    SMApiUnreachable,
    StateUnavailable,
)

LEASE: Final = 15.0
"""Seconds after which an entry is handed out again whose delivery was broken off."""

ATTEMPT: Final = 2 / 3
"""The part of the lease that an attempt may take, so that it is over before another begins."""

BATCH: Final = 8
"""Entries that are under way at once, each another contact's."""

FIRST_DELAY: Final = 1.0
LONGEST_DELAY: Final = 5.0
"""Seconds. What waits is in the CRM so soon after the CRM is back."""

LONGEST_RETRY_AFTER: Final = 300.0
MOST_ATTEMPTS: Final = 3600
"""With the longest delay between them, about five hours of an SM API that is away."""

PATIENCE: Final = 2.0
"""Seconds for which `write` waits for SM API's answer."""

IDLE_POLL: Final = 2.0
BRIEF_POLL: Final = 0.05
IDLE_POLLS: Final = 3
"""Looks in a row at which nothing was due, after which a line is known to wait."""


log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Activity:
    """Something a person did (sm-api §6 Activities). `source` is set to the product on delivery.

    With an `id` and the moment `at` it is the same activity however often it is recorded.
    """

    activity_type: str
    title: str
    contact_id: str | None = None
    company_id: str | None = None
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class Delivered:
    """SM API has carried a write out; `data` is that of its answer."""

    data: Any


Outcome = Delivered | SMApiRejected | None
"""What came of an attempt; None when the entry goes on waiting."""


class Outbox:
    """Takes writes in, and delivers them while `run` runs."""

    def __init__(
        self,
        queue: Queue,
        sm: SMApi,
        product: str,
        clock: Callable[[], datetime],
        *,
        lease: float = LEASE,
        patience: float = PATIENCE,
        on_delivered: Callable[[Write], None] = lambda _write: None,
    ) -> None:
        self._on_delivered = on_delivered
        self._queue = queue
        self._sm = sm
        self._product = product
        self._clock = clock
        self._lease = lease
        self._patience = patience
        self._news = asyncio.Event()
        self._awaited: dict[str, asyncio.Future[Outcome]] = {}
        self._hastened: set[asyncio.Task[None]] = set()
        self._busy: set[str] = set()

    def stamped(self, activity: Activity) -> Activity:
        """The activity as of now, by which it can be recorded more than once and be one."""
        return replace(activity, id=activity.id or uuid4().hex, at=activity.at or self._clock())

    async def record(self, activity: Activity) -> str:
        """Commit the activity; when this returns, it will reach the CRM. Gives its queue id."""
        stamped = self.stamped(activity)
        assert stamped.id is not None
        assert stamped.at is not None
        body = {
            "activity_type": stamped.activity_type,
            "title": stamped.title,
            "description": stamped.description,
            "contact_id": stamped.contact_id,
            "company_id": stamped.company_id,
            "source": self._product,
            "metadata": {**stamped.metadata, "at": stamped.at.isoformat()},
        }
        sent = {name: value for name, value in body.items() if value is not None}
        await self._commit(stamped.id, stamped.contact_id, Write("POST", ACTIVITIES, sent))
        return stamped.id

    async def write(self, write: Write, contact_id: str | None) -> tuple[str, Delivered | None]:
        """Commit a write in the contact's line and wait a moment for SM API's answer.

        Gives the queue id, and the answer; None when SM API could not be asked in time: the write
        stays in the queue. Raises SMApiRejected for one that SM API refused; nothing of it stays.
        """
        queued = uuid4().hex
        answer = self._awaited[queued] = asyncio.get_running_loop().create_future()
        try:
            await self._commit(queued, contact_id, write)
            self._hasten(answer, line_of(contact_id))
            await asyncio.wait([answer], timeout=self._patience)
            outcome = answer.result() if answer.done() else None
        finally:
            del self._awaited[queued]
            answer.cancel()
        if isinstance(outcome, SMApiRejected):
            raise outcome
        return queued, outcome

    async def patch(self, path: str, changes: Mapping[str, Any], contact_id: str) -> bool:
        """`write` a change of a contact's own. Whether SM API has it; False while it waits.

        Raises SMApiRejected.
        """
        _, answer = await self.write(Write("PATCH", path, dict(changes)), contact_id)
        return answer is not None

    async def depth(self) -> Depth:
        """How much waits for delivery, and how much was given up."""
        return await self._queue.depth()

    async def dead(self) -> list[DeadLetter]:
        """What was given up, oldest first."""
        return await self._queue.dead()

    async def replay(self, queued: str) -> bool:
        """Put a dead letter back in its line; False when there is none of that id."""
        found = await self._queue.replay(queued)
        self._news.set()
        return found

    async def close(self) -> None:
        """Break off what is under way and close the queue; what is in it stays there."""
        for task in self._hastened:
            task.cancel()
        await asyncio.gather(*self._hastened, return_exceptions=True)
        await self._queue.close()

    async def run(self) -> None:
        """Deliver for as long as the worker lives; woken by `record`, else looks regularly."""
        while True:
            self._news.clear()
            if await self._tried() == 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), IDLE_POLL)

    async def deliver_due(self) -> int:
        """Try each entry that is due once; returns how many were tried."""
        ends = asyncio.get_running_loop().time() + self._lease * ATTEMPT
        messages = await self._queue.receive(BATCH, self._lease)
        lines = {message.key for message in messages}
        self._busy |= lines
        try:
            async with asyncio.TaskGroup() as deliveries:
                for message in messages:
                    deliveries.create_task(self._deliver(message, ends))
        finally:
            self._busy -= lines
        return len(messages)

    async def _commit(self, queued: str, contact_id: str | None, write: Write) -> None:
        await self._queue.send(encoded(write), key=line_of(contact_id), id=queued)
        self._news.set()

    def _hasten(self, answer: asyncio.Future[Outcome], line: str) -> None:
        """Deliver now what is due, also where nothing runs, until this is answered."""
        task = asyncio.create_task(self._deliver_until(answer, line))
        self._hastened.add(task)
        task.add_done_callback(self._hastened.discard)

    async def _deliver_until(self, answer: asyncio.Future[Outcome], line: str) -> None:
        """Answered too once nothing is due and nothing of the line is under way: it waits."""
        idle = 0
        while not answer.done():
            idle = 0 if await self._tried() or line in self._busy else idle + 1
            if idle == IDLE_POLLS and not answer.done():
                answer.set_result(None)
            elif idle or line in self._busy:
                await asyncio.wait([answer], timeout=BRIEF_POLL)

    async def _tried(self) -> int:
        """`deliver_due`, whose failures must not be the end of all delivery."""
        try:
            return await self.deliver_due()
        except StateUnavailable as error:
            log.warning("outbox_away", detail=error.detail)
            return 0
        except Exception:
            log.exception("outbox_failed")
            return 0

    async def _deliver(self, message: Message, ends: float) -> None:
        """One attempt, which is over by `ends` in the loop's time."""
        try:
            outcome = await self._attempt(message, ends)
        except Unreadable as error:
            await self._bury(message, "activity_unreadable", str(error))
        except SMApiRejected as error:
            await self._refused(message, error)
        except SMApiError as error:
            self._tell(message, None)
            await self._postpone(message, error)
        except asyncio.CancelledError:
            await self._give_back(message)
            raise
        except Exception as error:
            # A fault of our own, in this one entry: the others are not held up by it.
            log.exception("outbox_failed", id=message.id)
            self._tell(message, None)
            await self._postpone(message, SMApiError(repr(error)))
        else:
            self._tell(message, outcome)
            await self._forget(message)

    async def _attempt(self, message: Message, ends: float) -> Delivered:
        write = read_write(message.body)
        try:
            async with asyncio.timeout_at(ends):
                send = self._sm.patch if write.method == "PATCH" else self._sm.post
                data = await send(write.path, write.body, idempotency_key=message.id)
        except TimeoutError as error:
            raise SMApiUnreachable("not delivered within the lease") from error
        self._on_delivered(write)
        return Delivered(data)

    def _tell(self, message: Message, outcome: Outcome) -> bool:
        """Tell whoever waits for this entry what came of it; False when nobody does."""
        answer = self._awaited.get(message.id)
        if answer is None or answer.done():
            return False
        answer.set_result(outcome)
        return True

    async def _refused(self, message: Message, error: SMApiRejected) -> None:
        if self._tell(message, error):
            # Whoever wrote it is told in this moment, and writes it anew or not at all.
            await self._forget(message)
        else:
            await self._bury(message, "activity_refused", error.detail)

    async def _forget(self, message: Message) -> None:
        """Take an entry out of the queue that is dealt with, whoever cancels meanwhile."""
        forgotten = asyncio.ensure_future(self._queue.ack(message))
        try:
            await asyncio.shield(forgotten)
        except asyncio.CancelledError:
            await forgotten
            raise

    async def _postpone(self, message: Message, error: SMApiError) -> None:
        if message.attempts >= MOST_ATTEMPTS:
            await self._bury(message, "activity_given_up", error.detail)
            return
        delay = min(FIRST_DELAY * 2.0 ** min(message.attempts - 1, 10), LONGEST_DELAY)
        if isinstance(error, SMApiBusy) and error.retry_after is not None:
            delay = max(delay, min(error.retry_after, LONGEST_RETRY_AFTER))
        await self._queue.retry(message, delay, error.detail)

    async def _give_back(self, message: Message) -> None:
        """Let another process take an entry at once whose delivery is broken off here."""
        try:
            await self._queue.retry(message, 0.0, "broken off: the portal was stopped")
        except Exception:
            # It comes back by itself when its lease is over.
            log.warning("activity_not_given_back", id=message.id)

    async def _bury(self, message: Message, event: str, detail: str) -> None:
        log.error(event, id=message.id, detail=detail)
        await self._queue.bury(message, detail)


def line_of(contact_id: str | None) -> str:
    """The queue's key for a contact: what goes in order."""
    return contact_id or "-"
