"""The calendar feed: its page, its address, and what a program that has the address reads."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any, Final

import httpx2 as httpx
import pytest
from icalendar import Calendar

from portal.observe import without_token
from tests.staff.stand import previewing
from tests.staff.test_same_bytes import answer_to
from tests.stage import ORIGIN, SECRETS_USED, Stage, stage

JANE: Final = "ct_abc123"
ADDRESS: Final = re.compile(r'value="(http[^"]+/calendar/feed/([^"/]+)\.ics)"')
AMOUNT: Final = re.compile(r"[$€£]\s?\d|\d\s?[€£]|INV-\d|USD|EUR|/invoices|due")
STALE: Final = {"minutes": 1}
"""How long it takes at most until a change in the CRM counts."""


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def shown_in(answer: httpx.Response) -> str:
    """The path of the address that a page shows."""
    found = ADDRESS.search(answer.text)
    assert found, answer.text
    SECRETS_USED.add(found[2])
    return unescape(found[1]).removeprefix(ORIGIN)


async def press(browser: httpx.AsyncClient, action: str, **more: str) -> httpx.Response:
    return await browser.post("/calendar", data={"action": action, **more})


async def made(browser: httpx.AsyncClient) -> str:
    """The path of a feed, made now."""
    answer = await press(browser, "make")
    assert answer.status_code == 200, answer.text
    return shown_in(answer)


async def fetch(on: Stage, path: str, **headers: str) -> httpx.Response:
    """As a calendar program does: no cookies, and none of a browser's headers."""
    transport = httpx.ASGITransport(app=on.app)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as program:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await program.get(path, headers=sent)


async def events(on: Stage, path: str) -> dict[str, Any]:
    """The feed's events by their UIDs."""
    answer = await fetch(on, path)
    assert answer.status_code == 200, answer.text
    return {str(event["UID"]): event for event in Calendar.from_ical(answer.content).events}


def kinds(found: dict[str, Any]) -> set[str]:
    return {uid.partition("-")[0] for uid in found}


# The page


async def test_the_page_is_found_from_the_account_and_from_the_next_dates(on: Stage) -> None:
    for email in ("jane@acme.com", "sam@acme.com"):
        browser = await on.signed_in(email)
        for page in ("/account", "/"):
            assert 'href="/calendar"' in (await browser.get(page)).text


async def test_without_an_address_the_page_offers_to_make_one(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get("/calendar")).text
    assert "Make an address" in page
    assert "Revoke" not in page
    for program in ("Google Calendar", "Apple Calendar", "Outlook"):
        assert program in page


