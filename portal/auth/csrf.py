"""Unsafe requests must come from our own pages: `Sec-Fetch-Site`, else `Origin`, decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from portal.errors import CrossSite

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def comes_from_here(headers: Mapping[str, str], origin: str) -> bool:
    """Whether the request was made by one of our pages, by the address bar, or by no browser.

    Every browser sends `Sec-Fetch-Site` or, with an unsafe method, `Origin`; a request with
    neither was not made by one, and so not on behalf of somebody's cookies. `Sec-Fetch-Site` goes
    first because pages with `Referrer-Policy: no-referrer` send `Origin: null`.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    sent_origin = headers.get("origin")
    return sent_origin is None or sent_origin == origin


def comes_from_platform(headers: Mapping[str, str]) -> bool:
    """Whether a link was followed on this portal or a sibling, or typed: for GET sign-out."""
    return headers.get("sec-fetch-site", "none") in ("same-origin", "same-site", "none")


class CsrfCheck:
    """Refuses unsafe requests from elsewhere with CrossSite, signed in or not."""

    def __init__(self, app: ASGIApp, *, origin: str) -> None:
        self._app = app
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or raise CrossSite."""
        unsafe = scope["type"] == "http" and scope["method"] not in SAFE_METHODS
        if unsafe and not comes_from_here(Request(scope).headers, self._origin):
            raise CrossSite
        await self._app(scope, receive, send)
