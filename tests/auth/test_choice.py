"""One address at several clients: what was proved serves once, briefly, and for those companies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import pytest
from itsdangerous import URLSafeSerializer

from portal.auth.choice import COOKIE as CHOICE
from tests.stage import SECRET, Stage, stage

COOKIE = CHOICE.name
LIFETIME = CHOICE.lifetime
EMAIL = "two-hats@partners.example"


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    """A portal at which one address belongs to two companies, and may enter for both."""
    async with stage() as made:
        await put_on_hat(made, "First")
        await put_on_hat(made, "Second")
        yield made


async def put_on_hat(on: Stage, name: str) -> None:
    """Make the address a contact of one more company."""
    company = await on.sandbox.post("/api/companies", json={"name": name, "product": "mode"})
    hat = {
        "email": EMAIL,
        "full_name": f"{name} Hat",
        "company_id": company.json()["data"]["id"],
        "portal_access": 1,
        "product": "mode",
        "portal_role": "client_admin",
    }
    answer = await on.sandbox.post("/api/contacts", json=hat)
    assert answer.status_code == 201, answer.text


async def hats(on: Stage) -> dict[str, str]:
    """The contact ids by company, as the CRM has them."""
    found = await on.env.contacts.allowed_with_address(EMAIL)
    return {contact.company_name or "": contact.id for contact in found}


async def choose(browser: httpx.AsyncClient, **fields: str) -> httpx.Response:
    return await browser.post("/auth/choose-company", data=fields)


async def asked(on: Stage) -> httpx.AsyncClient:
    """A browser that has proved the address and is being asked which company."""
    # Nobody is mailed twice in a minute.
    on.clock.forward(minutes=2)
    browser = on.browser()
    page = await on.sign_in(browser, EMAIL)
    assert page.status_code == 200
    assert "Which company?" in page.text
    assert "sm_client" not in browser.cookies
    return browser


async def test_the_chosen_company_is_the_one_that_opens(on: Stage) -> None:
    for name, contact_id in (await hats(on)).items():
        browser = await asked(on)
        answer = await choose(browser, contact_id=contact_id)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        me = (await browser.get("/api/auth/me")).json()
        assert (me["company_name"], me["contact_id"]) == (name, contact_id)


async def test_a_choice_works_once(on: Stage) -> None:
    first, second = (await hats(on)).values()
    browser = await asked(on)
    proof = browser.cookies[COOKIE]
    assert (await choose(browser, contact_id=first)).status_code == 303
    assert COOKIE not in browser.cookies
    for contact_id in (first, second):
        thief = on.browser(Cookie=f"{COOKIE}={proof}")
        assert not signs_in(await choose(thief, contact_id=contact_id))


def forge(on: Stage, proof: dict[str, Any], secret: str, salt: str) -> str:
    """A proof as we would sign it, or not quite."""
    expires = on.clock().timestamp() + LIFETIME
    return str(URLSafeSerializer(secret, salt=salt).dumps([expires, proof]))


def signs_in(answer: httpx.Response) -> bool:
    """Whether the answer hands a session over."""
    cookies = answer.headers.get_list("set-cookie")
    return any(c.startswith("sm_client=") and "Max-Age=0" not in c for c in cookies)


@pytest.mark.parametrize("contact_id", ["ct_abc123", "", "ct_missing"])
async def test_nobody_but_those_offered_can_be_chosen(on: Stage, contact_id: str) -> None:
    answer = await choose(await asked(on), contact_id=contact_id)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/auth/login"
    assert not signs_in(answer)
    assert not signs_in(await choose(await asked(on)))


async def test_a_company_that_came_later_was_not_offered(on: Stage) -> None:
    browser = await asked(on)
    await put_on_hat(on, "Third")
    assert not signs_in(await choose(browser, contact_id=(await hats(on))["Third"]))


async def test_access_taken_away_meanwhile_is_not_chosen(on: Stage) -> None:
    browser = await asked(on)
    first = next(iter((await hats(on)).values()))
    await on.patch(f"/api/contacts/{first}", portal_access=0)
    assert not signs_in(await choose(browser, contact_id=first))


async def test_a_proof_is_too_old_after_its_time(on: Stage) -> None:
    browser = await asked(on)
    first = next(iter((await hats(on)).values()))
    on.clock.forward(seconds=LIFETIME)
    assert not signs_in(await choose(browser, contact_id=first))


@pytest.mark.parametrize("salt", ["portal.choice", "portal.prelogin"])
async def test_only_what_we_signed_for_this_is_a_proof(on: Stage, salt: str) -> None:
    first = next(iter((await hats(on)).values()))
    proof: dict[str, Any] = {
        "id": "x",
        "contacts": [first],
        "email": EMAIL,
        "redirect": "/",
        "method": "code",
    }
    secret = SECRET if salt != "portal.choice" else "another-secret-of-the-tests-long-enough"
    forged = forge(on, proof, secret, salt)
    for cookie in (forged, "x", "", "a.b.c"):
        browser = on.browser(Cookie=f"{COOKIE}={cookie}")
        assert not signs_in(await choose(browser, contact_id=first))


async def test_the_cookie_is_for_these_pages_and_no_script(on: Stage) -> None:
    answer = await on.sign_in(on.browser(), EMAIL)
    [cookie] = [c for c in answer.headers.get_list("set-cookie") if c.startswith(f"{COOKIE}=")]
    assert "HttpOnly" in cookie
    assert "Path=/;" in cookie
    assert "SameSite=lax" in cookie
    assert f"Max-Age={LIFETIME}" in cookie


async def test_a_proof_whose_page_is_elsewhere_leads_home(on: Stage) -> None:
    first = next(iter((await hats(on)).values()))
    proof = {"id": "y", "contacts": [first], "email": EMAIL, "redirect": "//evil.example"}
    value = forge(on, proof | {"method": "code"}, SECRET, "portal.choice")
    answer = await choose(on.browser(Cookie=f"{COOKIE}={value}"), contact_id=first)
    assert signs_in(answer)
    assert answer.headers["location"] == "/"
