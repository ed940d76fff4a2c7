"""The team page: who has access, and asking staff for a change that shows as requested."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.stage import Stage, stage

NEW = {"action": "add", "name": "Bo Li", "email": "bo@acme.com", "role": "client_viewer"}


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def _asked(on: Stage) -> list[dict[str, Any]]:
    return await on.activities("access_request")


async def test_colleagues_show_with_their_role_and_last_sign_in(on: Stage) -> None:
    await on.signed_in("sam@acme.com")
    await on.activities("portal_login")
    on.clock.forward(days=3)
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get("/team")).text
    for text in ("Jane Smith", "Sam Lee", "sam@acme.com", "Pat Doyle", "No access", "3 days ago"):
        assert text in page
    for stranger in ("hank@globex.com", "Globex", "mary-jane@acme.com"):
        assert stranger not in page


async def test_somebody_new_is_asked_for_and_shows_as_requested(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    answer = await browser.post("/team/requests", data={**NEW, "note": "Starts <Monday>"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/team?asked=1")
    [activity] = await _asked(on)
    assert (activity["contact_id"], activity["company_id"]) == ("ct_abc123", "co_abc123")
    assert activity["metadata"]["email"] == "bo@acme.com"
    page = (await browser.get("/team?asked=1")).text
    assert "Sent to our team." in page
    assert "Let Bo Li in as Viewer" in page
    assert "Asked by Jane Smith" in page
    assert "Starts &lt;Monday&gt;" in page


async def test_a_colleague_can_be_asked_out(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    await browser.post("/team/requests", data={"action": "remove", "person_id": "ct_def456"})
    [activity] = await _asked(on)
    assert activity["metadata"]["person_id"] == "ct_def456"
    assert "Take access away from Sam Lee" in (await browser.get("/team")).text
    # Asking changes nothing: staff do.
    assert (await on.sandbox.get("/api/contacts/ct_def456")).json()["data"]["portal_access"] == 1


async def test_a_button_pressed_twice_asks_once(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    for _ in range(2):
        assert (await browser.post("/team/requests", data=NEW)).status_code == 303
    assert len(await _asked(on)) == 1
    await browser.post("/team/requests", data={**NEW, "role": "client_admin"})
    assert len(await _asked(on)) == 2


async def test_another_companys_person_is_not_found(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    found = (await on.sandbox.get("/api/contacts", params={"search": "hank@globex.com"})).json()
    hank = found["data"]["items"][0]["id"]
    answer = await browser.post("/team/requests", data={"action": "remove", "person_id": hank})
    assert answer.status_code == 404
    assert await _asked(on) == []


async def test_what_is_wrong_is_shown_with_what_was_typed(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    answer = await browser.post("/team/requests", data={**NEW, "email": "bo at acme"})
    assert answer.status_code == 422
    assert "Please enter one e-mail address." in answer.text
    assert 'value="bo at acme"' in answer.text
    assert 'value="Bo Li"' in answer.text


async def test_requests_of_another_client_never_show(on: Stage) -> None:
    hank = await on.signed_in("hank@globex.com")
    await hank.post("/team/requests", data={**NEW, "name": "Globex Newcomer"})
    await _asked(on)
    jane = await on.signed_in("jane@acme.com")
    assert "Globex Newcomer" not in (await jane.get("/team")).text


async def test_a_viewer_has_no_team_page(on: Stage) -> None:
    browser = await on.signed_in("sam@acme.com")
    assert (await browser.get("/team")).status_code == 403
    assert (await browser.post("/team/requests", data=NEW)).status_code == 403
    assert await _asked(on) == []
    assert "/team" not in (await browser.get("/")).text
