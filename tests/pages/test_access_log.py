"""The access log on the account page: who came in, and which staff looked on and why."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest

from tests.staff.stand import by_google
from tests.stage import Stage, stage


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def preview(on: Stage, contact_id: str, reason: str) -> None:
    ava = await by_google(on)
    sent = {"contact_id": contact_id, "reason": reason}
    assert (await ava.post("/auth/view-as", data=sent)).status_code == 303
    await on.activities("portal_preview_started")


async def log_of(on: Stage, browser: httpx.AsyncClient) -> str:
    await on.activities("portal_login")
    page = await browser.get("/account")
    assert page.status_code == 200, page.text
    return page.text.partition('id="access-log"')[2]


async def test_a_client_reads_of_sign_ins_and_of_each_preview_with_its_reason(on: Stage) -> None:
    await preview(on, "ct_def456", 'He asked <why> "the" report is late')
    sam = await on.signed_in("sam@acme.com")
    shown = await log_of(on, sam)
    assert "Ava Torres of Sprint Mode looked at the portal as Sam Lee" in shown
    assert "Reason: He asked &lt;why&gt; &#34;the&#34; report is late" in shown
    assert "Sam Lee signed in" in shown
    assert "read-only" in shown


async def test_an_admin_reads_it_for_the_whole_company_a_viewer_their_own(on: Stage) -> None:
    await preview(on, "ct_abc123", "About an invoice")
    sam, jane = await on.signed_in("sam@acme.com"), await on.signed_in("jane@acme.com")
    assert "About an invoice" not in await log_of(on, sam)
    assert "Jane Smith" not in await log_of(on, sam)
    shown = await log_of(on, jane)
    assert "About an invoice" in shown
    assert "Sam Lee signed in" in shown


async def test_nothing_of_another_company_or_product_is_in_it(on: Stage) -> None:
    await on.signed_in("hank@globex.com")
    for source, title in (("signal", "Signal sign-in"), ("other", "Other sign-in")):
        body = {
            "activity_type": "portal_login",
            "title": title,
            "company_id": "co_abc123",
            "contact_id": "ct_def456",
            "source": source,
            # What another portal keeps here has shapes of its own.
            "metadata": {"method": ["passkey"], "reason": 7},
        }
        assert (await on.sandbox.post("/api/activities", json=body)).status_code == 201
    jane = await on.signed_in("jane@acme.com")
    shown = await log_of(on, jane)
    assert "Hank" not in shown
    assert "Sam Lee signed in" not in shown
