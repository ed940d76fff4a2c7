"""Signing out, here and everywhere, and the list of open sign-ins."""

from __future__ import annotations

import re
import time

import pytest

from tests.blackbox.browser import Browser
from tests.blackbox.stand import Person, Stand

END = re.compile(r'name="id" value="([0-9a-f]{64})"')


def is_signed_in(browser: Browser) -> bool:
    return browser.me().status_code == 200


def test_signing_out_ends_the_token_wherever_it_was_copied_to(stand: Stand, person: Person) -> None:
    browser = stand.signed_in(person)
    copies = [stand.browser(session=browser.session) for _ in range(2)]
    door = stand.browser()
    door.cookies["sm_session_mode"] = browser.session
    assert all(map(is_signed_in, (*copies, door)))
    answer = browser.post("/auth/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/login")
    assert browser.session == ""
    assert not any(map(is_signed_in, (*copies, door)))


def test_a_signature_spelled_otherwise_ends_with_its_session(stand: Stand, person: Person) -> None:
    browser = stand.signed_in(person)
    token = browser.session
    browser.post("/auth/logout")
    for spelled in (token[:-1] + chr(ord(token[-1]) + 1), f"{token}=", f'"{token}"'):
        assert not is_signed_in(stand.browser(session=spelled))


def test_signing_out_ends_a_token_of_another_portal_too(stand: Stand, person: Person) -> None:
    token = stand.token(person)
    stand.browser(session=token).post("/auth/logout")
    assert not is_signed_in(stand.browser(session=token))


def test_signing_out_ends_both_cookies_that_were_sent(stand: Stand, person: Person) -> None:
    shared, own = stand.token(person), stand.token(person, name="The other")
    browser = stand.browser(session=shared)
    browser.cookies["sm_session_mode"] = own
    browser.post("/auth/logout")
    assert browser.cookies == {}
    assert not any(is_signed_in(stand.browser(session=token)) for token in (shared, own))


def test_other_sessions_of_the_person_go_on(stand: Stand, person: Person) -> None:
    first, second = stand.signed_in(person), stand.signed_in(person)
    first.post("/auth/logout")
    assert is_signed_in(second)


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none"])
def test_the_platforms_link_signs_out(stand: Stand, person: Person, site: str) -> None:
    browser = stand.browser(session=stand.token(person))
    token = browser.session
    answer = browser.get("/api/auth/logout", headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 303
    assert not is_signed_in(stand.browser(session=token))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_another_site_cannot_sign_anybody_out(stand: Stand, person: Person, method: str) -> None:
    browser = stand.browser(session=stand.token(person))
    answer = browser.request(method, "/auth/logout", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert is_signed_in(browser)


def test_signing_out_leads_nowhere_else(stand: Stand, person: Person) -> None:
    browser = stand.browser(session=stand.token(person))
    answer = browser.get("/auth/logout?redirect=https://evil.example/")
    assert answer.headers["location"] == "/auth/login"


def test_signing_out_everywhere_ends_every_session_and_the_next_one_works(
    stand: Stand, person: Person
) -> None:
    first, second = stand.signed_in(person), stand.signed_in(person)
    elsewhere = stand.browser(session=stand.token(person))
    by_address = stand.browser(session=stand.token(person, id="usr_42"))
    copy, bystander = stand.browser(session=first.session), stand.signed_in(stand.person())
    ended = (second, elsewhere, by_address, copy)
    assert all(map(is_signed_in, ended))
    first.post("/auth/logout-everywhere")
    assert not any(map(is_signed_in, ended))
    assert is_signed_in(bystander)
    assert is_signed_in(stand.signed_in(person))


def test_signing_out_everywhere_holds_again_right_after_the_next_sign_in(
    stand: Stand, person: Person
) -> None:
    for _ in range(3):
        browser = stand.signed_in(person)
        copy = stand.browser(session=browser.session)
        browser.post("/auth/logout-everywhere")
        assert not is_signed_in(copy)


def test_signing_out_everywhere_ends_a_session_from_a_clock_that_is_ahead(
    stand: Stand, person: Person
) -> None:
    token = stand.token(person, iat=int(time.time()) + 30)
    stand.browser(session=token).post("/auth/logout-everywhere")
    assert not is_signed_in(stand.browser(session=token))


def test_the_account_page_lists_the_open_sign_ins_and_ends_them(
    stand: Stand, person: Person
) -> None:
    here = stand.signed_in(person)
    there = stand.signed_in(
        person, User_Agent="Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Safari/605.1"
    )
    page = here.get("/account").text
    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page
    assert "This browser" in page
    (other,) = END.findall(page)
    assert here.post("/account/end-sign-in", {"id": other}).status_code == 303
    assert not is_signed_in(there)
    assert is_signed_in(here)
    assert END.findall(here.get("/account").text) == []


def test_a_sign_in_that_was_ended_is_no_longer_listed(stand: Stand, person: Person) -> None:
    here, there = stand.signed_in(person), stand.signed_in(person)
    assert len(END.findall(here.get("/account").text)) == 1
    there.post("/auth/logout")
    assert END.findall(here.get("/account").text) == []


def test_nobody_ends_the_sign_in_of_another(stand: Stand, person: Person) -> None:
    here, there = stand.signed_in(person), stand.signed_in(person)
    (theirs,) = END.findall(here.get("/account").text)
    stranger = stand.signed_in(stand.person())
    assert stranger.post("/account/end-sign-in", {"id": theirs}).status_code == 404
    assert is_signed_in(there)


@pytest.mark.parametrize("sent", ["", "x", "0" * 64, "../x"])
def test_an_end_button_for_nothing_is_not_found(stand: Stand, person: Person, sent: str) -> None:
    browser = stand.browser(session=stand.token(person))
    assert browser.post("/account/end-sign-in", {"id": sent}).status_code == 404
