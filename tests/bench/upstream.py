"""The upstream of the benchmarks: SM API's shapes from memory, fast, behind a settable delay.

python -m tests.bench.upstream --port 9000 --companies 1000 --invoices 12 --delay-ms 30

The sandbox keeps a database and checks what it is sent; at the rates of the benchmarks it would be
what is measured. This one reads HTTP/1.1 as our own clients send it, and nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from datetime import UTC, datetime
from typing import Final, cast
from urllib.parse import unquote_plus

import uvloop

from tests.bench.crm import Crm

CLIENT_ID: Final = "benchmark-client-id"
CLIENT_SECRET: Final = "benchmark-client-secret-of-some-length"
PHRASES: Final = {200: b"OK", 201: b"Created", 302: b"Found", 404: b"Not Found"}
LOGIN_PAGE: Final = (
    b"HTTP/1.1 302 Found\r\nLocation: https://sprintmode.cloudflareaccess.example/login\r\n"
    b"Content-Length: 0\r\n\r\n"
)
"""What the platform's edge answers when it does not accept a service token."""

ROUND_TRIP: Final = "/round-trip"
"""Answers anybody, to measure what a round trip takes."""

TOKEN_LINES: Final = (
    b"\r\ncf-access-client-id: " + CLIENT_ID.encode() + b"\r\n",
    b"\r\ncf-access-client-secret: " + CLIENT_SECRET.encode() + b"\r\n",
)


def answer_to(crm: Crm, head: bytes, body: bytes) -> bytes:
    """The whole answer to one request, given the bytes of its head."""
    if head.startswith(b"GET " + ROUND_TRIP.encode() + b" "):
        return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    lowered = head.lower()
    if any(line not in lowered for line in TOKEN_LINES):
        return LOGIN_PAGE
    method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
    path, _, query = target.partition("?")
    status, content = crm.answer(method, path, asked(query), body)
    return b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        PHRASES[status],
        len(content),
        content,
    )


def asked(query: str) -> dict[str, str]:
    """The fields of a query string; urllib's own reading costs more than the whole answer."""
    if "%" in query or "+" in query:
        query = "&".join(unquote_plus(field) for field in query.split("&"))
    pairs = (field.partition("=") for field in query.split("&"))
    return {name: value for name, _, value in pairs}


def body_length(head: bytes) -> int:
    """What the head says of the length of its body; a request without says 0."""
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


class Connection(asyncio.Protocol):
    """One keep-alive connection; its requests come one after the other."""

    def __init__(self, crm: Crm, delay: float) -> None:
        self._crm = crm
        self._delay = delay
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers are written to."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._received += data
        while True:
            head, found, rest = self._received.partition(b"\r\n\r\n")
            if not found:
                return
            head += b"\r\n"
            length = 0 if head.startswith(b"GET ") else body_length(head)
            if len(rest) < length:
                return
            self._received = rest[length:]
            self._answer(answer_to(self._crm, head, rest[:length]))

    def connection_lost(self, _error: Exception | None) -> None:
        """Delayed answers have nowhere to go any more."""
        self._transport = None

    def _answer(self, answer: bytes) -> None:
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._write, answer)
        else:
            self._write(answer)

    def _write(self, answer: bytes) -> None:
        if self._transport is not None:
            self._transport.write(answer)


async def serve(crm: Crm, port: int, delay: float) -> None:
    """Answer on loopback until the process is stopped."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(crm, delay), "127.0.0.1", port, backlog=1024
    )
    async with server:
        await server.serve_forever()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.upstream")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--companies", type=int, default=1000)
    parser.add_argument("--invoices", type=int, default=12)
    parser.add_argument("--delay-ms", type=float, default=0)
    told = parser.parse_args()
    crm = Crm(told.companies, told.invoices, datetime.now(UTC))
    uvloop.run(serve(crm, told.port, told.delay_ms / 1000))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        os._exit(0)
