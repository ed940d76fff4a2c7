"""The home page of somebody who comes again: its lists are asked for while access is confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2 as httpx

from tests.stage import Stage, stage

LISTS = ["/api/activities", "/api/activities", "/api/engagements", "/api/invoices"]
JANE = "/api/contacts/ct_abc123"


@asynccontextmanager
async def coming_again() -> AsyncIterator[tuple[Stage, httpx.AsyncClient]]:
    """Jane, who has seen her home page an hour ago."""
    async with stage(read_freshness=5.0) as on:
        browser = await on.signed_in("jane@acme.com")
        assert (await browser.get("/")).status_code == 200
        await on.settle()
        on.clock.forward(hours=1)
        on.wire.calls.clear()
        yield on, browser


def asked(on: Stage) -> list[str]:
    return sorted(request.url.path for request in on.wire.calls)


def hold_contact(on: Stage) -> asyncio.Event:
    """Let SM API think about contacts until the event is set."""
    let, passed_on = asyncio.Event(), on.wire.handle_async_request

    async def hold(request: httpx.Request) -> httpx.Response:
        if request.url.path == JANE:
            await let.wait()
        return await passed_on(request)

    on.wire.handle_async_request = hold  # type: ignore[method-assign] # for this stage alone
    return let


async def lists_arrive(on: Stage) -> None:
    async with asyncio.timeout(5):
        while len(on.wire.calls) < len(LISTS):  # noqa: ASYNC110 # what is waited for tells nobody
            await asyncio.sleep(0)


async def test_the_lists_are_asked_for_before_access_is_confirmed_and_only_once() -> None:
    async with coming_again() as (on, browser):
        let = hold_contact(on)
        page = asyncio.ensure_future(browser.get("/"))
        await lists_arrive(on)
        assert asked(on) == LISTS
        assert not page.done()
        let.set()
        assert (await page).status_code == 200
        assert asked(on) == [*LISTS[:2], JANE, *LISTS[2:]]


async def test_nothing_read_ahead_is_shown_to_who_may_not_come_in_any_more() -> None:
    async with coming_again() as (on, browser):
        await on.patch(JANE, portal_access=0)
        let = hold_contact(on)
        page = asyncio.ensure_future(browser.get("/"))
        await lists_arrive(on)
        let.set()
        answer = await page
        assert answer.status_code == 403
        assert "Mode implementation" not in answer.text


async def test_who_changed_companies_sees_only_the_new_ones_records() -> None:
    async with coming_again() as (on, browser):
        before = (await browser.get("/engagements")).text
        assert "Mode implementation retainer" in before
        await on.patch(JANE, company_id="co_globex1")
        on.clock.forward(hours=1)
        on.wire.calls.clear()
        answer = await browser.get("/")
        own = {r.url.params.get("company_id") for r in on.wire.calls} - {None}
        assert answer.status_code == 200
        assert own == {"co_abc123", "co_globex1"}
        assert "Mode implementation retainer" not in answer.text


async def test_other_pages_and_first_visits_ask_for_nothing_ahead() -> None:
    async with coming_again() as (on, browser):
        let = hold_contact(on)
        page = asyncio.ensure_future(browser.get("/account"))
        for _ in range(100):
            await asyncio.sleep(0)
        assert asked(on) == []
        let.set()
        assert (await page).status_code == 200
