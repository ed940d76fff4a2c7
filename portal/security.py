"""What protects every answer and every request, whoever asks: headers, host, body size."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.errors import HostUnknown, PayloadTooLarge
from portal.raw_headers import value_of, values_of

MOST_BODY_BYTES: Final = 64 * 1024
LONGEST_LENGTH: Final = 18
"""Digits of a Content-Length that anyone could mean."""

TOKEN_PATHS: Final = ("/auth/", "/api/auth/", "/notices/")
TOKEN_HEADERS: Final = ((b"referrer-policy", b"no-referrer"), (b"cache-control", b"no-store"))
"""Of the pages under those, whatever they say themselves."""

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
        headers = {
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
            "cache-control": "private, no-cache",
        }
        if https:
            headers["strict-transport-security"] = "max-age=63072000; includeSubDomains"
        self._written = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._names = frozenset(name for name, _ in self._written)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add the headers as its answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_token_page = scope["path"].startswith(TOKEN_PATHS)

        async def add_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                if is_token_page:
                    forced = {name for name, _ in TOKEN_HEADERS}
                    headers = [header for header in headers if header[0] not in forced]
                    headers += TOKEN_HEADERS
                message["headers"] = self._completed(headers)
            await send(message)

        await self._app(scope, receive, add_headers)

    def _completed(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The answer's own headers and those that it lacks. Most answers have none of them."""
        own = self._names.intersection([name for name, _ in headers])
        if not own:
            return [*headers, *self._written]
        return [*headers, *(header for header in self._written if header[0] not in own)]


class HostCheck:
    """Refuses requests under another name than the portal's own; probes may use any."""

    def __init__(self, app: ASGIApp, *, host: str) -> None:
        self._app = app
        self._hosts = [host.lower().encode()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or raise HostUnknown."""
        if scope["type"] == "http" and scope["path"] not in PROBE_PATHS:
            hosts = values_of(scope["headers"], b"host")
            if hosts != self._hosts and [host.lower() for host in hosts] != self._hosts:
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
        announced = value_of(scope["headers"], b"content-length").lstrip(b"0")
        if len(announced) > LONGEST_LENGTH or (announced.isdigit() and int(announced) > self._most):
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
