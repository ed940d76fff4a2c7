"""Which of the cookies is read, and how they are set and cleared."""

from __future__ import annotations

from dataclasses import replace

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from portal.sandbox.store import Store
from tests.sandbox.auth.setup import (
    HUB,
    JANE,
    ORIGIN,
    SAM,
    cookie,
    cookies_of,
    hub_app,
    signed_in,
    through_google,
    token_for,
)
from tests.sandbox.setup import Clock


async def who(browser: httpx.AsyncClient, **headers: str) -> str | None:
    answer = await browser.get(
        "/auth/me", headers={k.replace("_", "-"): v for k, v in headers.items()}
    )
    return answer.json().get("contact_id") if answer.status_code == 200 else None


async def test_the_named_portals_cookie_is_read_before_the_shared_one(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    both = f"sm_client={token_for(JANE, clock())}; sm_session_mode={token_for(SAM, clock())}"
    assert await who(browser, cookie=both) == JANE[0]
    assert await who(browser, cookie=both, X_SM_Product="mode") == SAM[0]
    assert await who(browser, cookie=both, X_SM_Product="../mode") == JANE[0]


async def test_the_shared_cookie_is_read_when_the_portals_own_is_none(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    shared = f"sm_client={token_for(JANE, clock())}; sm_session_mode=old"
    assert await who(browser, cookie=shared, X_SM_Product="mode") == JANE[0]
    other = cookie(token_for(JANE, clock()), "sm_session_signal")
    assert await who(browser, **other, X_SM_Product="mode") is None


@pytest.mark.parametrize("name", ["xsm_client", "sm_client_", "SM_CLIENT", "sm_session_", "__x"])
async def test_names_are_matched_whole(browser: httpx.AsyncClient, clock: Clock, name: str) -> None:
    assert await who(browser, **cookie(token_for(JANE, clock()), name)) is None


async def test_a_cookie_that_comes_twice_counts_for_nothing(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    twice = f"sm_client={token_for(JANE, clock())}; sm_client={token_for(SAM, clock())}"
    assert await who(browser, cookie=twice) is None


async def test_signing_in_sets_the_shared_cookie_for_seven_days(
    browser: httpx.AsyncClient,
) -> None:
    set_ = cookies_of(await through_google(browser, "jane@acme.com"))["sm_client"]
    assert "Max-Age=604800" in set_
    assert "HttpOnly" in set_
    assert "Path=/;" in set_
    assert "SameSite=lax" in set_
    assert "Secure" not in set_
    assert "Domain" not in set_


async def test_the_cookies_attributes_follow_the_configuration(
    demo_store: Store, clock: Clock
) -> None:
    config = replace(
        HUB,
        session_cookie_domain=".sandbox.test",
        session_cookie_secure=True,
        session_cookie_samesite="none",
    )
    app = hub_app(demo_store, clock, config)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as browser:
        start = await browser.get("/auth/sso/google")
        assert "Secure" in cookies_of(start)["sm_sso"]
        out = await browser.get("/auth/logout", headers=signed_in(JANE, clock))
    lines = [v for v in out.headers.get_list("set-cookie") if v.startswith("sm_client=")]
    assert len(lines) == 2
    assert any("Domain=.sandbox.test" in line for line in lines)
    assert all("Secure" in line and "SameSite=none" in line for line in lines)


async def test_signing_in_drops_what_would_be_read_before_it(
    hub: Starlette, clock: Clock, browser: httpx.AsyncClient
) -> None:
    old = token_for(SAM, clock())
    browser.cookies.set("sm_session_mode", old, domain="sandbox.test", path="/")
    response = await through_google(browser, "jane@acme.com")
    assert "Max-Age=0" in cookies_of(response)["sm_session_mode"]
    assert await who(browser, X_SM_Product="mode") == JANE[0]
