"""Signing in with Google at the hub."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from portal.sandbox.auth.session import verify
from portal.sandbox.google.keys import SigningKeys
from portal.sandbox.google.misbehaviour import Misbehaviour
from portal.sandbox.store import Store
from tests.sandbox.auth.setup import (
    HUB,
    JANE,
    ORIGIN,
    PORTAL,
    SECRET,
    SIBLING,
    cookies_of,
    google_of,
    hub_app,
    query_of,
    through_google,
)
from tests.sandbox.setup import Clock, refused

KEYED = {"X-SM-Key": "an-unbound-key"}


def claims_in(response: httpx.Response, clock: Clock) -> tuple[str, str, tuple[str, ...]]:
    token = cookies_of(response)["sm_client"].partition(";")[0]
    claims = verify(token, SECRET, clock())
    assert claims is not None
    return claims.id, claims.email, claims.tags


@pytest.mark.parametrize("email", ["jane@acme.com", "JANE@Acme.com"])
async def test_a_known_address_signs_in_and_comes_back(
    browser: httpx.AsyncClient, clock: Clock, email: str
) -> None:
    response = await through_google(browser, email, f"{PORTAL}/invoices?a=b")
    assert (response.status_code, response.headers["Location"]) == (302, f"{PORTAL}/invoices?a=b")
    assert claims_in(response, clock) == (*JANE, ("mode",))


async def test_the_state_carries_redirect_and_product_and_is_signed(
    browser: httpx.AsyncClient,
) -> None:
    asked = {"redirect": f"{SIBLING}/x", "product": "signal"}
    start = await browser.get("/auth/sso/google", params=asked)
    sent = query_of(start.headers["Location"])
    assert start.headers["Location"].startswith(f"{ORIGIN}/google/auth?")
    assert sent["code_challenge_method"] == "S256"
    chosen = await browser.post(start.headers["Location"], data={"email": "jane@acme.com"})
    state = query_of(chosen.headers["Location"])["state"]
    assert state == sent["state"]
    forged = chosen.headers["Location"].replace(state, "x" + state)
    assert (await browser.get(forged)).status_code == 403
    response = await browser.get(chosen.headers["Location"])
    assert response.headers["Location"] == f"{SIBLING}/x"


@pytest.mark.parametrize("redirect", ["https://evil.example/", "//evil.example", "", "x" * 3000])
async def test_a_foreign_redirect_becomes_the_portals_start_page(
    browser: httpx.AsyncClient, redirect: str
) -> None:
    response = await through_google(browser, "jane@acme.com", redirect)
    assert response.headers["Location"] == f"{PORTAL}/"


async def test_an_address_that_contains_a_known_one_is_somebody_else(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    response = await through_google(browser, "mary-jane@acme.com")
    assert claims_in(response, clock)[0] == "ct_mjwats1"
    response = await through_google(browser, "ane@acme.com")
    assert claims_in(response, clock)[2] == ()


async def test_an_unknown_address_becomes_a_contact_without_access(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    response = await through_google(browser, "new.person@nowhere.example")
    contact_id, email, products = claims_in(response, clock)
    assert (response.status_code, email, products) == (302, "new.person@nowhere.example", ())
    contact = (await browser.get(f"/api/contacts/{contact_id}", headers=KEYED)).json()["data"]
    assert (contact["portal_access"], contact["full_name"]) == (0, "New Person")
    refused(await browser.get("/api/companies"), 403)
    again = await through_google(browser, "New.Person@nowhere.example")
    assert claims_in(again, clock)[0] == contact_id


@pytest.mark.parametrize(
    ("email", "products"),
    [
        ("nadia@wayne.example", ("signal",)),
        ("pat@acme.com", ()),
        ("zoe@lukasiewicz.example", ("mode",)),
    ],
)
async def test_the_products_are_those_that_the_contact_may_use(
    browser: httpx.AsyncClient, clock: Clock, email: str, products: tuple[str, ...]
) -> None:
    assert claims_in(await through_google(browser, email), clock)[2] == products


async def test_staff_may_use_every_product(browser: httpx.AsyncClient, clock: Clock) -> None:
    products = claims_in(await through_google(browser, "ava@sprintmode.ai"), clock)[2]
    assert {"mode", "signal", "admin"} <= set(products)


async def test_another_browser_cannot_finish_a_sign_in(
    hub: Starlette, browser: httpx.AsyncClient
) -> None:
    start = await browser.get("/auth/sso/google")
    chosen = await browser.post(start.headers["Location"], data={"email": "jane@acme.com"})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(hub), base_url=ORIGIN) as victim:
        for _ in range(2):
            response = await victim.get(chosen.headers["Location"])
            assert response.status_code == 403
            assert "sm_client" not in cookies_of(response)
            await victim.get("/auth/sso/google")


async def test_two_tabs_do_not_disturb_each_other(browser: httpx.AsyncClient) -> None:
    starts = [
        await browser.get("/auth/sso/google", params={"redirect": f"{PORTAL}/{n}"}) for n in "12"
    ]
    for number, start in zip("12", starts, strict=True):
        chosen = await browser.post(start.headers["Location"], data={"email": "jane@acme.com"})
        response = await browser.get(chosen.headers["Location"])
        assert response.headers["Location"] == f"{PORTAL}/{number}"


async def test_a_callback_works_once(browser: httpx.AsyncClient) -> None:
    start = await browser.get("/auth/sso/google")
    chosen = await browser.post(start.headers["Location"], data={"email": "jane@acme.com"})
    assert (await browser.get(chosen.headers["Location"])).status_code == 302
    assert (await browser.get(chosen.headers["Location"])).status_code == 403


async def test_cancelling_signs_nobody_in(browser: httpx.AsyncClient) -> None:
    start = await browser.get("/auth/sso/google")
    cancelled = await browser.post(start.headers["Location"], data={"cancel": "1"})
    assert query_of(cancelled.headers["Location"])["error"] == "access_denied"
    response = await browser.get(cancelled.headers["Location"])
    assert response.status_code == 403
    assert "sm_client" not in cookies_of(response)


HARMLESS = {
    Misbehaviour.NONE,
    Misbehaviour.ROTATED_KEY,
    Misbehaviour.SLOW,
    Misbehaviour.ANOTHER_SUBJECT,
}


@pytest.mark.parametrize("mode", Misbehaviour)
async def test_the_hub_believes_nothing_that_is_wrong(
    hub: Starlette, browser: httpx.AsyncClient, mode: Misbehaviour, demo_store: Store
) -> None:
    google = google_of(hub)
    if mode is Misbehaviour.ROTATED_KEY:
        google.keys = SigningKeys(demo_store)
    await browser.post("/google/misbehave", json={"mode": mode.value, "seconds": 0})
    response = await through_google(browser, "jane@acme.com")
    if mode in HARMLESS:
        assert response.status_code == 302
        return
    assert response.status_code == 403
    assert "sm_client" not in cookies_of(response)
    assert 'role="alert"' in response.text
    assert "<script>alert" not in response.text
    assert "<img" not in response.text


@pytest.mark.parametrize(
    "request_",
    [("GET", "/auth/sso/google"), ("POST", "/auth/magic"), ("POST", "/auth/verify-code")],
)
async def test_without_a_session_secret_nobody_signs_in(
    demo_store: Store, clock: Clock, request_: tuple[str, str]
) -> None:
    app = hub_app(demo_store, clock, replace(HUB, session_secret=""))
    body: dict[str, Any] = {"json": {"email": "jane@acme.com"}} if request_[0] == "POST" else {}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as browser:
        refused(await browser.request(*request_, **body), 503)
