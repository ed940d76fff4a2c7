"""What makes a staff session, on every request anew: a verified Workspace, or the CRM's word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

import httpx2 as httpx
import pytest

from portal.auth.revocation import Revocations
from portal.auth.session import verify
from portal.auth.staff_marks import StaffMark, StaffMarks
from portal.sandbox.google import accounts
from tests.staff.stand import AVA, by_google, hub_token
from tests.stage import SECRET, Stage, stage

NEWCOMER: Final = "newcomer@sprintmode.ai"


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def with_staff_domains(on: Stage, *domains: str) -> None:
    """Start the portal anew with other STAFF_DOMAINS, over the same stores."""
    settings = replace(on.env.settings, staff_domains=domains)
    on.app.state.env = replace(on.env, settings=settings)


async def opens_staff(browser: httpx.AsyncClient) -> bool:
    """Whether this browser is staff's: it sees the clients and says so of itself."""
    page, me = await browser.get("/staff"), await browser.get("/auth/me")
    seen = page.status_code == 200 and "Globex Corp" in page.text
    said = me.status_code == 200 and me.json()["is_sm_team"]
    assert seen == said
    assert seen or "Globex" not in page.text
    return seen


# By Google


@pytest.mark.parametrize("email", [AVA, NEWCOMER])
async def test_an_address_of_our_domain_without_the_hosted_domain_claim_is_no_staff(
    on: Stage, monkeypatch: pytest.MonkeyPatch, email: str
) -> None:
    monkeypatch.setattr(accounts, "WORKSPACE_DOMAINS", frozenset())
    browser = on.browser()
    answer = await on.sign_in_with_google(browser, email)
    assert answer.status_code == 403
    assert "no access to this portal" in answer.text
    assert "sm_client" not in browser.cookies


