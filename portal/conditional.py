"""Pages that have not changed are not sent again: an ETag on each, and 304 (RFC 9110 §13)."""

from __future__ import annotations

import hashlib
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE: Final = "text/html"
NOT_OF_A_304: Final = ("content-length", "content-type", "content-encoding")


class ConditionalPages:
    """Tags whole pages by their content; whoever has that very page is told so and no more.

    The tag is weak, because the page may be compressed on the way.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; the answer to a GET for a page is held back until it is whole."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        known = Headers(scope=scope).get("if-none-match", "")
        start: Message | None = None
        body = b""

        async def hold(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_page(message):
                start = message
                return
            if start is None:
                await send(message)
                return
            body += message.get("body", b"")
            if not message.get("more_body", False):
                await _send_page(start, body, known, send)

        await self._app(scope, receive, hold)


def tag_of(body: bytes) -> str:
    """The tag of a page: the same for the same bytes."""
    return f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def _is_page(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    kind, kept = headers.get("content-type", ""), headers.get("cache-control", "")
    return start["status"] == 200 and kind.startswith(PAGE) and "no-store" not in kept


async def _send_page(start: Message, body: bytes, known: str, send: Send) -> None:
    headers = MutableHeaders(raw=list(start["headers"]))
    # A page that is kept brings its tag along.
    tag = headers.get("etag") or headers.setdefault("ETag", tag_of(body))
    if tag.removeprefix("W/") in {part.strip().removeprefix("W/") for part in known.split(",")}:
        for name in NOT_OF_A_304:
            del headers[name]
        start, body = {**start, "status": 304}, b""
    await send({**start, "headers": headers.raw})
    await send({"type": "http.response.body", "body": body})
