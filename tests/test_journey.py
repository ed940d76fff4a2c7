"""The one journey that everything else widens: ask, open, press, read, sign out."""

from __future__ import annotations

import re

from tests.stage import Stage, stage

HREF = re.compile(r'href="(/(?:engagements|invoices)/[^"]+)"')


async def test_a_client_signs_in_by_link_reads_their_work_and_signs_out() -> None:
    async with stage() as on:
        browser = on.browser()
        start = await browser.get("/")
        assert (start.status_code, start.headers["location"]) == (302, "/auth/login")
        assert "Sign in" in (await browser.get("/auth/login")).text

        await on.ask_for_link(browser, "jane@acme.com")
        letter = on.post.letters[-1]
        assert letter.to == "jane@acme.com"
        opened = await browser.get("/auth/magic/verify", params={"token": on.last_token()})
        assert opened.status_code == 200
        pressed = await browser.post("/auth/magic/verify", data={"token": on.last_token()})
        assert (pressed.status_code, pressed.headers["location"]) == (303, "/")

        await _read_everything(on, browser)

        session = browser.cookies["sm_client"]
        goodbye = await browser.post("/auth/logout")
        assert goodbye.status_code == 303
        thief = on.browser(Cookie=f"sm_client={session}")
        refused = await thief.get("/")
        assert refused.headers["location"] == "/auth/login"


async def _read_everything(on: Stage, browser: object) -> None:
    import httpx2 as httpx

    assert isinstance(browser, httpx.AsyncClient)
    home = await browser.get("/")
    assert home.status_code == 200
    assert "Acme Corp" in home.text
    assert "Mode implementation retainer" in home.text
    assert "Owed" in home.text
    assert "INV-2026-" in home.text
    links = set(HREF.findall(home.text))
    assert any(link.startswith("/engagements/") for link in links)
    assert any(link.startswith("/invoices/") for link in links)
    for link in links | {"/engagements", "/invoices"}:
        page = await browser.get(link)
        assert page.status_code == 200, link
        assert "Acme Corp" in page.text


async def test_every_read_goes_to_sm_api_with_service_token_and_platform_headers() -> None:
    async with stage() as on:
        browser = await on.signed_in("jane@acme.com")
        await browser.get("/")
        assert on.wire.calls
        for call in on.wire.calls:
            assert call.headers["cf-access-client-id"] == on.settings.sm_api_client_id
            assert call.headers["cf-access-client-secret"] == on.settings.sm_api_client_secret
            assert call.headers["x-sm-platform"] == "mode-portal/1.0"
            assert call.headers["x-sm-product"] == "mode"


async def test_the_code_of_the_same_mail_signs_in_the_browser_that_asked() -> None:
    async with stage() as on:
        browser = on.browser()
        await on.ask_for_link(browser, "jane@acme.com", redirect="/invoices")
        code = on.last_code()
        answer = await browser.post(
            "/auth/verify-code", data={"email": "jane@acme.com", "code": code}
        )
        assert (answer.status_code, answer.headers["location"]) == (303, "/invoices")
        assert (await browser.get("/")).status_code == 200


async def test_what_a_client_did_is_in_the_crm() -> None:
    async with stage() as on:
        browser = await on.signed_in("jane@acme.com")
        await browser.post("/auth/logout")
        newest = (await on.activities("portal_login"))[0]
        assert newest["contact_id"] == "ct_abc123"
        assert newest["company_id"] == "co_abc123"
        assert newest["source"] == "mode"
        assert newest["metadata"]["method"] == "magic_link"
        assert (await on.activities("portal_logout"))[0]["contact_id"] == "ct_abc123"
