"""A server that can be handed an answer whole: its head written out, its body, all checked before.

ASGI hands over headers one by one, and uvicorn looks at each of them and puts them together: of a
page that is kept, which has seventeen, that took a fifth of the time. The same bytes were looked at
when the page was sent first. What is handed over so is announced to the app as an extension (ASGI,
"Extensions"); without the extension, answers go their usual way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

EXTENSION: Final = "portal.response.whole"

SendWhole = Callable[[bytes, bytes], bool]
"""Takes head and body. False: not now, and nothing was sent; it has to go the usual way."""


def send_whole_of(scope: Scope) -> SendWhole | None:
    """How to hand a whole answer to this request to the server, if it takes such."""
    found: SendWhole | None = scope.get("extensions", {}).get(EXTENSION)
    return found


def head_of(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The head of an answer without its last, empty line. The headers are such as were sent."""
    return STATUS_LINE[status] + b"".join(b"%b: %b\r\n" % header for header in headers)


def headers_in(head: bytes) -> list[tuple[bytes, bytes]]:
    """The headers that `head_of` wrote."""
    lines = head.split(b"\r\n")[1:-1]
    return [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]


class WholeAnswers(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, with the extension."""

    def on_headers_complete(self) -> None:
        """Begin the request's cycle, and tell the app, which runs later, of the extension."""
        super().on_headers_complete()
        cycle = self.cycle
        if cycle is not None and cycle.scope is self.scope:
            # ASGI's own type knows of no extension that is called.
            extensions: Any = {EXTENSION: partial(_send_whole, cycle)}
            cycle.scope["extensions"] = extensions


def _send_whole(cycle: RequestResponseCycle, head: bytes, body: bytes) -> bool:
    """What `RequestResponseCycle.send` does of a start and a body, where nothing is special."""
    is_plain = cycle.keep_alive and len(cycle.default_headers) == 1
    if not is_plain or cycle.response_started or cycle.flow.write_paused or cycle.disconnected:
        return False
    ((name, value),) = cycle.default_headers
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.writelines((head, name, b": ", value, b"\r\n\r\n", body))
    cycle.message_event.set()
    cycle.on_response()
    return True
