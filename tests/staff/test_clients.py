"""/staff: Sprint Mode's own people find their clients; clients do not find it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.api.test_reads import platform_token, staff
from tests.stage import Stage, stage


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def test_staff_come_to_their_clients_and_find_them(on: Stage) -> None:
    ava = await staff(on)
    home = await ava.get("/")
    assert (home.status_code, home.headers["location"]) == (303, "/staff")
    page = await ava.get("/staff")
    assert page.status_code == 200
    assert "Acme Corp" in page.text
    assert "Globex Corp" in page.text
    found = await ava.get("/staff?q=JANE@acme")
    assert "Acme Corp" in found.text
    assert "Globex Corp" not in found.text
    assert "Nothing found" in (await ava.get("/staff?q=zzz")).text


async def test_clients_are_refused(on: Stage) -> None:
    for email in ("jane@acme.com", "sam@acme.com"):
        answer = await (await on.signed_in(email)).get("/staff")
        assert answer.status_code == 403
        assert "Globex" not in answer.text


async def test_staff_open_no_clients_page_outside_a_preview(on: Stage) -> None:
    ava = await staff(on)
    for path in ("/engagements", "/invoices", "/account"):
        assert (await ava.get(path)).status_code == 403


async def test_an_address_at_our_domain_alone_makes_nobody_staff(on: Stage) -> None:
    await on.patch("/api/contacts/ct_abc123", email="jane@sprintmode.ai")
    cookie = f"sm_client={platform_token(on, 'ct_abc123', 'jane@sprintmode.ai')}"
    jane = on.browser(Cookie=cookie)
    assert (await jane.get("/staff")).status_code == 403
    assert (await jane.get("/")).status_code == 200


async def test_a_magic_link_makes_nobody_staff(on: Stage) -> None:
    await on.patch("/api/contacts/ct_abc123", is_sm_team=1)
    jane = await on.signed_in("jane@acme.com")
    assert (await jane.get("/staff")).status_code == 403


async def test_staff_access_taken_away_in_the_crm_is_gone_within_sixty_seconds(on: Stage) -> None:
    ava = await staff(on)
    assert (await ava.get("/staff")).status_code == 200
    me = (await ava.get("/auth/me")).json()
    assert me["is_sm_team"] is True
    await on.patch(f"/api/contacts/{me['contact_id']}", is_sm_team=0)
    on.clock.forward(seconds=59)
    assert (await ava.get("/staff")).status_code == 403
