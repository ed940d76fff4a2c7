"""Our own cookies: only what we signed, for this purpose, in time, on this host."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer
from starlette.responses import Response

from portal.auth.signed_cookie import SignedCookie
from tests.auth.requests import OTHER_SECRET, SECRET, request_with, settings_with
from tests.auth.test_cookies import attributes

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
COOKIE = SignedCookie("portal_test", lifetime=900, purpose="test")
VALUE = {"email": "zoë@bücher.example", "redirect": "/é?a=b"}


def env(*secrets: str, later: float = 0, https: bool = True) -> Any:
    """An environment whose clock is `later` seconds on."""
    return SimpleNamespace(
        settings=settings_with(session_secrets=secrets or (SECRET,), session_cookie_secure=https),
        clock=lambda: NOW + timedelta(seconds=later),
    )


def put(at: Any = None, value: Any = VALUE) -> str:
    """The cookie's value as the browser gets it."""
    response = Response()
    COOKIE.put(response, value, at or env())
    return attributes(response)[0]["value"]


def read(value: str, at: Any = None) -> Any:
    return COOKIE.read(request_with(f"__Host-portal_test={value}"), at or env())


def test_what_was_put_is_read_back() -> None:
    assert read(put()) == VALUE


def test_without_a_cookie_there_is_nothing() -> None:
    assert COOKIE.read(request_with(), env()) is None
    assert read("") is None


def test_it_belongs_to_the_secret_and_survives_its_change() -> None:
    old = put(env(OTHER_SECRET))
    assert read(old) is None
    assert read(old, env(SECRET, OTHER_SECRET)) == VALUE
    assert read(put(env(SECRET, OTHER_SECRET)), env(SECRET)) == VALUE


def test_it_ends_after_its_time_by_the_workers_clock() -> None:
    value = put()
    assert read(value, env(later=899)) == VALUE
    assert read(value, env(later=900)) is None


@given(st.data())
@settings(deadline=None)
def test_no_altered_value_is_believed(data: st.DataObject) -> None:
    value = put()
    place = data.draw(st.integers(0, value.index(".") - 1))
    other = data.draw(st.sampled_from("ABCZabcz0189-_.=!"))
    changed = value[:place] + other + value[place + 1 :]
    assert read(changed) == (VALUE if changed == value else None)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=60))
@settings(deadline=None)
def test_whatever_else_is_sent_there_is_nothing(value: str) -> None:
    assert read(value) is None


@pytest.mark.parametrize("salt", ["portal.other", "itsdangerous", "test"])
def test_a_value_signed_for_another_purpose_is_nothing(salt: str) -> None:
    expires = NOW.timestamp() + 60
    assert read(str(URLSafeSerializer(SECRET, salt=salt).dumps([expires, VALUE]))) is None


@pytest.mark.parametrize("signed", [[], "x", None, {}, 1, ["soon", VALUE], [1, 2, 3]])
def test_a_signed_value_of_another_shape_is_nothing(signed: object) -> None:
    assert read(str(URLSafeSerializer(SECRET, salt="portal.test").dumps(signed))) is None


def test_over_https_no_sibling_domain_can_plant_it() -> None:
    response = Response()
    COOKIE.put(response, VALUE, env())
    [cookie] = attributes(response)
    # Browsers hold the prefix to exactly this: secure, every path, no domain.
    assert cookie["name"] == "__Host-portal_test"
    assert (cookie["path"], cookie["max-age"]) == ("/", "900")
    assert {"httponly", "secure"} <= set(cookie)
    assert "domain" not in cookie
    # The link is opened from a mail program: a strict cookie would not be sent with it.
    assert cookie["samesite"] == "lax"
    assert COOKIE.read(request_with(f"portal_test={put()}"), env()) is None


def test_without_https_it_has_no_prefix_that_browsers_would_refuse() -> None:
    response = Response()
    COOKIE.put(response, VALUE, env(https=False))
    [cookie] = attributes(response)
    assert cookie["name"] == "portal_test"
    assert "secure" not in cookie


def test_it_is_cleared_where_it_was_set() -> None:
    response = Response()
    COOKIE.clear(response, env().settings)
    [cookie] = attributes(response)
    assert (cookie["name"], cookie["path"], cookie["max-age"]) == ("__Host-portal_test", "/", "0")
