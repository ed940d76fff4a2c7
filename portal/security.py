"""What protects every answer and every request, whoever asks: headers, host, body size."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.errors import HostUnknown, PayloadTooLarge

MOST_BODY_BYTES: Final = 64 * 1024
LONGEST_LENGTH: Final = 18
"""Digits of a Content-Length that anyone could mean."""

TOKEN_PATHS: Final = ("/auth/", "/api/auth/", "/notices/")
PROBE_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})


def content_security_policy(inline_scripts: Iterable[str] = ()) -> str:
    """Our own origin only. An inline script (the import map) is allowed by its SHA-256 alone."""
    hashes = "".join(
        f" 'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'"
        for s in inline_scripts
    )
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self'{hashes}",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


class SecurityHeaders:
    """Adds the headers that every answer carries; an answer's own value is kept."""

    def __init__(self, app: ASGIApp, *, policy: str, https: bool) -> None:
        self._app = app
        self._headers = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
            "Cache-Control": "private, no-cache",
        }
        if https:
            self._headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
        self._written = [
            (name.lower().encode(), value.encode()) for name, value in self._headers.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add the headers as its answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        token_page = scope["path"].startswith(TOKEN_PATHS)

        async def add_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                if token_page:
                    headers = MutableHeaders(scope=message)
                    headers["Referrer-Policy"] = "no-referrer"
                    headers["Cache-Control"] = "no-store"
                own = {name.lower() for name, _ in message["headers"]}
                more = [header for header in self._written if header[0] not in own]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        await self._app(scope, receive, add_headers)


class HostCheck:
    """Refuses requests under another name than the portal's own; probes may use any."""

    def __init__(self, app: ASGIApp, *, host: str) -> None:
        self._app = app
        self._host = host.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or raise HostUnknown."""
        if scope["type"] == "http" and scope["path"] not in PROBE_PATHS:
            hosts = Headers(scope=scope).getlist("host")
            if [h.lower() for h in hosts] != [self._host]:
                raise HostUnknown
        await self._app(scope, receive, send)


class BodyLimit:
    """Refuses a request body over the limit, announced or not."""

    def __init__(self, app: ASGIApp, *, most: int = MOST_BODY_BYTES) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; raises PayloadTooLarge, now or while the body is read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0").lstrip("0")
        if len(announced) > LONGEST_LENGTH or (
            announced.isdecimal() and int(announced) > self._most
        ):
            raise PayloadTooLarge
        read = 0

        async def count() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise PayloadTooLarge
            return message

        await self._app(scope, count, send)