async def test_only_the_answer_to_a_button_has_the_address(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    answer = await press(browser, "make")
    path = shown_in(answer)
    assert answer.headers["cache-control"] == "no-store"
    assert f'href="webcal://127.0.0.1:8787{path}"' in answer.text
    page = (await browser.get("/calendar")).text
    assert "/calendar/feed/" not in page
    assert "You have an address, made on Nov 24, 2026" in page
    again = await press(browser, "show")
    assert again.headers["cache-control"] == "no-store"
    assert shown_in(again) == path


async def test_making_again_shows_the_one_there_is(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    assert await made(browser) == await made(browser)
    assert len(await on.activities("portal_calendar_made")) == 1


async def test_a_viewer_is_told_of_no_invoices(on: Stage) -> None:
    sam, jane = await on.signed_in("sam@acme.com"), await on.signed_in("jane@acme.com")
    assert "Due dates of invoices" in (await jane.get("/calendar")).text
    page = (await sam.get("/calendar")).text
    assert AMOUNT.search(page) is None
    assert "nvoice" not in page


@pytest.mark.parametrize("action", ["", "burn", "MAKE"])
async def test_another_action_is_refused(on: Stage, action: str) -> None:
    browser = await on.signed_in("jane@acme.com")
    assert (await press(browser, action)).status_code == 422
    assert "Make an address" in (await browser.get("/calendar")).text


@pytest.mark.parametrize("action", ["show", "renew", "revoke"])
async def test_what_needs_an_address_does_nothing_without_one(on: Stage, action: str) -> None:
    browser = await on.signed_in("jane@acme.com")
    answer = await press(browser, action)
    assert (answer.status_code, answer.headers["location"]) == (303, "/calendar")
    assert "Make an address" in (await browser.get("/calendar")).text
    for kind in ("made", "renewed", "revoked"):
        assert await on.activities(f"portal_calendar_{kind}") == []


async def test_what_was_done_is_on_record_and_the_address_is_not(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    first = await made(browser)
    second = shown_in(await press(browser, "renew"))
    await press(browser, "show")
    await press(browser, "revoke")
    for kind in ("made", "renewed", "revoked"):
        (activity,) = await on.activities(f"portal_calendar_{kind}")
        assert (activity["contact_id"], activity["company_id"]) == (JANE, "co_abc123")
        assert not any(path.rpartition("/")[2] in str(activity) for path in (first, second))
    assert await on.activities("portal_calendar_shown") == []
    assert "calendar" not in (await browser.get("/activity")).text.partition("<main")[2].lower()


# The address


async def test_a_program_without_a_session_reads_the_feed(on: Stage) -> None:
    path = await made(await on.signed_in("jane@acme.com"))
    answer = await fetch(on, path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "set-cookie" not in answer.headers
    found = Calendar.from_ical(answer.content)
    assert found.calendar_name == "Mode · Acme Corp"


async def test_renewing_ends_the_old_address(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    old = await made(browser)
    answer = await press(browser, "renew")
    assert "The one before no longer works" in answer.text
    new = shown_in(answer)
    assert new != old
    assert (await fetch(on, old)).status_code == 404
    assert (await fetch(on, new)).status_code == 200


async def test_a_renewal_that_is_sent_again_does_not_end_the_new_address(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    await made(browser)
    sent = re.findall(r'name="made" value="([^"]+)"', (await browser.get("/calendar")).text)[0]
    on.clock.forward(minutes=5)
    new = shown_in(await press(browser, "renew", made=sent))
    assert shown_in(await press(browser, "renew", made=sent)) == new
    assert len(await on.activities("portal_calendar_renewed")) == 1


async def test_revoking_ends_the_address_at_once(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    path = await made(browser)
    etag = (await fetch(on, path)).headers["etag"]
    answer = await press(browser, "revoke")
    assert (answer.status_code, answer.headers["location"]) == (303, "/calendar?revoked=1")
    page = (await browser.get("/calendar?revoked=1")).text
    assert "The address no longer works" in page
    assert "Make an address" in page
    assert (await fetch(on, path)).status_code == 404
    assert (await fetch(on, path, If_None_Match=etag)).status_code == 404


async def test_a_note_of_revoking_does_not_show_while_there_is_an_address(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    await made(browser)
    assert "no longer works" not in (await browser.get("/calendar?revoked=1")).text


async def test_signing_out_everywhere_leaves_the_feed(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    path = await made(browser)
    await browser.post("/auth/logout-everywhere")
    assert (await fetch(on, path)).status_code == 200


async def test_every_address_that_opens_nothing_gets_the_same_answer(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    revoked = await made(browser)
    await press(browser, "revoke")
    old = await made(browser)
    current = shown_in(await press(browser, "renew"))
    sam = await on.signed_in("sam@acme.com")
    withdrawn = await made(sam)
    await on.patch("/api/contacts/ct_def456", portal_access=0)
    on.clock.forward(**STALE)
    tampered = current.replace("/feed/", "/feed/x")
    payload = withdrawn.partition(".")[0].rpartition("/")[2]
    anothers = f"/calendar/feed/{payload}.{current.rpartition('/')[2].partition('.')[2]}"
    answers = []
    for path in (revoked, old, withdrawn, tampered, anothers, "/calendar/feed/x.ics"):
        answer = await fetch(on, path, X_Request_Id="the-same-for-all")
        answers.append((answer.status_code, answer.text, sorted(answer.headers.multi_items())))
    assert answers[0][0] == 404
    assert [answer == answers[0] for answer in answers] == [True] * 6
    assert (await fetch(on, current)).status_code == 200


@pytest.mark.parametrize("status", [200, 304, 404, 429, 503])
async def test_no_answer_lets_the_address_go_on(on: Stage, status: int) -> None:
    browser = await on.signed_in("jane@acme.com")
    path, sent = await made(browser), {}
    if status == 304:
        sent["If_None_Match"] = (await fetch(on, path)).headers["etag"]
    if status == 404:
        await press(browser, "revoke")
    if status == 429:
        for _ in range(10):
            await fetch(on, path)
    if status == 503:
        on.wire.fault = lambda _request: httpx.Response(500)
    answer = await fetch(on, path, **sent)
    assert answer.status_code == status
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert "public" not in answer.headers["cache-control"]
    assert path.rpartition("/")[2] not in answer.text


# What it says


async def test_an_admins_feed_has_the_days_of_the_work_and_what_is_to_be_paid(on: Stage) -> None:
    found = await events(on, await made(await on.signed_in("jane@acme.com")))
    assert kinds(found) == {"start", "end", "renewal", "milestone", "due"}
    renewal = found["renewal-eng_abc123@127.0.0.1"]
    assert renewal["SUMMARY"] == "Renewal of Mode implementation retainer"
    assert renewal.start.isoformat() == "2027-05-28"
    assert renewal["URL"] == f"{ORIGIN}/engagements/eng_abc123"
    assert found["start-eng_acmeaudit1@127.0.0.1"]["SUMMARY"] == "Start of Technology audit"
    milestone = found["milestone-act_acme0034@127.0.0.1"]
    assert milestone["SUMMARY"] == "Roadmap agreed"
    assert milestone.DTSTAMP.isoformat() == "2026-08-06T17:34:00+00:00"
    due = found["due-inv_2026002@127.0.0.1"]
    assert (due["SUMMARY"], due.start.isoformat()) == ("INV-2026-002 is due", "2026-12-15")
    assert due["DESCRIPTION"] == "Left to pay: $4,421.00 of $8,421.00"
    assert due["URL"] == f"{ORIGIN}/invoices/inv_2026002"
    assert found["due-inv_2026003@127.0.0.1"]["DESCRIPTION"] == "To pay: €3,512.80"


async def test_what_is_not_to_be_paid_is_not_due(on: Stage) -> None:
    found = await events(on, await made(await on.signed_in("jane@acme.com")))
    due = {uid.removeprefix("due-").partition("@")[0] for uid in found if uid.startswith("due-")}
    # Neither a draft, nor what is paid or void, a credit, or another product's.
    assert due == {f"inv_202600{n}" for n in (1, 2, 3, 5, 6, 7)}


async def test_another_products_and_another_clients_records_are_not_in_it(on: Stage) -> None:
    acme = (await fetch(on, await made(await on.signed_in("jane@acme.com")))).text
    globex = (await fetch(on, await made(await on.signed_in("hank@globex.com")))).text
    assert "Signal" not in acme
    assert "Globex" not in acme
    assert "Globex" in globex
    assert "Acme" not in globex
    assert "Mode implementation retainer" not in globex


async def test_a_milestone_leads_to_its_work_only_when_the_reader_has_that(on: Stage) -> None:
    for title, engagement_id in (("Ours", "eng_abc123"), ("Theirs", "eng_acmesignl1")):
        answer = await on.sandbox.post(
            "/api/activities",
            json={
                "activity_type": "milestone",
                "title": title,
                "company_id": "co_abc123",
                "engagement_id": engagement_id,
                "source": "mode",
            },
        )
        assert answer.status_code == 201, answer.text
    found = await events(on, await made(await on.signed_in("jane@acme.com")))
    urls = {str(event["SUMMARY"]): str(event["URL"]) for event in found.values()}
    assert urls["Ours"] == f"{ORIGIN}/engagements/eng_abc123"
    assert urls["Theirs"] == f"{ORIGIN}/activity"


async def test_a_viewers_feed_has_neither_invoices_nor_amounts(on: Stage) -> None:
    await on.patch("/api/engagements/eng_abc123", name="Retainer at $4,500 a month")
    path = await made(await on.signed_in("sam@acme.com"))
    found = await events(on, path)
    assert kinds(found) == {"start", "end", "renewal", "milestone"}
    assert AMOUNT.search((await fetch(on, path)).text) is None
    assert all("/api/invoices" not in call.url.path for call in on.wire.calls[-6:])


async def test_a_role_lowered_in_the_crm_takes_the_invoices_out(on: Stage) -> None:
    path = await made(await on.signed_in("jane@acme.com"))
    etag = (await fetch(on, path)).headers["etag"]
    await on.patch(f"/api/contacts/{JANE}", portal_role="client_viewer")
    on.clock.forward(**STALE)
    answer = await fetch(on, path, If_None_Match=etag)
    assert answer.status_code == 200
    assert AMOUNT.search(answer.text) is None


@pytest.mark.parametrize(
    "change", [{"portal_access": 0}, {"product": "signal", "products": ["signal"]}]
)
async def test_access_taken_away_in_the_crm_ends_the_feed(
    on: Stage, change: dict[str, Any]
) -> None:
    path = await made(await on.signed_in("jane@acme.com"))
    assert (await fetch(on, path)).status_code == 200
    await on.patch(f"/api/contacts/{JANE}", **change)
    on.clock.forward(**STALE)
    assert (await fetch(on, path)).status_code == 404


async def test_somebody_moved_to_another_company_reads_that_ones_days(on: Stage) -> None:
    path = await made(await on.signed_in("jane@acme.com"))
    await on.patch(f"/api/contacts/{JANE}", company_id="co_globex1")
    on.clock.forward(**STALE)
    text = (await fetch(on, path)).text
    assert "Acme" not in text
    assert "Globex" in text


async def test_an_invoice_that_is_paid_leaves_and_the_rest_keeps_its_identity(on: Stage) -> None:
    path = await made(await on.signed_in("jane@acme.com"))
    before = await events(on, path)
    await on.patch("/api/invoices/inv_2026001", status="paid", amount_paid=19192.5)
    await on.patch("/api/engagements/eng_abc123", contract_renewal_date="2027-06-01")
    on.clock.forward(**STALE)
    after = await events(on, path)
    assert before.keys() - after.keys() == {"due-inv_2026001@127.0.0.1"}
    assert after.keys() <= before.keys()
    assert after["renewal-eng_abc123@127.0.0.1"].start.isoformat() == "2027-06-01"


async def test_texts_of_the_crm_stay_texts(on: Stage) -> None:
    name = "Größe, Zoë; Ł\\N\r\nEND:VEVENT"
    await on.patch("/api/engagements/eng_abc123", name=name)
    found = await events(on, await made(await on.signed_in("jane@acme.com")))
    said = str(found["renewal-eng_abc123@127.0.0.1"]["SUMMARY"])
    assert said.startswith("Renewal of Größe, Zoë; Ł\\N")
    assert "END:VEVENT" in said


async def test_dates_and_amounts_are_the_readers_own(on: Stage) -> None:
    await on.patch(f"/api/contacts/{JANE}", locale="de_DE", timezone="Asia/Tokyo")
    found = await events(on, await made(await on.signed_in("jane@acme.com")))
    assert "4.421,00" in found["due-inv_2026002@127.0.0.1"]["DESCRIPTION"]
    # 18:11 UTC on the 17th is the 18th in Tokyo.
    assert found["milestone-act_acme0011@127.0.0.1"].start.isoformat() == "2026-11-18"


# Fetching


async def test_what_has_not_changed_is_not_sent_again(on: Stage) -> None:
    path = await made(await on.signed_in("jane@acme.com"))
    first = await fetch(on, path)
    on.clock.forward(hours=6)
    again = await fetch(on, path, If_None_Match=f'"other", {first.headers["etag"]}')
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    await on.patch("/api/invoices/inv_2026002", due_date="2026-12-16")
    on.clock.forward(**STALE)
    changed = await fetch(on, path, If_None_Match=first.headers["etag"])
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("part", ["/api/contacts", "/api/engagements", "/api/invoices"])
async def test_while_the_crm_is_away_the_feed_is_a_503_and_never_empty(
    on: Stage, part: str
) -> None:
    path = await made(await on.signed_in("jane@acme.com"))
    on.clock.forward(**STALE)
    on.wire.fault = lambda request: httpx.Response(500) if part in request.url.path else None
    answer = await fetch(on, path)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "VCALENDAR" not in answer.text
    on.wire.fault = None
    assert (await fetch(on, path)).status_code == 200


async def test_an_address_is_fetched_so_often_and_no_more(on: Stage) -> None:
    path = await made(await on.signed_in("jane@acme.com"))
    others = await made(await on.signed_in("sam@acme.com"))
    statuses = [(await fetch(on, path)).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    asked = len(on.wire.calls)
    refused = await fetch(on, path)
    assert refused.headers["retry-after"] == "60"
    assert len(on.wire.calls) == asked
    assert (await fetch(on, others)).status_code == 200
    on.clock.forward(seconds=61)
    assert (await fetch(on, path)).status_code == 200


async def test_an_address_that_was_renewed_begins_anew(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    path = await made(browser)
    for _ in range(11):
        await fetch(on, path)
    assert (await fetch(on, shown_in(await press(browser, "renew")))).status_code == 200
    assert (await fetch(on, path)).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_feed_can_only_be_read(on: Stage, method: str) -> None:
    path = await made(await on.signed_in("jane@acme.com"))
    assert (await on.browser().request(method, path)).status_code == 405
    assert (await on.browser().head(path)).status_code == 200


# Staff, and the log


async def test_a_preview_shows_the_page_but_neither_shows_nor_changes_the_address(
    on: Stage,
) -> None:
    client = await on.signed_in("jane@acme.com")
    path = await made(client)
    await client.get("/")
    lens = await previewing(on)
    theirs, seen = await answer_to(client, "/calendar"), await answer_to(lens, "/calendar")
    assert seen[:3] == theirs[:3]
    assert "You have an address" in seen[2]
    assert "/calendar/feed/" not in seen[2]
    for action in ("make", "show", "renew", "revoke"):
        refused = await press(lens, action)
        assert refused.status_code == 403
        assert "/calendar/feed/" not in refused.text
    assert (await fetch(on, path)).status_code == 200


async def test_the_log_has_the_path_without_its_token(on: Stage, log_lines: io.StringIO) -> None:
    path = await made(await on.signed_in("jane@acme.com"))
    token = path.rpartition("/")[2].removesuffix(".ics")
    await fetch(on, path)
    # However it was copied.
    for wrong in (
        f"{path}/",
        path.removesuffix(".ics"),
        f"/Calendar/Feed/{token}",
        f"{ORIGIN}/{path}",
    ):
        await fetch(on, wrong)
    logged = log_lines.getvalue()
    assert token not in logged
    assert '"path":"/calendar/feed/\\u2026","status":200' in logged


def test_a_path_without_a_token_is_logged_whole() -> None:
    for path in ("/", "/calendar", "/invoices/inv_1", "/calendar/feed"):
        assert without_token(path) == path
