"""The outbox: activities are committed to the ACTIVITIES queue first, then delivered to SM API.

Each entry carries its own idempotency key, so a delivery that is repeated after a lost answer is
still one activity in the CRM. Entries of one contact go in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

import msgspec
import structlog

from portal.crm.client import SMApi
from portal.edge.queue import Depth, Message, Queue
from portal.errors import SMApiError, SMApiRejected

LEASE: Final = 30.0
BATCH: Final = 20
LONGEST_DELAY: Final = 300.0
MOST_ATTEMPTS: Final = 60
"""With the longest delay between them, about five hours of an SM API that refuses or is away."""

IDLE_POLL: Final = 2.0

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Activity:
    """Something a person did (sm-api §6 Activities). `source` is set to the product on delivery."""

    activity_type: str
    title: str
    contact_id: str | None = None
    company_id: str | None = None
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Outbox:
    """Takes activities in, and delivers them while `run` runs."""

    def __init__(
        self, queue: Queue, sm: SMApi, product: str, clock: Callable[[], datetime]
    ) -> None:
        self._queue = queue
        self._sm = sm
        self._product = product
        self._clock = clock
        self._news = asyncio.Event()

    async def record(self, activity: Activity) -> str:
        """Commit the activity; when this returns, it will reach the CRM. Gives its queue id."""
        body = {
            "activity_type": activity.activity_type,
            "title": activity.title,
            "description": activity.description,
            "contact_id": activity.contact_id,
            "company_id": activity.company_id,
            "source": self._product,
            "metadata": {**activity.metadata, "at": self._clock().isoformat()},
        }
        sent = {name: value for name, value in body.items() if value is not None}
        queued = uuid4().hex
        await self._queue.send(_encoder.encode(sent), key=activity.contact_id or "-", id=queued)
        self._news.set()
        return queued

    async def depth(self) -> Depth:
        """How much waits for delivery, and how much was given up."""
        return await self._queue.depth()

    async def close(self) -> None:
        """Close the queue; what is in it stays there."""
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
        messages = await self._queue.receive(BATCH, LEASE)
        for message in messages:
            await self._deliver(message)
        return len(messages)

    async def _tried(self) -> int:
        """`deliver_due`, whose failures must not be the end of all delivery."""
        try:
            return await self.deliver_due()
        except Exception:
            log.exception("outbox_failed")
            return 0

    async def _deliver(self, message: Message) -> None:
        try:
            await self._sm.post(
                "/api/activities", _decoder.decode(message.body), idempotency_key=message.id
            )
        except msgspec.DecodeError as error:
            await self._bury(message, "activity_unreadable", str(error))
        except SMApiRejected as error:
            await self._bury(message, "activity_refused", error.detail)
        except SMApiError as error:
            await self._postpone(message, error)
        else:
            await self._queue.ack(message)

    async def _postpone(self, message: Message, error: SMApiError) -> None:
        if message.attempts >= MOST_ATTEMPTS:
            await self._bury(message, "activity_given_up", error.detail)
            return
        delay = min(0.5 * 2.0 ** min(message.attempts, 10), LONGEST_DELAY)
        await self._queue.retry(message, delay, error.detail)

    async def _bury(self, message: Message, event: str, detail: str) -> None:
        log.error(event, id=message.id, detail=detail)
        await self._queue.bury(message, detail)
