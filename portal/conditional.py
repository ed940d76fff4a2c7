"""Pages that have not changed are not sent again: an ETag on each, and 304 (RFC 9110 §13)."""

from __future__ import annotations

import hashlib
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.raw_headers import value_of

PAGE: Final = b"text/html"
TAG: Final = b"etag"
NOT_OF_A_304: Final = frozenset({b"content-length", b"content-type", b"content-encoding"})


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
        known = value_of(scope["headers"], b"if-none-match")
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
    headers = start["headers"]
    return (
        start["status"] == 200
        and value_of(headers, b"content-type").startswith(PAGE)
        and b"no-store" not in value_of(headers, b"cache-control")
    )


async def _send_page(start: Message, body: bytes, known: bytes, send: Send) -> None:
    headers = start["headers"]
    tag = value_of(headers, TAG)
    # A page that is kept brings its tag along.
    if not tag:
        tag = tag_of(body).encode()
        headers = [*headers, (TAG, tag)]
    if known and _opaque(tag) in {_opaque(part.strip()) for part in known.split(b",")}:
        headers = [header for header in headers if header[0] not in NOT_OF_A_304]
        start, body = {**start, "status": 304}, b""
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _opaque(tag: bytes) -> bytes:
    """A tag without what says that it is weak: for 304 that makes no difference (§13.1.2)."""
    return tag.removeprefix(b"W/")
