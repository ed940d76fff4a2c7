"""The session cookies: how they are set, and by which exact names they are read."""

from __future__ import annotations

import pytest

from tests.blackbox.browser import (
    Portal,
    cookie_attributes,
    read_set_cookie,
    set_cookies,
    status_of,
)
from tests.blackbox.stand import Person, Stand

WEEK = "604800"


def sign_in_answer(stand: Stand, portal: Portal, person: Person) -> dict[str, str]:
    browser = stand.browser(portal)
    answer = stand.press(browser, stand.mailed(browser, person))
    return cookie_attributes(answer, "sm_client")


def test_in_development_the_cookie_is_of_this_host_lax_and_no_scripts(
    stand: Stand, person: Person
) -> None:
    attributes = sign_in_answer(stand, stand.main, person)
    assert "httponly" in attributes
    assert "secure" not in attributes
    assert "domain" not in attributes
    assert (attributes["samesite"], attributes["path"]) == ("lax", "/")
    assert attributes["max-age"] == WEEK


def test_in_production_the_cookie_is_the_platforms(stand: Stand, person: Person) -> None:
    attributes = sign_in_answer(stand, stand.production, person)
    assert {"httponly", "secure"} <= attributes.keys()
    assert attributes["domain"] == ".portal.example"
    assert (attributes["samesite"], attributes["path"]) == ("none", "/")
    assert attributes["max-age"] == WEEK


@pytest.mark.parametrize(
    "name",
    ["xsm_client", "sm_clientx", "SM_CLIENT", "sm-client", "__Host-sm_client", "sm_session_"],
)
def test_a_name_that_is_nearly_right_is_not_read(stand: Stand, person: Person, name: str) -> None:
    browser = stand.browser()
    browser.cookies[name] = stand.token(person)
    assert browser.me().status_code == 401


def test_the_session_of_another_portals_door_is_not_read(stand: Stand, person: Person) -> None:
    browser = stand.browser()
    browser.cookies["sm_session_signal"] = stand.token(person)
    assert browser.me().status_code == 401


def test_the_portals_own_cookie_is_read_before_the_shared_one(stand: Stand, person: Person) -> None:
    other = stand.person()
    for order in (("sm_session_mode", "sm_client"), ("sm_client", "sm_session_mode")):
        browser = stand.browser()
        tokens = {"sm_session_mode": stand.token(person), "sm_client": stand.token(other)}
        browser.cookies.update((name, tokens[name]) for name in order)
        assert browser.me().json()["contact_id"] == person.id


def test_the_portals_own_cookie_alone_signs_in(stand: Stand, person: Person) -> None:
    browser = stand.browser()
    browser.cookies["sm_session_mode"] = stand.token(person)
    assert browser.me().json()["contact_id"] == person.id


def test_a_bad_cookie_of_the_portals_own_leaves_the_shared_one(
    stand: Stand, person: Person
) -> None:
    browser = stand.browser(session=stand.token(person))
    browser.cookies["sm_session_mode"] = "rubbish"
    assert browser.me().json()["contact_id"] == person.id


def asked_with(stand: Stand, *cookie_lines: str) -> int:
    """The status of `/auth/me` with these Cookie headers, byte for byte."""
    lines = "".join(f"Cookie: {line}\r\n" for line in cookie_lines)
    sent = f"GET /api/auth/me HTTP/1.1\r\nHost: {stand.main.host}\r\n{lines}"
    return status_of(stand.main.raw(f"{sent}Connection: close\r\n\r\n".encode("latin-1")))


@pytest.mark.parametrize("name", ["sm_client", "sm_session_mode"])
def test_two_cookies_of_one_name_are_refused(stand: Stand, person: Person, name: str) -> None:
    good, other = f"{name}={stand.token(person)}", f"{name}={stand.token(stand.person())}"
    assert asked_with(stand, good) == 200
    for lines in (
        (f"{good}; {other}",),
        (f"{other}; {good}",),
        (good, other),
        (f"{good}; {good}",),
        (f"{good}; {name}=",),
        (f"{name}=; a=b; {good}",),
    ):
        assert asked_with(stand, *lines) == 401


@pytest.mark.parametrize("line", ["sm_client", "=", ";;;", "sm_client=; =x", "sm_client=\xff\xfe"])
def test_broken_cookie_headers_are_nobody(stand: Stand, line: str) -> None:
    assert asked_with(stand, line) == 401


def test_a_session_that_does_not_count_is_taken_away(stand: Stand) -> None:
    for portal, domains in (
        (stand.main, {None}),
        (stand.production, {None, ".portal.example"}),
    ):
        answer = stand.browser(portal, session="no.such.session").get("/invoices?status=open")
        assert answer.status_code == 302
        assert answer.headers["location"] == "/auth/login?redirect=%2Finvoices%3Fstatus%3Dopen"
        cleared = {
            attributes.get("domain")
            for name, value, attributes in map(read_set_cookie, set_cookies(answer))
            if name == "sm_client" and not value and attributes["max-age"] == "0"
        }
        assert cleared == domains
