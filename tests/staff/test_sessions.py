"""Who is staff: a verified Workspace, or the CRM behind a platform token; never a mailbox."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.staff.stand import AVA, by_google, hub_token
from tests.stage import Stage, stage


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def test_a_workspace_account_is_staff(on: Stage) -> None:
    ava = await by_google(on)
    assert (await ava.get("/staff")).status_code == 200
    me = (await ava.get("/auth/me")).json()
    assert (me["role"], me["is_sm_team"], me["contact_id"]) == ("team", True, "ct_avator1")
    [login] = [a for a in await on.activities("portal_login") if a["contact_id"] == "ct_avator1"]
    assert login["metadata"]["staff_id"] == "ct_avator1"


async def test_a_workspace_account_that_the_crm_does_not_know_is_staff_too(on: Stage) -> None:
    newcomer = await by_google(on, "newcomer@sprintmode.ai")
    assert (await newcomer.get("/staff")).status_code == 200
    me = (await newcomer.get("/auth/me")).json()
    assert me["contact_id"] is None
    assert me["user_id"].startswith("google:")
    assert (await newcomer.post("/auth/logout")).status_code == 303
    assert (await newcomer.get("/staff")).status_code == 302


async def test_the_domain_of_an_address_alone_makes_nobody_staff(on: Stage) -> None:
    async with stage(staff_domains=()) as closed:
        answer = await closed.sign_in_with_google(closed.browser(), AVA)
        assert answer.status_code == 403
    async with stage(staff_domains=("acme.com",)) as other:
        jane = await by_google(other, "jane@acme.com")
        # The stand-in gives acme.com no hosted domain: it is no Workspace.
        assert (await jane.get("/staff")).status_code == 403


async def test_a_magic_link_or_a_code_never_makes_a_staff_session(on: Stage) -> None:
    await on.patch("/api/contacts/ct_avator1", portal_access=1, product="mode")
    for way in ("link", "code"):
        on.clock.forward(minutes=2)
        browser = on.browser()
        await on.ask_for_link(browser, AVA)
        if on.post.letters:
            sent = {"token": on.last_token()} if way == "link" else {"code": on.last_code()}
            place = "/auth/magic/verify" if way == "link" else "/auth/verify-code"
            await browser.post(place, data=sent)
        answer = await browser.get("/staff")
        assert answer.status_code in (302, 403)
        assert "Globex" not in answer.text


async def test_a_platform_token_is_staffs_when_the_crm_says_so(on: Stage) -> None:
    ava = on.browser(Cookie=f"sm_client={hub_token(on)}")
    assert (await ava.get("/staff")).status_code == 200
    jane = on.browser(Cookie=f"sm_client={hub_token(on, 'ct_abc123', 'jane@acme.com')}")
    assert (await jane.get("/staff")).status_code == 403


@pytest.mark.parametrize("way", ["google", "platform"])
async def test_staff_whom_the_crm_lets_go_are_out_within_a_minute(on: Stage, way: str) -> None:
    ava = (
        await by_google(on) if way == "google" else on.browser(Cookie=f"sm_client={hub_token(on)}")
    )
    assert (await ava.get("/staff")).status_code == 200
    await on.patch("/api/contacts/ct_avator1", is_sm_team=0)
    on.clock.forward(seconds=31)
    answer = await ava.get("/staff")
    assert answer.status_code == 403
    assert "Globex" not in answer.text


async def test_staff_who_sign_out_everywhere_are_out(on: Stage) -> None:
    one, other = await by_google(on), await by_google(on)
    assert (await one.post("/auth/logout-everywhere")).status_code == 303
    for browser in (one, other):
        assert (await browser.get("/staff")).status_code == 302


async def test_staff_whom_the_crm_let_go_do_not_come_back_as_unknown(on: Stage) -> None:
    await by_google(on)
    await on.patch("/api/contacts/ct_avator1", is_sm_team=0)
    answer = await on.sign_in_with_google(on.browser(), AVA)
    assert answer.status_code == 403
    await on.patch("/api/contacts/ct_avator1", is_sm_team=1)
    assert (await (await by_google(on)).get("/staff")).status_code == 200


async def test_staff_with_a_clients_address_do_not_act_under_that_ones_name(on: Stage) -> None:
    answer = await on.sandbox.post(
        "/api/contacts",
        json={
            "email": "both@sprintmode.ai",
            "company_id": "co_abc123",
            "portal_access": 1,
            "product": "mode",
        },
    )
    contact_id = answer.json()["data"]["id"]
    client = await on.signed_in("both@sprintmode.ai")
    staff = await by_google(on, "both@sprintmode.ai")
    me = (await staff.get("/auth/me")).json()
    assert me["user_id"].startswith("google:")
    assert me["contact_id"] is None
    assert (await staff.post("/auth/logout-everywhere")).status_code == 303
    assert (await client.get("/")).status_code == 200
    assert all(a["contact_id"] != contact_id for a in await on.activities("portal_logout"))
