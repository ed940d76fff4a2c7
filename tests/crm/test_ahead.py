"""A page's lists are asked for while access is confirmed, of the company that is expected.

Nothing of that is shown unless the CRM confirms that very company.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

import httpx2 as httpx
import pytest

from portal.auth.revocation import Revocations
from portal.auth.session import verify
from portal.errors import StateUnavailable
from tests.blackbox.tokens import HOUR, HS256, claims_of, forged
from tests.stage import Stage, stage

LISTS = ["/api/activities", "/api/activities", "/api/engagements", "/api/invoices"]
JANE = "/api/contacts/ct_abc123"


PAGES_OF_OURS = (
    *("/", "/engagements", "/invoices", "/activity", "/statement", "/team", "/account"),
    *("/engagements/eng_abc123", "/invoices/inv_2026001"),
)


def token(
    on: Stage, contact_id: str = "ct_abc123", email: str = "jane@acme.com", /, **claims: object
) -> str:
    """A token as another portal of the platform makes it."""
    now = int(on.clock().timestamp())
    payload = claims_of(contact_id, email, iat=now, exp=now + HOUR, **claims)
    return forged(HS256, payload, on.env.settings.session_secrets[0])


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


@pytest.mark.parametrize("page", PAGES_OF_OURS)
async def test_every_page_is_made_of_what_was_asked_for_ahead(page: str) -> None:
    async with stage(read_freshness=5.0) as on, on.browser() as browser:
        browser.cookies.set("sm_client", token(on, company_id="co_abc123"))
        let = hold_contact(on)
        answer = asyncio.ensure_future(browser.get(page))
        for _ in range(200):
            await asyncio.sleep(0)
        ahead = asked(on)
        assert ahead
        let.set()
        assert (await answer).status_code == 200
        assert asked(on) == sorted([*ahead, JANE])


async def test_a_page_that_is_not_ours_to_read_ahead_for_waits_for_its_viewer() -> None:
    async with stage(read_freshness=5.0) as on, on.browser() as browser:
        browser.cookies.set("sm_client", token(on, company_id="co_abc123"))
        let = hold_contact(on)
        answer = asyncio.ensure_future(browser.get("/search?q=mode"))
        for _ in range(200):
            await asyncio.sleep(0)
        assert asked(on) == []
        let.set()
        assert (await answer).status_code == 200


async def test_a_token_that_names_an_old_company_shows_nothing_of_it() -> None:
    async with stage(read_freshness=5.0) as on, on.browser() as browser:
        await on.patch(JANE, company_id="co_globex1")
        browser.cookies.set("sm_client", token(on, company_id="co_abc123"))
        stale = await browser.get("/")
        asked_for = {r.url.params.get("company_id") for r in on.wire.calls} - {None}
        assert asked_for == {"co_abc123", "co_globex1"}
        assert "Mode implementation retainer" not in stale.text
        assert "Acme" not in stale.text
    async with stage(read_freshness=5.0) as on, on.browser() as browser:
        await on.patch(JANE, company_id="co_globex1")
        browser.cookies.set("sm_client", token(on, company_id="co_globex1"))
        right = await browser.get("/")
        assert right.status_code == stale.status_code == 200
        assert right.text == stale.text


@pytest.mark.parametrize("said", ["co_nobody", "../contacts/ct_abc123", "", 7, None, ["co_abc123"]])
async def test_a_token_that_names_no_company_of_theirs_gives_the_right_page(said: object) -> None:
    async with stage(read_freshness=5.0) as on, on.browser() as browser:
        browser.cookies.set("sm_client", token(on, company_id=said))
        answer = await browser.get("/")
        assert answer.status_code == 200
        assert "Mode implementation retainer" in answer.text


@pytest.mark.parametrize("role", ["portal_role", "role"])
async def test_invoices_are_not_asked_for_ahead_for_who_sees_no_money(role: str) -> None:
    async with stage(read_freshness=5.0) as on, on.browser() as browser:
        said = {"company_id": "co_abc123", role: "client_viewer"}
        browser.cookies.set("sm_client", token(on, "ct_def456", "sam@acme.com", **said))
        assert (await browser.get("/")).status_code == 200
        assert asked(on) == ["/api/activities", "/api/contacts/ct_def456", "/api/engagements"]


async def test_nothing_is_asked_for_by_a_token_that_does_not_verify() -> None:
    async with stage(read_freshness=5.0) as on, on.browser() as browser:
        good = token(on, company_id="co_abc123")
        bad = good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB")
        browser.cookies.set("sm_client", bad)
        assert (await browser.get("/")).status_code == 302
        await on.settle()
        assert asked(on) == []


async def test_nothing_is_asked_for_ahead_by_a_session_that_was_ended() -> None:
    async with stage(read_freshness=5.0) as on, on.browser() as browser:
        ended = token(on, company_id="co_abc123")
        session = verify(ended, on.env.settings.session_secrets, on.clock())
        await Revocations(on.env.state).end(session, on.clock())
        browser.cookies.set("sm_client", ended)
        assert (await browser.get("/")).status_code == 302
        assert asked(on) == [JANE]


async def test_nothing_is_asked_for_ahead_while_nobody_knows_whether_it_was_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(*_words: object) -> NoReturn:
        raise StateUnavailable("the test took it away")

    async with stage(read_freshness=5.0) as on, on.browser() as browser:
        monkeypatch.setattr(on.env.state, "get_many", refuse)
        browser.cookies.set("sm_client", token(on, company_id="co_abc123"))
        let = hold_contact(on)
        answer = asyncio.ensure_future(browser.get("/"))
        for _ in range(200):
            await asyncio.sleep(0)
        assert asked(on) == []
        let.set()
        assert (await answer).status_code == 200
