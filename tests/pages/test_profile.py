"""Changing oneself: name, title, phone, time zone, language and colours, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest

from portal.crm.retry import MAX_ATTEMPTS
from tests.stage import Stage, stage

FORM = {
    "full_name": "Jane Q. Smith",
    "title": "CFO",
    "phone": "+1 212 555 0199",
    "timezone": "Europe/Warsaw",
    "locale": "de_DE",
}


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def _jane(on: Stage) -> dict[str, object]:
    data: dict[str, object] = (await on.sandbox.get("/api/contacts/ct_abc123")).json()["data"]
    return data


async def test_a_change_is_in_the_crm_and_on_the_next_page(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    answer = await browser.post("/account", data=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?saved=1")
    kept = await _jane(on)
    assert {name: kept[name] for name in FORM} == FORM
    page = (await browser.get("/account?saved=1")).text
    assert "Saved." in page
    assert 'value="Jane Q. Smith"' in page
    assert "<option selected>Europe/Warsaw</option>" in page


async def test_dates_follow_the_new_language_and_zone(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    await browser.post("/account", data={**FORM, "locale": "de_DE"})
    assert "Dienstag, 24. November 2026" in (await browser.get("/")).text


async def test_what_is_wrong_is_shown_with_what_was_typed(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    answer = await browser.post("/account", data={**FORM, "phone": "<call me>"})
    assert answer.status_code == 422
    assert "A phone number has digits" in answer.text
    assert "&lt;call me&gt;" in answer.text
    assert "<call me>" not in answer.text
    assert 'value="Jane Q. Smith"' in answer.text
    assert (await _jane(on))["full_name"] == "Jane Smith"


@pytest.mark.parametrize(
    "field", ["email", "portal_role", "portal_access", "company_id", "products", "is_sm_team"]
)
async def test_nothing_else_can_be_changed(on: Stage, field: str) -> None:
    browser = await on.signed_in("sam@acme.com")
    before = (await on.sandbox.get("/api/contacts/ct_def456")).json()["data"]
    await browser.post("/account", data={"full_name": "Sam Lee", field: "client_admin"})
    after = (await on.sandbox.get("/api/contacts/ct_def456")).json()["data"]
    assert after[field] == before[field]


async def test_while_sm_api_is_down_a_change_is_kept_and_shows_once_it_is_back(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    await browser.get("/account")
    on.wire.fault = lambda request: httpx.Response(500) if request.method == "PATCH" else None
    answer = await browser.post("/account", data=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?saved=later")
    assert "Saved. It will show here once our records are back." in " ".join(
        (await browser.get("/account?saved=later")).text.split()
    )
    assert (await _jane(on))["full_name"] == "Jane Smith"
    on.wire.fault = None
    on.clock.forward(seconds=31)
    await on.activities("portal_login")
    kept = await _jane(on)
    assert {name: kept[name] for name in FORM} == FORM
    assert [call.method for call in on.wire.calls].count("PATCH") == MAX_ATTEMPTS + 1
    assert (await on.env.outbox.depth()).waiting == 0


async def test_what_sm_api_objects_to_is_shown_beside_its_field_and_not_tried_again(
    on: Stage,
) -> None:
    browser = await on.signed_in("jane@acme.com")
    refused = {"ok": False, "error": "title must be shorter", "field": "title"}
    on.wire.fault = lambda request: (
        httpx.Response(422, json=refused) if request.method == "PATCH" else None
    )
    answer = await browser.post("/account", data=FORM)
    assert answer.status_code == 422
    assert 'id="title-error"' in answer.text
    assert "title must be shorter" in answer.text
    on.wire.fault = None
    await on.activities("portal_login")
    depth = await on.env.outbox.depth()
    assert (depth.waiting, depth.dead) == (0, 0)
    assert (await _jane(on))["full_name"] == "Jane Smith"


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_colours_are_kept_in_the_browser_without_a_script(on: Stage, theme: str) -> None:
    browser = await on.signed_in("jane@acme.com")
    assert "data-theme=" not in (await browser.get("/")).text.partition("<head>")[0]
    assert (await browser.post("/account/theme", data={"theme": theme})).status_code == 303
    assert f'data-theme="{theme}"' in (await browser.get("/")).text.partition("<head>")[0]
    await browser.post("/account/theme", data={"theme": "auto"})
    assert "data-theme=" not in (await browser.get("/")).text.partition("<head>")[0]


async def test_a_made_up_theme_is_none(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    await browser.post("/account/theme", data={"theme": '"><script>'})
    assert "portal_theme" not in browser.cookies
    browser.cookies.set("portal_theme", '"onload=x')
    assert "onload" not in (await browser.get("/")).text