async def test_a_client_with_such_an_address_stays_a_client_without_the_claim(
    on: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on.patch("/api/contacts/ct_def456", email="sam@sprintmode.ai")
    monkeypatch.setattr(accounts, "WORKSPACE_DOMAINS", frozenset())
    browser = await by_google(on, "sam@sprintmode.ai")
    assert not await opens_staff(browser)
    assert (await browser.get("/auth/me")).json()["contact_id"] == "ct_def456"


async def test_the_claim_of_another_workspace_is_no_staff(
    on: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    domains = frozenset({"acme.com", "evil.sprintmode.ai", "sprintmode.ai.evil.example"})
    monkeypatch.setattr(accounts, "WORKSPACE_DOMAINS", domains)
    jane = await by_google(on, "jane@acme.com")
    assert not await opens_staff(jane)
    for email in ("x@evil.sprintmode.ai", "x@sprintmode.ai.evil.example"):
        assert (await on.sign_in_with_google(on.browser(), email)).status_code == 403


@pytest.mark.parametrize("mode", ["email_unverified", "email_verified_text", "wrong_issuer"])
async def test_a_workspace_account_that_google_does_not_vouch_for_is_no_staff(
    on: Stage, mode: str
) -> None:
    await on.misbehave(mode)
    browser = on.browser()
    assert (await on.sign_in_with_google(browser, AVA)).status_code == 403
    assert (await browser.get("/staff")).headers["location"].startswith("/auth/login")


async def test_another_account_with_a_staff_persons_address_is_no_staff(on: Stage) -> None:
    await by_google(on)
    await on.misbehave("another_subject")
    assert (await on.sign_in_with_google(on.browser(), AVA)).status_code == 403


async def test_without_staff_domains_google_makes_nobody_staff(on: Stage) -> None:
    with_staff_domains(on)
    for email in (AVA, NEWCOMER):
        assert (await on.sign_in_with_google(on.browser(), email)).status_code == 403
    # The platform's own tokens are staff's by the CRM, whatever the domains.
    assert await opens_staff(on.browser(Cookie=f"sm_client={hub_token(on)}"))


async def test_a_newcomer_is_known_by_the_google_account_and_stands_in_the_audit(
    on: Stage,
) -> None:
    browser = await by_google(on, NEWCOMER)
    assert await opens_staff(browser)
    subject = accounts.subject_of(NEWCOMER)
    assert (await browser.get("/auth/me")).json()["user_id"] == f"google:{subject}"
    fields = {"contact_id": "ct_abc123", "reason": "A look"}
    assert (await browser.post("/auth/view-as", data=fields)).status_code == 303
    [noted] = await on.activities("portal_preview_started")
    assert noted["metadata"]["staff_id"] == f"google:{subject}"
    await browser.post("/auth/exit-view-as")
    assert await opens_staff(browser)


# By mail


@pytest.mark.parametrize("way", ["link", "code"])
@pytest.mark.parametrize("contact", ["a client at our domain", "staff with portal access"])
async def test_no_mail_makes_a_staff_session(on: Stage, way: str, contact: str) -> None:
    if contact == "a client at our domain":
        contact_id, email = "ct_def456", "sam@sprintmode.ai"
        await on.patch("/api/contacts/ct_def456", email=email)
    else:
        contact_id, email = "ct_avator1", AVA
        given = {"product": "mode", "portal_access": 1, "portal_role": "client_admin"}
        await on.patch("/api/contacts/ct_avator1", **given)
    browser = on.browser()
    await on.ask_for_link(browser, email)
    sent = {"token": on.last_token()} if way == "link" else {"code": on.last_code()}
    place = "/auth/magic/verify" if way == "link" else "/auth/verify-code"
    assert (await browser.post(place, data=sent)).status_code == 303
    assert not await opens_staff(browser)
    assert (await browser.get("/auth/me")).json()["contact_id"] == contact_id
    fields = {"contact_id": "ct_abc123", "reason": "A look"}
    assert (await browser.post("/auth/view-as", data=fields)).status_code == 403


async def test_staff_without_portal_access_are_sent_no_link(on: Stage) -> None:
    await on.ask_for_link(on.browser(), AVA)
    assert on.post.letters == []


# By a platform token


async def test_a_platform_token_is_no_staffs_unless_the_crm_says_so(on: Stage) -> None:
    await on.patch("/api/contacts/ct_avator1", is_sm_team=0)
    assert not await opens_staff(on.browser(Cookie=f"sm_client={hub_token(on)}"))


async def test_what_a_token_says_of_roles_makes_nobody_staff(on: Stage) -> None:
    said = {"role": "super_admin", "portal_role": "team", "is_sm_team": 1, "permissions": {"a": 1}}
    for address in ("jane@acme.com", "jane@sprintmode.ai"):
        await on.patch("/api/contacts/ct_abc123", email=address)
        on.clock.forward(minutes=1)
        token = hub_token(on, "ct_abc123", address, **said)
        assert not await opens_staff(on.browser(Cookie=f"sm_client={token}"))


async def test_a_user_id_of_the_hub_is_staffs_by_its_whole_address(on: Stage) -> None:
    assert await opens_staff(on.browser(Cookie=f"sm_client={hub_token(on, 'usr_77')}"))
    stranger = hub_token(on, "ct_avator1", "eve@evil.example")
    assert not await opens_staff(on.browser(Cookie=f"sm_client={stranger}"))


async def test_a_token_of_ours_is_staffs_only_when_it_is_marked(on: Stage) -> None:
    """Whoever proves the mailbox alone gets a token with a `jti`, and no mark."""
    token = hub_token(on, jti="0123456789abcdef")
    browser = on.browser(Cookie=f"sm_client={token}")
    assert not await opens_staff(browser)
    session = verify(token, [SECRET], on.clock())
    mark = StaffMark(by="google", domain="sprintmode.ai", in_crm=True)
    await StaffMarks(on.env.state).put(session.id, mark, timedelta(days=1))
    assert await opens_staff(browser)


async def test_without_the_product_there_is_no_staff_session(on: Stage) -> None:
    token = hub_token(on, products=["signal"])
    assert (await on.browser(Cookie=f"sm_client={token}").get("/staff")).status_code == 403


# Taken away


async def every_kind(on: Stage) -> list[httpx.AsyncClient]:
    """Ava, by Google and by the hub."""
    return [await by_google(on), on.browser(Cookie=f"sm_client={hub_token(on)}")]


async def test_who_is_staff_no_more_in_the_crm_is_none_at_the_next_look(on: Stage) -> None:
    browsers = await every_kind(on)
    assert [await opens_staff(browser) for browser in browsers] == [True, True]
    await on.patch("/api/contacts/ct_avator1", is_sm_team=0)
    on.clock.forward(seconds=31)
    assert [await opens_staff(browser) for browser in browsers] == [False, False]
    written = await browsers[0].post(
        "/staff/contacts/ct_patdoy1/access", data={"role": "client_admin"}
    )
    assert written.status_code == 403
    assert (await on.sandbox.get("/api/contacts/ct_patdoy1")).json()["data"]["portal_access"] == 0


async def test_a_staff_person_who_left_the_crm_altogether_is_none(on: Stage) -> None:
    browsers = await every_kind(on)
    await on.patch("/api/contacts/ct_avator1", email="somebody.else@sprintmode.ai")
    on.clock.forward(seconds=31)
    assert [await opens_staff(browser) for browser in browsers] == [False, False]


async def test_a_domain_taken_off_the_list_takes_its_people_out(on: Stage) -> None:
    ava, newcomer = await by_google(on), await by_google(on, NEWCOMER)
    with_staff_domains(on, "other.example")
    assert not await opens_staff(ava)
    assert not await opens_staff(newcomer)
    with_staff_domains(on, "other.example", "sprintmode.ai")
    assert await opens_staff(ava)


async def test_staff_who_sign_out_are_out_wherever_the_token_was_copied(on: Stage) -> None:
    ava = await by_google(on)
    copy = on.browser(Cookie=f"sm_client={ava.cookies['sm_client']}")
    assert await opens_staff(copy)
    await ava.post("/auth/logout")
    assert (await copy.get("/staff")).headers["location"].startswith("/auth/login")


async def test_staff_whose_sessions_were_all_ended_are_out_by_every_way(on: Stage) -> None:
    browsers = await every_kind(on)
    await Revocations(on.env.state).end_all("ct_avator1", on.clock())
    for browser in browsers:
        assert (await browser.get("/staff")).headers["location"].startswith("/auth/login")
    on.clock.forward(seconds=1)
    assert await opens_staff(await by_google(on))


async def test_a_staff_session_ends_after_as_many_days_as_a_clients(on: Stage) -> None:
    ava = await by_google(on)
    on.clock.forward(days=6, hours=23)
    assert await opens_staff(ava)
    on.clock.forward(hours=1)
    assert (await ava.get("/staff")).headers["location"].startswith("/auth/login")


async def test_while_the_crm_is_away_nobody_is_staff(on: Stage) -> None:
    browsers = await every_kind(on)
    on.clock.forward(minutes=1)
    on.wire.fault = lambda _request: httpx.Response(500, text="down")
    for browser in browsers:
        assert (await browser.get("/staff")).status_code == 503
