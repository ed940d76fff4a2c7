"""The session's cookies: read by exact name, issued and cleared with the right attributes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import Response

from portal.auth.cookies import clear_session, door_cookie, session_tokens, set_session
from portal.errors import SignInNeeded
from tests.auth.requests import request_with, settings_with


def tokens(*cookies: str) -> list[str]:
    return session_tokens(request_with(*cookies), "mode")


def attributes(response: Response) -> list[dict[str, str]]:
    """Each cookie that the answer sets: its name and value, and its attributes in lower case."""
    found = []
    for header in response.headers.getlist("set-cookie"):
        (name, _, value), *rest = (piece.strip().partition("=") for piece in header.split(";"))
        found.append({"name": name, "value": value, **{n.lower(): v for n, _, v in rest if n}})
    return found


def test_the_portals_own_cookie_comes_before_the_shared_one() -> None:
    assert tokens("sm_client=shared; sm_session_mode=own") == ["own", "shared"]
    assert tokens("sm_client=shared") == ["shared"]
    assert tokens("sm_session_mode=own") == ["own"]
    assert tokens("sm_client=shared", "sm_session_mode=own") == ["own", "shared"]


@pytest.mark.parametrize(
    "name",
    [
        "xsm_client",
        "sm_clientx",
        "SM_CLIENT",
        "sm-client",
        "sm_session_signal",
        "sm_session_mode2",
        "sm_session",
        "sm_session_",
        "__Host-sm_client",
        "a sm_client",
    ],
)
def test_a_cookie_of_another_name_is_not_read(name: str) -> None:
    assert tokens(f"{name}=token") == []
    assert tokens(f"{name}=token; sm_client=real") == ["real"]


@pytest.mark.parametrize(
    "cookies",
    [
        ("sm_client=a; sm_client=b",),
        ("sm_client=a; sm_client=a",),
        ("sm_client=a", "sm_client=b"),
        ("sm_client=; sm_client=b",),
        ("sm_session_mode=a; sm_session_mode=b",),
        ("sm_session_mode=a; sm_client=b; sm_session_mode=c",),
    ],
)
def test_a_name_that_comes_twice_is_refused(cookies: tuple[str, ...]) -> None:
    with pytest.raises(SignInNeeded):
        tokens(*cookies)


@pytest.mark.parametrize("cookie", ["", "sm_client", "sm_client=", ";;", "=x", "sm_client=; a=b"])
def test_an_empty_cookie_is_none(cookie: str) -> None:
    assert tokens(cookie) == []
    assert tokens() == []


def test_a_quoted_value_is_read_without_its_quotes() -> None:
    assert tokens('a=b;sm_client="x.y.z" ; c=d') == ["x.y.z"]


def test_a_value_may_hold_equals_signs() -> None:
    assert tokens("sm_client=x=y==") == ["x=y=="]


@given(st.text(st.characters(codec="latin-1"), max_size=80))
@settings(deadline=None)
def test_no_cookie_header_breaks_the_reading(cookie: str) -> None:
    try:
        assert len(tokens(cookie)) <= 2
    except SignInNeeded:
        assert max(cookie.count("sm_client="), cookie.count("sm_session_mode=")) > 1


def test_the_shared_cookie_is_issued_as_the_platform_has_it() -> None:
    response = Response()
    set_session(response, "x.y.z", settings_with())
    assert attributes(response)[0] == {
        "name": "sm_client",
        "value": "x.y.z",
        "domain": ".sprintmode.example",
        "path": "/",
        "max-age": "604800",
        "httponly": "",
        "secure": "",
        "samesite": "none",
    }


def test_on_a_developers_machine_it_has_no_domain_and_needs_no_https() -> None:
    local = settings_with(
        session_cookie_domain=None, session_cookie_secure=False, session_cookie_samesite="lax"
    )
    response = Response()
    set_session(response, "x.y.z", local)
    issued = attributes(response)[0]
    assert "domain" not in issued
    assert "secure" not in issued
    assert issued["samesite"] == "lax"
    assert "httponly" in issued


def test_signing_in_drops_the_portals_own_cookie_which_would_be_read_first() -> None:
    response = Response()
    set_session(response, "x.y.z", settings_with())
    dropped = [c for c in attributes(response) if c["name"] == door_cookie("mode")]
    # It may have been set for this host alone, or for all of the platform's.
    assert {c.get("domain") for c in dropped} == {".sprintmode.example", None}
    assert {c["max-age"] for c in dropped} == {"0"}


def test_signing_out_clears_both_names_on_both_domains() -> None:
    response = Response()
    clear_session(response, settings_with())
    cleared = attributes(response)
    assert {(c["name"], c.get("domain")) for c in cleared} == {
        (name, domain)
        for name in ("sm_client", "sm_session_mode")
        for domain in (".sprintmode.example", None)
    }
    for cookie in cleared:
        assert (cookie["value"].strip('"'), cookie["max-age"], cookie["path"]) == ("", "0", "/")
        # A browser ignores a clearing that is less secure than the cookie was.
        assert "secure" in cookie
