"""Which web pages may call from a browser: the configured portals', and no others (sm-api §3).

A credentialed answer names one exact origin. And since cookies come along from anywhere, a write
that a foreign page makes with them is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.sandbox.config import SandboxConfig
from portal.sandbox.envelope import Answer, Refusal

SHARED_PATHS: Final = ("/api/", "/auth/")
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
SIGN_IN: Final = "/auth/"
EDGE_HEADER: Final = "cf-access-authenticated-user-email"
PREFLIGHT: Final[Mapping[str, str]] = {
    "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, X-SM-Product, Idempotency-Key, If-None-Match",
    "Access-Control-Max-Age": "86400",
}
EXPOSED: Final = "ETag, X-Request-Id"


class CrossOrigin:
    """Adds CORS headers for the portals' pages, and keeps foreign pages from writing."""

    def __init__(self, app: ASGIApp, config: SandboxConfig) -> None:
        self._app = app
        self._portals = frozenset(config.portals)
        self._trusted = config.trusted_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = self._portal(scope, headers)

        async def shared(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer.add_vary_header("Origin")
                if origin is not None:
                    answer["Access-Control-Allow-Origin"] = origin
                    answer["Access-Control-Allow-Credentials"] = "true"
                    answer["Access-Control-Expose-Headers"] = EXPOSED
            await send(message)

        if origin is not None and _is_preflight(scope, headers):
            await Response(status_code=204, headers=dict(PREFLIGHT))(scope, receive, shared)
        elif self._is_foreign_write(scope, headers):
            refusal = Refusal(403, "Not from this site", reason="cross_site")
            await Answer.refusal(refusal).response()(scope, receive, shared)
        else:
            await self._app(scope, receive, shared)

    def _portal(self, scope: Scope, headers: Headers) -> str | None:
        """The portal whose page asks, where portals' pages may ask."""
        origin = headers.get("origin")
        is_shared = scope["path"].startswith(SHARED_PATHS)
        return origin if is_shared and origin in self._portals else None

    def _is_foreign_write(self, scope: Scope, headers: Headers) -> bool:
        """Whether a page that is not ours writes with what the browser adds on its own.

        Signing in needs no cookie to do harm: it would put a stranger's session into the browser.
        """
        if scope["method"] in SAFE or self._is_ours(headers):
            return False
        ambient = "cookie" in headers or EDGE_HEADER in headers
        return ambient or scope["path"].startswith(SIGN_IN)

    def _is_ours(self, headers: Headers) -> bool:
        """Asked by a page of ours, or by no browser: browsers send one of the two headers.

        `Sec-Fetch-Site` goes first: our own pages send `Origin: null`, being without referrer.
        """
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site in ("same-origin", "none"):
            return True
        return origin in self._trusted or (origin is None and site is None)


def _is_preflight(scope: Scope, headers: Headers) -> bool:
    return scope["method"] == "OPTIONS" and "access-control-request-method" in headers
