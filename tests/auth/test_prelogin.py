"""The pre-login cookie: whose browser asked, provably, for a quarter of an hour."""

from __future__ import annotations

import hashlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import URLSafeTimedSerializer
from itsdangerous.timed import TimestampSigner
from starlette.responses import Response

from portal.auth.prelogin import (
    COOKIE,
    LIFETIME,
    Prelogin,
    clear_prelogin,
    new_prelogin,
    read_prelogin,
    renewed,
    set_prelogin,
)
from tests.auth.requests import OTHER_SECRET, SECRET, request_with, settings_with
from tests.auth.test_cookies import attributes

ASKED = Prelogin("nonce", "jane@acme.com", "/invoices?a=b")


def given_to_browser(prelogin: Prelogin = ASKED, secret: str = SECRET) -> str:
    """The cookie's value as the browser got it."""
    response = Response()
    set_prelogin(response, prelogin, settings_with(session_secrets=(secret,)))
    return attributes(response)[0]["value"]


def read(value: str, *secrets: str) -> Prelogin | None:
    request = request_with(f"{COOKIE}={value}")
    return read_prelogin(request, settings_with(session_secrets=secrets or (SECRET,)))


def test_what_a_browser_was_given_is_read_back() -> None:
    assert read(given_to_browser()) == ASKED
    foreign = Prelogin("n", "zoë@bücher.example", "/é")
    assert read(given_to_browser(foreign)) == foreign


def test_without_a_cookie_there_is_none() -> None:
    assert read_prelogin(request_with(), settings_with()) is None
    assert read("") is None


def test_it_belongs_to_the_secret_and_survives_its_change() -> None:
    old = given_to_browser(secret=OTHER_SECRET)
    assert read(old, SECRET) is None
    assert read(old, SECRET, OTHER_SECRET) == ASKED
    response = Response()
    set_prelogin(response, ASKED, settings_with(session_secrets=(SECRET, OTHER_SECRET)))
    assert read(attributes(response)[0]["value"], SECRET) == ASKED


def test_it_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    value = given_to_browser()
    for seconds, found in ((LIFETIME, ASKED), (LIFETIME + 2, None)):
        later = int(time.time()) + seconds
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _, now=later: now)
        assert read(value) == found


@given(st.data())
@settings(deadline=None)
def test_no_altered_value_is_believed(data: st.DataObject) -> None:
    value = given_to_browser()
    place = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(st.sampled_from("ABCZabcz0189-_.=!"))
    changed = value[:place] + other + value[place + 1 :]
    assert read(changed) in ((ASKED,) if changed == value else (None, ASKED))
    if place < value.index("."):
        assert read(changed) == (ASKED if changed == value else None)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=60))
@settings(deadline=None)
def test_whatever_is_sent_there_is_none(value: str) -> None:
    assert read(value) is None


@pytest.mark.parametrize("salt", ["portal.choice", "itsdangerous", "portal.google"])
def test_a_value_signed_for_another_purpose_is_none(salt: str) -> None:
    fields = {"nonce": "n", "email": "jane@acme.com", "redirect": "/"}
    assert read(str(URLSafeTimedSerializer(SECRET, salt=salt).dumps(fields))) is None


@pytest.mark.parametrize("fields", [[], "x", None, {}, {"nonce": "n"}, {"surprise": 1}])
def test_a_signed_value_of_another_shape_is_none(fields: object) -> None:
    assert read(str(URLSafeTimedSerializer(SECRET, salt="portal.prelogin").dumps(fields))) is None


def test_the_cookie_reaches_the_sign_in_pages_only_and_no_script() -> None:
    response = Response()
    set_prelogin(response, ASKED, settings_with())
    [cookie] = attributes(response)
    assert cookie["name"] == COOKIE
    assert (cookie["path"], cookie["max-age"]) == ("/auth", str(LIFETIME))
    assert {"httponly", "secure"} <= set(cookie)
    # The link is opened from a mail program: a strict cookie would not be sent with it.
    assert cookie["samesite"] == "lax"
    assert "domain" not in cookie


def test_it_is_cleared_where_it_was_set() -> None:
    response = Response()
    clear_prelogin(response, settings_with())
    [cookie] = attributes(response)
    assert (cookie["name"], cookie["path"], cookie["max-age"]) == (COOKIE, "/auth", "0")


def test_each_browser_gets_a_nonce_that_nobody_guesses() -> None:
    one, other = (new_prelogin("jane@acme.com", "/") for _ in range(2))
    assert one.nonce != other.nonce
    assert len(one.nonce) >= 43
    assert renewed(one, "/invoices") == Prelogin(one.nonce, one.email, "/invoices")


def test_only_hashes_leave_and_a_code_is_worth_nothing_without_its_browser() -> None:
    assert ASKED.browser_hash == hashlib.sha256(b"nonce").hexdigest()
    other = new_prelogin(ASKED.email, ASKED.redirect)
    assert ASKED.code_hash("123456") != other.code_hash("123456")
    assert ASKED.code_hash("123456") != ASKED.code_hash("123457")
    assert "123456" not in ASKED.code_hash("123456")
