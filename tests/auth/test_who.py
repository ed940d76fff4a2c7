"""While STATE is away: clients read on, nothing changes, nobody signs in, staff are kept out."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from typing import NoReturn

import pytest

from portal.errors import StateUnavailable
from tests.stage import Stage, stage

AWAY = "We cannot check right now"
AVA = "ava@sprintmode.ai"
NEWCOMER = "newcomer@sprintmode.ai"
QUESTIONS = ("get", "get_many", "put", "add", "increment", "delete", "list")


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


@pytest.fixture
def outage() -> Iterator[pytest.MonkeyPatch]:
    """What `take_away` does, and its `undo` is the end of the outage."""
    patch = pytest.MonkeyPatch()
    yield patch
    patch.undo()


def take_away(on: Stage, outage: pytest.MonkeyPatch) -> None:
    """Let STATE answer nothing from now on."""

    async def refuse(*_words: object, **_more: object) -> NoReturn:
        raise StateUnavailable("the tests took it away")

    for question in QUESTIONS:
        outage.setattr(on.env.state, question, refuse)


async def test_a_client_reads_on(
    on: Stage, outage: pytest.MonkeyPatch, log_lines: io.StringIO
) -> None:
    browser = await on.signed_in("jane@acme.com")
    take_away(on, outage)
    for page in ("/", "/invoices", "/engagements", "/activity", "/team", "/account", "/auth/me"):
        assert (await browser.get(page)).status_code == 200, page
    await on.settle()
    assert "background_work_failed" not in log_lines.getvalue()
    assert "the tests took it away" not in (await browser.get("/account")).text


async def test_what_cannot_be_read_is_not_shown_as_nothing(
    on: Stage, outage: pytest.MonkeyPatch
) -> None:
    browser = await on.signed_in("jane@acme.com")
    take_away(on, outage)
    page = (await browser.get("/account")).text
    assert "These cannot be shown right now" in page
    assert "None known here" not in page


async def test_a_visit_that_cannot_be_read_is_not_replaced(
    on: Stage, outage: pytest.MonkeyPatch
) -> None:
    browser = await on.signed_in("jane@acme.com")
    await browser.get("/")
    await on.settle()
    before = await on.env.state.get("visits:ct_abc123")
    take_away(on, outage)
    assert (await browser.get("/")).status_code == 200
    await on.settle()
    outage.undo()
    assert await on.env.state.get("visits:ct_abc123") == before


async def test_a_client_changes_nothing_and_is_told_why(
    on: Stage, outage: pytest.MonkeyPatch, log_lines: io.StringIO
) -> None:
    browser = await on.signed_in("jane@acme.com")
    take_away(on, outage)
    page = await browser.post("/calendar", data={"action": "make"})
    assert (page.status_code, page.headers["retry-after"]) == (503, "30")
    assert AWAY in page.text
    # Nor what has nothing to do with STATE: whether the session was ended is not known.
    assert (await browser.post("/account", data={"full_name": "Jane"})).status_code == 503
    said = await browser.post(
        "/auth/logout-everywhere", json={}, headers={"Accept": "application/json"}
    )
    assert said.status_code == 503
    assert said.json()["ok"] is False
    assert "the tests took it away" in log_lines.getvalue()
    outage.undo()
    assert (await browser.post("/calendar", data={"action": "make"})).status_code == 200


async def test_a_session_that_was_ended_reads_on_until_it_can_be_known(
    on: Stage, outage: pytest.MonkeyPatch
) -> None:
    browser = await on.signed_in("jane@acme.com")
    kept = browser.cookies["sm_client"]
    await browser.post("/auth/logout")
    copy = on.browser(Cookie=f"sm_client={kept}")
    assert (await copy.get("/invoices")).status_code == 302
    take_away(on, outage)
    assert (await copy.get("/invoices")).status_code == 200
    outage.undo()
    assert (await copy.get("/invoices")).status_code == 302


async def test_staff_are_kept_out_and_previews_too(on: Stage, outage: pytest.MonkeyPatch) -> None:
    staff = on.browser()
    await on.sign_in_with_google(staff, AVA)
    assert (await staff.get("/staff")).status_code == 200
    take_away(on, outage)
    for page in ("/staff", "/", "/auth/me"):
        assert (await staff.get(page)).status_code == 503, page
    outage.undo()
    looked = await staff.post("/auth/view-as", data={"contact_id": "ct_abc123", "reason": "help"})
    assert looked.status_code == 303
    take_away(on, outage)
    assert (await staff.get("/invoices")).status_code == 503


async def test_an_account_of_our_own_with_a_clients_address_is_not_taken_for_that_client(
    on: Stage, outage: pytest.MonkeyPatch
) -> None:
    staff = on.browser()
    await on.sign_in_with_google(staff, NEWCOMER)
    who = {"email": NEWCOMER, "full_name": "New", "contact_type": "client", "product": "mode"}
    may = {"company_id": "co_abc123", "portal_access": 1, "portal_role": "client_admin"}
    made = await on.sandbox.post("/api/contacts", json=who | may)
    assert made.status_code == 201, made.text
    on.clock.forward(minutes=2)
    assert (await staff.get("/staff")).status_code == 200
    take_away(on, outage)
    assert (await staff.get("/invoices")).status_code == 503


async def test_nobody_signs_in_and_no_link_is_used_up(
    on: Stage, outage: pytest.MonkeyPatch
) -> None:
    browser, other = on.browser(), on.browser()
    await on.ask_for_link(browser, "jane@acme.com")
    token, code = on.last_token(), on.last_code()
    start = await other.get("/auth/sso/google")
    callback = await on.at_google(start, "jane@acme.com")
    take_away(on, outage)
    assert (await browser.get("/auth/login")).status_code == 200
    answers = [
        await browser.post("/auth/magic", data={"email": "jane@acme.com"}),
        await browser.post("/auth/magic", data={"email": "nobody@nowhere.example"}),
        await browser.post("/auth/magic/verify", data={"token": token}),
        await browser.post("/auth/verify-code", data={"code": code}),
        await other.get(callback),
    ]
    assert [(one.status_code, AWAY in one.text) for one in answers] == [(503, True)] * 5
    assert "sm_client" not in browser.cookies
    outage.undo()
    entered = await browser.post("/auth/magic/verify", data={"token": token})
    assert entered.status_code == 303
