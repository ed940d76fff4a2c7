"""A person whom the CRM moved, or whose role it changed, is told once, on the next page."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest

from portal.auth.standing import COOKIE, Change, Standing
from tests.stage import Stage, stage

ADMIN = Standing("ct_jane", "co_acme", "client_admin")
VIEWER = Standing("ct_jane", "co_acme", "client_viewer")
NOTICE = '<p class="notice notice--accent" role="status">'


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def _after(on: Stage, browser: httpx.AsyncClient, **values: str) -> httpx.Response:
    """The next page, once the CRM's change has come through."""
    assert NOTICE not in (await browser.get("/")).text
    await on.patch("/api/contacts/ct_abc123", **values)
    on.clock.forward(seconds=31)
    return await browser.get("/")


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        (ADMIN, VIEWER, Change.LOWERED),
        (VIEWER, ADMIN, Change.RAISED),
        (ADMIN, ADMIN, None),
        (None, ADMIN, None),
        (ADMIN, Standing("ct_jane", "co_globex", "client_viewer"), Change.MOVED),
        (ADMIN, Standing("ct_sam", "co_globex", "client_viewer"), None),
    ],
)
def test_what_has_changed_is_seen(
    before: Standing | None, now: Standing, change: Change | None
) -> None:
    assert now.since(before) is change


async def test_a_lowered_role_is_explained_once(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = await _after(on, browser, portal_role="client_viewer")
    assert "Your role is now viewer" in page.text
    assert NOTICE not in (await browser.get("/")).text


async def test_a_raised_role_is_explained(on: Stage) -> None:
    browser = await on.signed_in("sam@acme.com")
    assert (await browser.get("/")).status_code == 200
    await on.patch("/api/contacts/ct_def456", portal_role="client_admin")
    on.clock.forward(seconds=31)
    assert "Your role is now administrator" in (await browser.get("/")).text


async def test_a_move_to_another_company_names_the_new_one(on: Stage) -> None:
    company = await on.sandbox.post("/api/companies", json={"name": "B & B", "product": "mode"})
    browser = await on.signed_in("jane@acme.com")
    page = await _after(on, browser, company_id=company.json()["data"]["id"])
    assert "Your account now belongs to B &amp; B." in page.text


async def test_an_answer_that_is_no_page_does_not_use_the_notice_up(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    await browser.get("/")
    await on.patch("/api/contacts/ct_abc123", portal_role="client_viewer")
    on.clock.forward(seconds=31)
    assert (await browser.get("/api/engagements")).status_code == 200
    assert (await browser.get("/invoices")).status_code == 403
    assert "Your role is now viewer" in (await browser.get("/")).text


@pytest.mark.parametrize("value", ["", "x", "a/b/c/d", "ct_abc123/co_abc123/<b>"])
async def test_a_made_up_note_changes_nothing_but_a_notice(on: Stage, value: str) -> None:
    browser = await on.signed_in("jane@acme.com")
    browser.cookies.set(COOKIE, value)
    page = await browser.get("/")
    assert page.status_code == 200
    assert "<b>" not in page.text
