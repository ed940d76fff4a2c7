"""Download my data: all that the pages show this person, and nothing that they do not."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2 as httpx
import pytest

from tests.staff.stand import previewing
from tests.stage import SECRETS_USED, Stage, stage

AMOUNT: Final = re.compile(r"[$€£]\s?\d|\d\s?[€£]|\bINV-\d")
INTERNAL: Final = ('"cogs', '"margin', '"rate', '"notes', '"health', '"deal', '"nonce', '"monthly')


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def data_of(browser: httpx.AsyncClient) -> dict[str, Any]:
    """The file, read back."""
    answer = await browser.get("/account/data.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "private, no-store"
    found: dict[str, Any] = json.loads(answer.text)
    return found


async def test_it_holds_what_the_portals_own_api_gives_and_what_is_kept(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    await jane.get("/")
    await on.settle()
    await jane.post("/calendar", data={"action": "make"})
    await jane.post("/account/notices", data={"overdue": "1", "days_ahead": "7"})
    data = await data_of(jane)
    for name in ("engagements", "invoices", "activities"):
        shown = (await jane.get(f"/api/{name}?limit=500")).json()["data"]
        assert [one["id"] for one in data[name]] == [one["id"] for one in shown], name
    assert data["you"]["email"] == "jane@acme.com"
    assert data["company"]["id"] == "co_abc123"
    assert {one["email"] for one in data["colleagues"]} >= {"jane@acme.com", "sam@acme.com"}
    kept = data["kept_by_the_portal"]
    assert [one["method"] for one in kept["sign_ins"]] == ["magic_link"]
    assert kept["last_visit"]["latest"]["company_id"] == "co_abc123"
    assert kept["calendar_address_made_at"]
    assert kept["mail_about_invoices"]["overdue_since"] == "2026-11-24"
    assert kept["year_packs"] == []


async def test_it_is_a_file_named_by_the_day(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    answer = await jane.get("/account/data.json")
    assert 'filename="my-data-2026-11-24.json"' in answer.headers["content-disposition"]
    assert 'href="/account/data.json"' in (await jane.get("/account")).text


async def test_a_viewers_holds_no_amount_and_no_invoice(on: Stage) -> None:
    sam = await on.signed_in("sam@acme.com")
    await sam.get("/")
    await on.settle()
    text = (await sam.get("/account/data.json")).text
    assert "invoices" not in json.loads(text)
    assert "amount" not in text
    assert AMOUNT.search(text) is None


async def test_nothing_internal_foreign_or_that_opens_a_door_is_in_it(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    shown = (await jane.post("/calendar", data={"action": "make"})).text
    token = re.search(r"/calendar/feed/([^\"]+)\.ics", shown)
    assert token
    text = (await jane.get("/account/data.json")).text
    for marker in (*INTERNAL, "Globex", "Umbrella", token[1]):
        assert marker not in text, marker
    assert not [secret for secret in SECRETS_USED if secret in text]


async def test_a_preview_reads_the_same(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    lens = await previewing(on)
    await on.activities("portal_preview_started")
    assert await data_of(lens) == await data_of(jane)


async def test_while_the_crm_is_away_there_is_no_half_of_it(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    on.wire.fault = lambda request: (
        httpx.Response(500, text="down") if "/api/invoices" in request.url.path else None
    )
    assert (await jane.get("/account/data.json")).status_code == 503
    on.wire.fault = None
    on.clock.forward(seconds=5)
    assert (await data_of(jane))["records_as_of"] is None
    read_at = on.clock.now
    on.wire.fault = lambda _request: httpx.Response(500, text="down")
    on.clock.forward(minutes=2)
    assert (await data_of(jane))["records_as_of"] == read_at.isoformat().replace("+00:00", "Z")


async def test_staff_without_a_client_have_none(on: Stage) -> None:
    staff = on.browser()
    await on.sign_in_with_google(staff, "ava@sprintmode.ai")
    assert (await staff.get("/account/data.json")).status_code == 403
