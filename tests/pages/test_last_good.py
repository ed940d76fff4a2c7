"""Down is not blank: what pages show while SM API is slow, failing or away."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from typing import Final

import httpx2 as httpx
import pytest

from portal.auth.gate import access_for
from portal.auth.who import viewer_for
from tests.stage import Stage, stage

PAGES: Final = (
    "/",
    "/engagements",
    "/engagements/eng_abc123",
    "/invoices",
    "/invoices/inv_2026001",
    "/statement",
    "/activity",
    "/team",
    "/account",
    "/explain/owed",
    "/search?q=mode",
)
FILES: Final = (
    "/invoices.csv",
    "/statement.csv",
    "/statement.pdf",
    "/invoices/inv_2026001.pdf",
    "/api/engagements",
    "/api/invoices",
)
AS_OF: Final = "X-Records-As-Of"


def broken(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(
        200, content=b'{"ok": true, "da', headers={"Content-Type": "application/json"}
    )


def refused(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


FAULTS: Final[dict[str, Callable[[httpx.Request], httpx.Response]]] = {
    "500": lambda _request: httpx.Response(500),
    "429": lambda _request: httpx.Response(429, headers={"Retry-After": "30"}),
    "html": lambda _request: httpx.Response(200, html="<h1>Sign in</h1>"),
    "redirect": lambda _request: httpx.Response(302, headers={"Location": "https://x.example"}),
    "half": broken,
    "refused": refused,
}


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage(read_freshness=5.0) as made:
        yield made


def is_blank(page: httpx.Response) -> bool:
    return "unavailable" in page.text


async def warm(on: Stage, email: str = "jane@acme.com") -> httpx.AsyncClient:
    """A browser that has seen every page."""
    browser = await on.signed_in(email)
    for address in (*PAGES, *FILES):
        assert (await browser.get(address)).status_code == 200, address
    await on.settle()
    return browser


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_every_page_is_shown_from_last_good_data_and_says_of_when(
    on: Stage, fault: Callable[[httpx.Request], httpx.Response]
) -> None:
    jane = await warm(on)
    before = {address: (await jane.get(address)).text for address in PAGES}
    read_at = on.clock.now
    on.clock.forward(minutes=2)
    on.wire.fault = fault
    for address in PAGES:
        page = await jane.get(address)
        assert page.status_code == 200, address
        assert f'notice--as-of" role="status" data-as-of="{read_at.isoformat()}"' in page.text
        assert "You see them as of" in page.text
        assert not is_blank(page), address
        assert "INV-2026-001" in page.text or "INV-2026-001" not in before[address], address
    for address in FILES:
        answer = await jane.get(address)
        assert answer.status_code == 200, address
        assert answer.headers[AS_OF] == read_at.isoformat()


async def test_when_sm_api_answers_again_the_next_page_is_of_now(on: Stage) -> None:
    jane = await warm(on)
    on.clock.forward(minutes=2)
    on.wire.fault = FAULTS["500"]
    assert "notice--as-of" in (await jane.get("/invoices")).text
    on.wire.fault = None
    await on.patch("/api/invoices/inv_2026001", status="paid", paid_date="2026-11-24")
    on.clock.forward(seconds=5)
    page = await jane.get("/invoices/inv_2026001")
    assert "notice--as-of" not in page.text
    assert AS_OF not in page.headers
    assert "Paid" in page.text


async def test_what_was_never_read_says_so_in_its_place(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    await on.settle()
    on.clock.forward(minutes=2)
    on.env.reads.drop()
    down = FAULTS["500"]
    on.wire.fault = lambda r: None if "/api/engagements" in r.url.path else down(r)
    home = await jane.get("/")
    assert home.status_code == 200
    assert "Mode implementation retainer" in home.text
    assert is_blank(home)
    for claim in ("Nothing yet", "Every invoice is settled", "Welcome. From your next"):
        assert claim not in home.text
    for address in ("/invoices", "/statement", "/activity", "/team"):
        page = await jane.get(address)
        assert page.status_code == 503, address
        assert "cannot reach our records right now" in page.text
        assert "Invoices" in page.text
    assert (await jane.get("/invoices.csv")).status_code == 503
    engagement = await jane.get("/engagements/eng_abc123")
    assert engagement.status_code == 200
    assert engagement.text.count("unavailable") >= 2
    assert "Invoices for this engagement show here" not in engagement.text
    assert "stepper" not in engagement.text
    account = await jane.get("/account")
    assert account.status_code == 200
    assert is_blank(account)
    assert is_blank(await jane.get("/search?q=retainer"))
    assert is_blank(await jane.get("/search?q=nothing-like-that"))


async def test_a_visit_is_not_noted_from_last_good_data(on: Stage) -> None:
    jane = await warm(on)
    on.clock.forward(hours=1)
    on.wire.fault = FAULTS["500"]
    await jane.get("/")
    await on.settle()
    on.wire.fault = None
    await on.patch("/api/invoices/inv_2026001", status="paid", paid_date="2026-11-24")
    on.clock.forward(minutes=5)
    assert "Invoice INV-2026-001 is paid" in (await jane.get("/")).text


async def test_a_year_pack_is_not_made_from_last_good_data(on: Stage) -> None:
    jane = await warm(on)
    on.clock.forward(minutes=2)
    on.wire.fault = FAULTS["500"]
    answer = await jane.post("/year-pack", data={"year": "2026"})
    assert answer.status_code == 503


async def test_one_company_never_sees_what_was_kept_for_another(on: Stage) -> None:
    await warm(on)
    hank = await on.signed_in("hank@globex.com")
    await on.settle()
    on.clock.forward(minutes=2)
    on.wire.fault = FAULTS["500"]
    for address in PAGES:
        page = await hank.get(address)
        assert "Acme" not in page.text, address
        assert "INV-2026-0" not in page.text, address


async def test_the_first_page_after_signing_in_is_read_ahead(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    await on.settle()
    before = len(on.wire.calls)
    home = await jane.get("/")
    assert len(on.wire.calls) == before
    assert "Mode implementation retainer" in home.text


async def test_a_page_seen_twice_within_seconds_is_read_once(on: Stage) -> None:
    jane = await warm(on)
    before = len(on.wire.calls)
    for address in PAGES:
        await jane.get(address)
    await on.settle()
    assert len(on.wire.calls) == before


async def test_what_one_changed_oneself_shows_at_once(on: Stage) -> None:
    jane = await warm(on)
    await jane.post("/account", data={"full_name": "Jane S.", "timezone": "UTC", "locale": "en_US"})
    assert "Jane S." in (await jane.get("/team")).text


async def test_after_a_quarter_of_an_hour_without_the_crm_nothing_can_be_changed(
    on: Stage,
) -> None:
    jane = await warm(on)
    on.wire.fault = FAULTS["500"]
    on.clock.forward(minutes=14)
    assert "change nothing" not in (await jane.get("/")).text
    on.clock.forward(minutes=2)
    page = await jane.get("/")
    assert page.status_code == 200
    assert "you can read but change nothing" in page.text
    refused = await jane.post("/team/requests", data={"action": "add", "name": "Zoe"})
    assert refused.status_code == 503
    assert "Nothing can be changed right now" in refused.text
    on.wire.fault = None
    on.clock.forward(seconds=5)
    assert "change nothing" not in (await jane.get("/")).text


async def test_whoever_cannot_be_confirmed_can_still_end_their_sessions(on: Stage) -> None:
    jane = await warm(on)
    on.wire.fault = FAULTS["500"]
    on.clock.forward(minutes=20)
    assert (await jane.post("/auth/logout-everywhere")).status_code == 303
    assert (await jane.get("/")).status_code == 302


async def test_after_four_hours_without_the_crm_the_session_has_ended_for_good(on: Stage) -> None:
    jane = await warm(on)
    on.wire.fault = FAULTS["500"]
    on.clock.forward(hours=3, minutes=59)
    assert (await jane.get("/")).status_code == 200
    token = jane.cookies["sm_client"]
    on.clock.forward(minutes=1)
    ended = await jane.get("/")
    assert (ended.status_code, ended.headers["location"]) == (302, "/auth/login")
    on.wire.fault = None
    on.clock.forward(seconds=5)
    jane.cookies.set("sm_client", token)
    assert (await jane.get("/")).status_code == 302


async def test_access_taken_away_is_gone_within_a_minute_even_when_sm_api_is_slow_to_fail(
    on: Stage,
) -> None:
    jane = await warm(on)
    await on.patch("/api/contacts/ct_abc123", portal_access=0)
    on.wire.fault = lambda r: None if "/api/contacts" in r.url.path else httpx.Response(500)
    on.clock.forward(seconds=30)
    assert (await jane.get("/")).status_code == 403


async def test_the_moment_is_told_with_its_day_when_that_is_another(on: Stage) -> None:
    on.clock.forward(hours=8)
    jane = await warm(on)
    on.wire.fault = FAULTS["500"]
    on.clock.forward(minutes=3)
    today = (await jane.get("/")).text.replace("\u202f", " ")
    assert re.search(r"You see them as of \d+:\d\d [AP]M\.", today)
    on.env.contacts.forget_id("ct_abc123", "jane@acme.com")
    on.wire.fault = lambda r: None if "/api/contacts" in r.url.path else httpx.Response(500)
    on.clock.forward(hours=11)
    later = (await jane.get("/")).text.replace("\u202f", " ")
    assert re.search(r"You see them as of Nov 24, 2026, \d+:\d\d [AP]M", later)


async def test_what_one_asked_for_shows_as_soon_as_it_has_reached_the_crm(on: Stage) -> None:
    jane = await warm(on)
    asked = {"action": "add", "name": "Zoe Neu", "email": "zoe@acme.com", "role": "client_viewer"}
    assert (await jane.post("/team/requests", data=asked)).status_code == 303
    assert "Zoe Neu" not in (await jane.get("/team")).text
    await on.activities("access_request")
    assert "Zoe Neu" in (await jane.get("/team")).text


async def test_what_a_live_page_found_changed_shows_on_the_next_page(on: Stage) -> None:
    jane = await warm(on)
    assert "INV-2026-001" in (await jane.get("/invoices?status=open")).text
    await on.patch("/api/invoices/inv_2026001", status="paid", paid_date="2026-11-24")
    contact = await on.env.contacts.by_id("ct_abc123")
    assert contact is not None
    await access_for(on.env, viewer_for(on.env, contact), now=True).invoices()
    assert "INV-2026-001" not in (await jane.get("/invoices?status=open")).text
