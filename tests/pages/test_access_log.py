"""The access log on the account page: who came in, and which staff looked on and why."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx2 as httpx
import pytest
from markupsafe import escape

from tests.staff.stand import by_google, hub_token
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


async def test_it_says_when_in_the_readers_own_time(on: Stage) -> None:
    await preview(on, "ct_abc123", "About an invoice")
    [noted] = await on.activities("portal_preview_started")
    shown = await log_of(on, await on.signed_in("jane@acme.com"))
    at = shown.index("About an invoice")
    [stamp] = re.findall(r'<time[^>]* datetime="([^"]+)"', shown[at:])[:1]
    assert datetime.fromisoformat(stamp) == datetime.fromisoformat(noted["created_at"])
    # 15:30 UTC in New York.
    assert "10:30" in shown[at:].partition("</time>")[0]


async def test_a_preview_that_the_platforms_hub_opened_is_in_it_too(on: Stage) -> None:
    token = hub_token(on, viewing_as={"contact_id": "ct_abc123"})
    assert (await on.browser(Cookie=f"sm_client={token}").get("/")).status_code == 200
    shown = await log_of(on, await on.signed_in("jane@acme.com"))
    assert "Ava Torres of Sprint Mode looked at the portal as Jane Smith" in shown
    assert "Opened from the platform" in shown


async def test_each_preview_is_an_entry_and_nothing_else_of_it_is(on: Stage) -> None:
    ava = await by_google(on)
    for reason in ("First look", "Second look"):
        sent = {"contact_id": "ct_def456", "reason": reason}
        await ava.post("/auth/view-as", data=sent)
        await ava.post("/account/theme", data={"theme": "dark"})
        await ava.post("/auth/exit-view-as")
        for kind in ("portal_preview_started", "portal_preview_refused", "portal_preview_ended"):
            assert await on.activities(kind)
        on.clock.forward(minutes=1)
    shown = await log_of(on, await on.signed_in("sam@acme.com"))
    assert shown.count("looked at the portal as Sam Lee") == 2
    assert shown.index("Second look") < shown.index("First look")
    assert "/account/theme" not in shown


async def test_staffs_own_sign_ins_are_in_no_clients_log(on: Stage) -> None:
    await by_google(on)
    await on.activities("portal_login")
    for email in ("jane@acme.com", "sam@acme.com", "hank@globex.com"):
        shown = await log_of(on, await on.signed_in(email))
        assert "Ava Torres" not in shown


async def test_another_companys_admin_reads_nothing_of_it(on: Stage) -> None:
    await preview(on, "ct_abc123", "About an invoice of Acme")
    for email in ("hank@globex.com", "mary-jane@acme.com", "zoe@lukasiewicz.example"):
        shown = await log_of(on, await on.signed_in(email))
        assert "About an invoice of Acme" not in shown
        assert "Jane Smith" not in shown
        assert "looked at the portal" not in shown


async def test_whoever_moved_to_another_company_leaves_its_log_behind(on: Stage) -> None:
    await preview(on, "ct_abc123", "About an invoice of Acme")
    await on.patch("/api/contacts/ct_abc123", company_id="co_globex1")
    shown = await log_of(on, await on.signed_in("jane@acme.com"))
    assert "About an invoice of Acme" not in shown


@pytest.mark.parametrize(
    "reason",
    [
        "</section><script>alert(1)</script>",
        '" onmouseover="alert(1)',
        "{{ 7*7 }} {% raw %} %(staff)s %s",
        "&lt;b&gt; &amp;amp;",
        "a\u202ereversed\u2066",
    ],
)
async def test_a_hostile_reason_is_shown_as_the_words_it_is(on: Stage, reason: str) -> None:
    body = {
        "activity_type": "portal_preview_started",
        "title": "Staff preview started",
        "company_id": "co_abc123",
        "contact_id": "ct_abc123",
        "source": "mode",
        "metadata": {"reason": reason, "staff_name": reason, "staff_id": "ct_avator1"},
    }
    assert (await on.sandbox.post("/api/activities", json=body)).status_code == 201
    jane = await on.signed_in("jane@acme.com")
    shown = await log_of(on, jane)
    assert f"Reason: {escape(reason)}" in shown
    assert f"{escape(reason)} of Sprint Mode looked at the portal as Jane Smith" in shown
    assert "<script>alert" not in shown
    assert "49" not in shown.partition("Reason:")[2].partition("</span>")[0]


@pytest.mark.parametrize(
    "metadata",
    [{}, {"reason": None, "staff_name": None}, {"reason": ""}, {"reason": "x" * 5000}, {"new": {}}],
    ids=["nothing", "nulls", "empty", "long", "other fields"],
)
async def test_whatever_is_missing_of_an_entry_leaves_the_rest_readable(
    on: Stage, metadata: dict[str, Any]
) -> None:
    for kind in ("portal_preview_started", "portal_login"):
        body = {"activity_type": kind, "title": kind, "company_id": "co_abc123", "source": "mode"}
        made = await on.sandbox.post("/api/activities", json={**body, "metadata": metadata})
        assert made.status_code == 201
    shown = await log_of(on, await on.signed_in("jane@acme.com"))
    assert "Our staff" in shown
    assert "A colleague signed in" in shown
    assert "Jane Smith signed in" in shown


@pytest.mark.parametrize(
    "metadata", [{"reason": 7}, {"method": ["passkey"]}, {"staff_name": {"first": "Ava"}}], ids=str
)
async def test_an_entry_of_another_shape_does_not_take_the_page_away(
    on: Stage, metadata: dict[str, Any]
) -> None:
    body = {
        "activity_type": "portal_login",
        "title": "Signed in",
        "company_id": "co_abc123",
        "contact_id": "ct_def456",
        "source": "mode",
        "metadata": metadata,
    }
    assert (await on.sandbox.post("/api/activities", json=body)).status_code == 201
    shown = await log_of(on, await on.signed_in("jane@acme.com"))
    assert "Jane Smith signed in" in shown
