"""What something was made from, looked at again: at once while fresh, together when it is not."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import httpx2 as httpx
import pytest

from portal.crm.access import ENGAGEMENTS, INVOICES
from portal.crm.cache import ReadCache
from portal.crm.client import SMApi
from portal.crm.reads import STALE_FOR, CompanyReads, Need, keeping_for
from portal.errors import SMApiError
from tests.crm.upstream import Clock

FRESHNESS = 5
TOO_OLD = FRESHNESS * STALE_FOR + 1
LISTS = ("/api/engagements", "/api/invoices")


class SlowLists(httpx.AsyncBaseTransport):
    """SM API with one record in each list; it can wait for several calls to be under way."""

    def __init__(self) -> None:
        self.number = "INV-1"
        self.calls: list[str] = []
        self.together = 1
        self.is_down = False
        self._arrived = asyncio.Condition()
        self._waiting = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.calls.append(path)
        async with self._arrived, asyncio.timeout(5):
            self._waiting += 1
            self._arrived.notify_all()
            await self._arrived.wait_for(lambda: self._waiting >= self.together)
        if self.is_down:
            return httpx.Response(500)
        record: dict[str, Any] = {
            "id": "co_1",
            "company_id": "co_1",
            "name": "Acme",
            "status": "active",
        }
        record |= {"invoice_number": self.number, "amount": 1}
        data = [record] if path in LISTS else record
        return httpx.Response(200, json={"ok": True, "data": data})


class Stand:
    """A cache in front of an upstream, and what each request reads through it."""

    def __init__(self) -> None:
        self.clock, self.upstream = Clock(), SlowLists()
        self.cache: ReadCache[Any] = ReadCache(keeping_for(FRESHNESS), self.clock)
        self.sm = SMApi(
            "https://sm.example",
            client_id="id",
            client_secret="secret",
            product="mode",
            transport=self.upstream,
            sleep=_no_sleep,
        )

    def reads(self) -> CompanyReads:
        return CompanyReads(self.sm, self.cache, "co_1", "mode")

    async def needs(self) -> tuple[Need, ...]:
        """What a page needs that shows engagements and invoices."""
        reads = self.reads()
        await reads.list(ENGAGEMENTS)
        await reads.list(INVOICES)
        return reads.needs


async def _no_sleep(_seconds: float) -> None:
    """Retries do not wait."""


async def test_what_is_fresh_stands_without_anything_being_asked() -> None:
    on = Stand()
    needs = await on.needs()
    on.upstream.calls.clear()
    assert await on.reads().still_stand(needs)
    with pytest.raises(StopIteration) as done:
        on.reads().still_stand(needs).send(None)
    assert done.value.value is True, "it gave way to others in between"
    assert on.upstream.calls == []


async def test_what_is_too_old_is_asked_for_all_at_once() -> None:
    on = Stand()
    needs = await on.needs()
    on.clock.forward(TOO_OLD)
    on.upstream.together = 4
    assert await on.reads().still_stand(needs)
    assert len(on.upstream.calls) == 4


async def test_what_changed_does_not_stand() -> None:
    on = Stand()
    needs = await on.needs()
    on.upstream.number = "INV-2"
    assert await on.reads().still_stand(needs)
    on.clock.forward(TOO_OLD)
    assert not await on.reads().still_stand(needs)
    assert not await on.reads().still_stand(needs)


async def test_what_cannot_be_asked_anew_does_not_stand() -> None:
    on = Stand()
    needs = await on.needs()
    on.upstream.is_down = True
    on.clock.forward(TOO_OLD)
    assert not await on.reads().still_stand(needs)
    assert not await on.reads().still_stand(needs)
    on.cache.drop()
    with pytest.raises(SMApiError):
        await on.reads().still_stand(needs)


async def test_needs_that_are_kept_do_not_keep_the_readings() -> None:
    on = Stand()
    reads = on.reads()
    await reads.list(ENGAGEMENTS)
    await reads.company()
    needs, gone = reads.needs, weakref.ref(reads)
    del reads
    gc.collect()
    assert gone() is None
    assert await on.reads().still_stand(needs)
