"""Answers are compressed for whoever asks for it, and a page that is answered again only once."""

from __future__ import annotations

import gzip
from collections import OrderedDict
from typing import Final

from starlette.middleware.gzip import GZipResponder, IdentityResponder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.raw_headers import value_of

LEAST_COMPRESSED: Final = 400
"""Bytes below which compressing costs more than it saves."""

GZIP_LEVEL: Final = 7
MOST_BYTES: Final = 4 * 1024 * 1024
"""Of compressed pages that are kept: a page takes about 7 kB."""

OVERHEAD: Final = 256
PAGE: Final = b"text/html"
WEAK: Final = b'W/"'
LENGTH: Final = b"content-length"
ENCODING: Final = b"content-encoding"
VARY: Final = b"vary"
VARIES: Final = (VARY, b"Accept-Encoding")


class CompressedPages:
    """Pages as they are sent, by the tags that name their bytes; the longest unasked go first."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._pages: OrderedDict[bytes, bytes] = OrderedDict()

    def of(self, tag: bytes, page: bytes) -> bytes:
        """The page compressed; `tag` is `conditional.tag_of(page)`."""
        found = self._pages.get(tag)
        if found is not None:
            self._pages.move_to_end(tag)
            return found
        made = gzip.compress(page, GZIP_LEVEL, mtime=0)
        self._pages[tag] = made
        self._bytes += len(made) + OVERHEAD
        while self._bytes > self._most_bytes:
            _, gone = self._pages.popitem(last=False)
            self._bytes -= len(gone) + OVERHEAD
        return made


class Compression:
    """gzip: by Starlette's own responders, save for whole pages with a tag.

    Their tag says which bytes they are, so a page that is kept is compressed once. Doing it anew
    took four times as long as all the rest of answering one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._pages = CompressedPages()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; its answer is compressed when that is asked for and pays."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_asked = b"gzip" in value_of(scope["headers"], b"accept-encoding")
        page: Message | None = None
        pass_on: Send | None = None

        async def take(message: Message) -> None:
            nonlocal page, pass_on
            if pass_on is None and page is None and _is_tagged_page(message):
                page = message
            elif page is not None and not message.get("more_body", False):
                await self._send_page(page, message["body"], is_asked, send)
            else:
                if pass_on is None:
                    pass_on = self._responder(is_asked, send)
                    if page is not None:
                        await pass_on(page)
                        page = None
                await pass_on(message)

        await self._app(scope, receive, take)

    async def _send_page(self, start: Message, body: bytes, is_asked: bool, send: Send) -> None:
        headers = [*start["headers"], VARIES]
        if is_asked and len(body) >= LEAST_COMPRESSED:
            body = self._pages.of(value_of(headers, b"etag"), body)
            headers = [header for header in headers if header[0] != LENGTH]
            headers += [(ENCODING, b"gzip"), (LENGTH, b"%d" % len(body))]
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _responder(self, is_asked: bool, send: Send) -> Send:
        responder = (
            GZipResponder(self._app, LEAST_COMPRESSED, GZIP_LEVEL)
            if is_asked
            else IdentityResponder(self._app, LEAST_COMPRESSED)
        )
        responder.send = send
        return responder.send_with_compression


def _is_tagged_page(start: Message) -> bool:
    """Whether it is a page that the pages' own middleware has tagged, and nothing else was done."""
    if start["type"] != "http.response.start" or start["status"] != 200:
        return False
    headers = dict(start["headers"])
    return (
        headers.get(b"content-type", b"").startswith(PAGE)
        and headers.get(b"etag", b"").startswith(WEAK)
        and ENCODING not in headers
        and VARY not in headers
    )
