"""The session as browser code reads it, and its end."""

from __future__ import annotations

import httpx2 as httpx
import pytest

from tests.sandbox.auth.setup import (
    AVA,
    JANE,
    NADIA,
    ORIGIN,
    PAT,
    PORTAL,
    SIBLING,
    cookie,
    cookies_of,
    signed_in,
    token_for,
)
from tests.sandbox.setup import SERVICE, Clock, refused


async def test_signed_out_is_401(browser: httpx.AsyncClient, clock: Clock) -> None:
    refused(await browser.get("/auth/me"), 401)
    refused(await browser.get("/auth/me", headers=cookie("x.y.z")), 401)
    refused(await browser.get("/auth/me", headers=SERVICE), 401)
    unknown = ("ct_nobody", "nobody@acme.com")
    refused(await browser.get("/auth/me", headers=signed_in(unknown, clock)), 401)


async def test_the_fields_are_flat_and_under_user(browser: httpx.AsyncClient, clock: Clock) -> None:
    response = await browser.get("/auth/me", headers=signed_in(JANE, clock))
    me = response.json()
    assert response.headers["Cache-Control"] == "no-store"
    assert me["ok"] is True
    assert me["contact_id"] == me["user_id"] == JANE[0]
    assert (me["name"], me["title"]) == ("Jane Smith", "VP Operations")
    assert (me["company_id"], me["company_name"]) == ("co_abc123", "Acme Corp")
    assert (me["role"], me["portal_role"]) == ("client_admin", "client_admin")
    assert (me["products"], me["is_sm_team"]) == (["mode"], False)
    assert me["portals"]["mode"]["access"] is True
    assert me["portals"]["signal"]["access"] is False
    assert "viewing_as" not in me
    fields = {name: value for name, value in me.items() if name not in ("ok", "user")}
    assert me["user"] == {"id": JANE[0], **fields}


async def test_signed_in_but_not_for_this_portal_is_403(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    for person, product in ((JANE, "signal"), (NADIA, "mode"), (PAT, "mode")):
        headers = signed_in(person, clock, "mode", "signal") | {"X-SM-Product": product}
        assert refused(await browser.get("/auth/me", headers=headers), 403)["reason"]
    for person, product in ((JANE, "mode"), (NADIA, "signal"), (AVA, "mode"), (AVA, "signal")):
        headers = signed_in(person, clock, "mode", "signal") | {"X-SM-Product": product}
        assert (await browser.get("/auth/me", headers=headers)).status_code == 200


async def test_a_token_grants_no_more_than_it_says(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    headers = signed_in(JANE, clock, "signal") | {"X-SM-Product": "mode"}
    refused(await browser.get("/auth/me", headers=headers), 403)


async def test_a_user_id_of_another_portal_is_resolved_by_the_address(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    headers = signed_in(("usr_1", "JANE@acme.com"), clock)
    assert (await browser.get("/auth/me", headers=headers)).json()["contact_id"] == JANE[0]
    shared = signed_in(("usr_2", "robin@parkadvisory.example"), clock)
    refused(await browser.get("/auth/me", headers=shared), 401)


async def test_an_id_whose_address_is_anothers_is_not_trusted(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    headers = signed_in((JANE[0], "mallory@evil.example"), clock)
    refused(await browser.get("/auth/me", headers=headers), 401)
    headers = signed_in((JANE[0], "sam@acme.com"), clock)
    assert (await browser.get("/auth/me", headers=headers)).json()["contact_id"] == "ct_def456"


async def test_a_preview_shows_whom_staff_look_at(browser: httpx.AsyncClient, clock: Clock) -> None:
    viewing = {"contact_id": JANE[0], "email": JANE[1], "company_id": "co_abc123"}
    headers = signed_in(AVA, clock, viewing_as=viewing)
    me = (await browser.get("/auth/me", headers=headers)).json()
    assert (me["email"], me["role"], me["is_sm_team"]) == (JANE[1], "client_admin", False)
    assert me["viewing_as"] == me["user"]["viewing_as"] == viewing
    assert "ava" not in str(me).lower()


async def test_a_client_previews_nobody(browser: httpx.AsyncClient, clock: Clock) -> None:
    viewing = {"contact_id": "ct_globex1"}
    headers = signed_in(JANE, clock, viewing_as=viewing)
    assert (await browser.get("/auth/me", headers=headers)).json()["contact_id"] == JANE[0]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("redirect", "location"),
    [
        (f"{PORTAL}/auth/login", f"{PORTAL}/auth/login"),
        (f"{SIBLING}/?a=b", f"{SIBLING}/?a=b"),
        (f"{ORIGIN}/auth/login", f"{ORIGIN}/auth/login"),
        ("/auth/login", f"{ORIGIN}/auth/login"),
    ],
)
async def test_signing_out_clears_the_cookies_and_leads_to_a_known_portal(
    browser: httpx.AsyncClient, clock: Clock, method: str, redirect: str, location: str
) -> None:
    token = token_for(JANE, clock())
    headers = {"Cookie": f"sm_client={token}; sm_session_mode={token}; other=1"}
    response = await browser.request(
        method, "/auth/logout", params={"redirect": redirect}, headers=headers
    )
    assert (response.status_code, response.headers["Location"]) == (302, location)
    cleared = cookies_of(response)
    assert set(cleared) == {"sm_client", "sm_session_mode"}
    assert all("Max-Age=0" in value for value in cleared.values())


NOWHERE = (
    "",
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "/\tx",
    f"{PORTAL}.evil.example/",
    f"{PORTAL}@evil.example/",
    "http://user@portal.test/",
    "https://portal.test/",
    "http://portal.test:81/",
    "javascript:alert(1)",
    "http://[::1",
    "portal.test",
)


async def test_signing_out_leads_nowhere_else(browser: httpx.AsyncClient, clock: Clock) -> None:
    for params in ({}, *({"redirect": redirect} for redirect in NOWHERE)):
        response = await browser.get("/auth/logout", params=params, headers=signed_in(JANE, clock))
        assert (response.status_code, response.json()) == (200, {"ok": True}), params
        assert "Max-Age=0" in cookies_of(response)["sm_client"]


async def test_a_foreign_page_signs_nobody_out(browser: httpx.AsyncClient, clock: Clock) -> None:
    foreign = signed_in(JANE, clock) | {"Sec-Fetch-Site": "cross-site"}
    response = await browser.get("/auth/logout", headers=foreign)
    refused(response, 403)
    assert "set-cookie" not in response.headers
