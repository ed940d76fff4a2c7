"""The pre-login binding: whose browser asked, and hashes that are worth nothing elsewhere."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from starlette.responses import Response

from portal.auth.prelogin import COOKIE, Prelogin, new_prelogin, read_prelogin, renewed
from portal.auth.prelogin import set_prelogin as give
from tests.auth.requests import request_with
from tests.auth.test_cookies import attributes
from tests.auth.test_signed_cookie import env

ASKED = Prelogin("nonce", "jane@acme.com", "/invoices?a=b")


def read_back(value: Any) -> Prelogin | None:
    """What is made of a cookie that holds `value`, rightly signed."""
    response = Response()
    COOKIE.put(response, value, env())
    [cookie] = attributes(response)
    return read_prelogin(request_with(f"{cookie['name']}={cookie['value']}"), env())


def test_what_a_browser_was_given_is_read_back() -> None:
    response = Response()
    give(response, ASKED, env())
    [cookie] = attributes(response)
    request = request_with(f"{cookie['name']}={cookie['value']}")
    assert read_prelogin(request, env()) == ASKED
    assert read_prelogin(request_with(), env()) is None


@pytest.mark.parametrize("fields", [[], "x", None, {}, {"nonce": "n"}, {"surprise": 1}])
def test_a_signed_value_of_another_shape_is_none(fields: object) -> None:
    assert read_back(fields) is None


def test_it_outlives_the_link_a_little() -> None:
    assert COOKIE.lifetime == 900


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
