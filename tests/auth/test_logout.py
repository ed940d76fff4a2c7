"""Signing out ends the session itself, wherever its token was copied to."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.stage import Stage, stage


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def test_a_copy_of_the_token_dies_with_the_session(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    copy = on.browser(Cookie=f"sm_client={browser.cookies['sm_client']}")
    assert (await copy.get("/")).status_code == 200
    answer = await browser.post("/auth/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/login")
    assert (await copy.get("/")).status_code == 302


async def test_other_sessions_of_the_person_go_on(on: Stage) -> None:
    first, second = await on.signed_in("jane@acme.com"), await on.signed_in("jane@acme.com")
    await first.post("/auth/logout")
    assert (await second.get("/")).status_code == 200


async def test_signing_out_everywhere_ends_them_all_and_a_new_one_works(on: Stage) -> None:
    first, second = await on.signed_in("jane@acme.com"), await on.signed_in("jane@acme.com")
    await first.post("/auth/logout-everywhere")
    assert (await second.get("/")).status_code == 302
    again = await on.signed_in("jane@acme.com")
    assert (await again.get("/")).status_code == 200


async def test_signing_in_ends_the_session_the_browser_had(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    old = on.browser(Cookie=f"sm_client={browser.cookies['sm_client']}")
    on.clock.forward(minutes=1)
    await on.sign_in(browser, "jane@acme.com")
    assert (await old.get("/")).status_code == 302


async def test_another_site_cannot_sign_anyone_out(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    for method in ("GET", "POST"):
        answer = await browser.request(
            method, "/auth/logout", headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert answer.status_code == 403
    assert (await browser.get("/")).status_code == 200


async def test_the_platforms_logout_link_works(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    answer = await browser.get("/api/auth/logout", headers={"Sec-Fetch-Site": "same-site"})
    assert answer.status_code == 303
    assert (await browser.get("/")).status_code == 302


async def test_signing_out_without_a_session_is_no_error(on: Stage) -> None:
    assert (await on.browser().post("/auth/logout")).status_code == 303
