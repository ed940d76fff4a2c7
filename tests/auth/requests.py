"""Requests and settings made by hand, for what needs no app around it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from starlette.requests import Request

SECRET = "a-secret-of-the-tests-that-is-long-enough-to-sign-with"
OTHER_SECRET = "another-secret-of-the-tests-that-is-long-enough-too"


def settings_with(**changes: Any) -> Any:
    """The settings that cookies are made by."""
    fields: dict[str, Any] = {
        "product": "mode",
        "session_secrets": (SECRET,),
        "session_cookie_domain": ".sprintmode.example",
        "session_cookie_secure": True,
        "session_cookie_samesite": "none",
        "session_days": 7,
    }
    return SimpleNamespace(**fields | changes)


def request_with(*cookies: str, method: str = "GET", **headers: str) -> Request:
    """A request with these Cookie headers and others (`sec_fetch_site="none"`)."""
    sent = [("cookie", cookie) for cookie in cookies]
    sent += [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(
        {
            "type": "http",
            "method": method,
            "path": "/",
            "query_string": b"",
            "headers": [(n.encode(), v.encode("latin-1")) for n, v in sent],
        }
    )
