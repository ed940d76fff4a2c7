"""HTTP/1.1 to one origin: whole answers, bounded, over connections that are kept.

Only what a call to SM API needs. Nothing is repeated, no redirect followed, no cookie kept, no
proxy asked; httptools reads the answers, and certificates are verified.

It is our own because a cold page is made of its calls, and httpx2's client takes 13 times the CPU
for each (`python -m tests.bench http-clients`).
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import zlib
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Protocol, cast
from urllib.parse import urlsplit

import httptools
import httpx2 as httpx

from portal.errors import SMApiError, SMApiMalformed, SMApiUnreachable

CONNECT_SECONDS: Final = 2.0
"""For a new connection, TLS and all."""

IDLE_SECONDS: Final = 5.0
"""After which a connection is not used again: whoever is at its other end may be closing it."""

MOST_CONNECTIONS: Final = 256
"""At one moment. A page asks for five things at once, so this is about fifty cold pages."""

MOST_ANSWER_BYTES: Final = 32 * 1024 * 1024
MOST_HEAD_BYTES: Final = 64 * 1024

Headers = Iterable[tuple[str, str]]

_field_value = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_target = re.compile(r"/[\x21-\x7e]*")


class Answered(NamedTuple):
    """An answer as it came: names of headers in lower case, the body decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire(Protocol):
    """Sends a request and gives the whole answer to it."""

    async def exchange(
        self, method: str, target: str, headers: Headers, body: bytes | None
    ) -> Answered:
        """The answer to a request for `target`: path and query, as they are sent.

        Raises SMApiUnreachable when there is no whole answer, SMApiMalformed for too long a one.
        """

    async def close(self) -> None:
        """Close the connections."""


class Connections:
    """The `Wire` of real life: as many connections to `base_url` as there are calls at once.

    `headers` are sent each time. `tls` is for tests, which have certificates of their own. How
    long an answer may take is the caller's to say. Raises ValueError for what is no http(s) URL.
    """

    def __init__(
        self,
        base_url: str,
        headers: Headers,
        *,
        most_connections: int = MOST_CONNECTIONS,
        connect_seconds: float = CONNECT_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        url = urlsplit(base_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(f"{base_url!r} is no http or https URL")
        self._host = url.hostname
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._prefix = url.path.rstrip("/")
        self._tls = (tls or _verifying()) if url.scheme == "https" else None
        self._connect_seconds = connect_seconds
        self._idle_seconds = idle_seconds
        host = url.netloc.rpartition("@")[2]
        self._fixed = [("Host", host), ("Accept-Encoding", "gzip"), *headers]
        self._head = ""
        self._places = asyncio.Semaphore(most_connections)
        self._idle: deque[_Connection] = deque()
        self._good_address: str | None = None
        self._is_closed = False

    async def exchange(
        self, method: str, target: str, headers: Headers, body: bytes | None
    ) -> Answered:
        """See `Wire`."""
        request = self._written(method, target, headers, body)
        async with self._places:
            if self._is_closed:
                raise SMApiUnreachable("not asked: the client is closed")
            connection = self._kept() or await self._connected()
            try:
                return _decompressed(await connection.exchange(request))
            finally:
                self._release(connection)

    async def close(self) -> None:
        """Close the connections; calls after this raise SMApiUnreachable."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()

    def _written(self, method: str, target: str, headers: Headers, body: bytes | None) -> bytes:
        if not _target.fullmatch(target):
            raise SMApiUnreachable(f"not sent: {target!r} is no path")
        try:
            # Made once: the lines that are the same in every request.
            self._head = self._head or _lines(self._fixed)
            own = _lines(headers)
        except ValueError as error:
            raise SMApiUnreachable(f"not sent: {error}") from error
        length = "" if body is None else f"Content-Length: {len(body)}\r\n"
        head = f"{method} {self._prefix}{target} HTTP/1.1\r\n{self._head}{own}{length}\r\n"
        return head.encode("latin-1") + (body or b"")

    def _kept(self) -> _Connection | None:
        """The connection that was used last: those that are not needed grow old and are closed."""
        oldest = asyncio.get_running_loop().time() - self._idle_seconds
        while self._idle and self._idle[0].used_at < oldest:
            self._idle.popleft().close()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    def _release(self, connection: _Connection) -> None:
        if connection.is_open and not self._is_closed:
            self._idle.append(connection)
        else:
            connection.close()

    async def _connected(self) -> _Connection:
        """A new connection, to the address that was good last if the name still has it.

        Each gets its part of the time: one where nobody answers must not keep us from the next.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._connect_seconds
        failed: Exception = OSError("the name has no address")
        try:
            async with asyncio.timeout_at(until):
                addresses = await self._addresses(loop)
        except (OSError, UnicodeError) as error:
            addresses, failed = [], error
        for tried, address in enumerate(addresses):
            share = (until - loop.time()) / (len(addresses) - tried)
            try:
                async with asyncio.timeout(share):
                    connection = await self._connect(loop, address)
            except OSError as error:  # what TLS and the clock object to among them
                failed = error
            else:
                self._good_address = address
                return connection
        raise SMApiUnreachable(f"no connection: {type(failed).__name__}: {failed}") from failed

    async def _addresses(self, loop: asyncio.AbstractEventLoop) -> list[str]:
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        addresses = dict.fromkeys(str(address[0]) for *_, address in found)
        return sorted(addresses, key=lambda address: address != self._good_address)

    async def _connect(self, loop: asyncio.AbstractEventLoop, address: str) -> _Connection:
        _, connection = await loop.create_connection(
            lambda: _Connection(loop),
            address,
            self._port,
            ssl=self._tls,
            server_hostname=self._host if self._tls else None,
        )
        return connection


class _Connection(asyncio.Protocol):
    """One connection, one exchange after the other, told by asyncio and by httptools' parser.

    Whatever comes that was not asked for ends it: it could be taken for the answer to another call.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.is_open = False
        self.used_at = loop.time()
        self._loop = loop
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[Answered] | None = None
        self._begin()

    def _begin(self) -> None:
        self._headers: dict[str, str] = {}
        self._has_headers = False
        self._pieces: list[bytes] = []
        self._received = 0

    async def exchange(self, request: bytes) -> Answered:
        """Send a whole request; its answer. Whoever gives up waiting ends the connection."""
        if self._transport is None or not self.is_open:
            raise SMApiUnreachable("the connection was closed before it was used")
        self._begin()
        self._answered = self._loop.create_future()
        self._transport.write(request)
        try:
            return await self._answered
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self._answered = None
            self.used_at = self._loop.time()

    def close(self) -> None:
        """Close it at once, whatever is under way."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        if self._answered is None or self._answered.done():
            self.close()
            return
        self._received += len(data)
        if self._received > MOST_ANSWER_BYTES + MOST_HEAD_BYTES:
            self._fail(too_long())
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(SMApiUnreachable(f"answered with broken HTTP: {error}"))

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio. A body without a length is whole when the connection ends."""
        self.is_open = False
        has_length = {"content-length", "transfer-encoding"} & self._headers.keys()
        if error is None and self._has_headers and not has_length:
            self._complete()
        self._fail(SMApiUnreachable(f"the connection was lost: {error or 'closed'}"))

    def on_message_begin(self) -> None:
        """See httptools."""
        if self._answered is None or self._answered.done():
            self.is_open = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools, which gives trailers too: they are no headers to us."""
        if not self._has_headers:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            before = self._headers.get(key)
            self._headers[key] = text if before is None else f"{before}, {text}"

    def on_headers_complete(self) -> None:
        """See httptools."""
        self._has_headers = True

    def on_body(self, piece: bytes) -> None:
        """See httptools."""
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """See httptools. What is below 200 comes before the answer (RFC 9110 §15.2)."""
        if self._parser.get_status_code() < 200:
            self._begin()
            return
        if not self._parser.should_keep_alive():
            self.is_open = False
        self._complete()

    def _complete(self) -> None:
        if self._answered is not None and not self._answered.done():
            status = self._parser.get_status_code()
            self._answered.set_result(Answered(status, self._headers, b"".join(self._pieces)))

    def _fail(self, error: SMApiError) -> None:
        self.close()
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error)


class OverTransport:
    """A `Wire` over a transport of httpx2: an app in this process, or one made for a test."""

    def __init__(
        self, transport: httpx.AsyncBaseTransport, base_url: str, headers: Headers = ()
    ) -> None:
        self._transport = transport
        self._base_url = base_url.rstrip("/")
        self._headers = [*headers]

    async def exchange(
        self, method: str, target: str, headers: Headers, body: bytes | None
    ) -> Answered:
        """See `Wire`."""
        request = httpx.Request(
            method, self._base_url + target, headers=[*self._headers, *headers], content=body
        )
        try:
            response = await self._transport.handle_async_request(request)
            try:
                read = await _whole_body(response)
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            raise SMApiUnreachable(f"{type(error).__name__}: {error}") from error
        return Answered(response.status_code, response.headers, read)

    async def close(self) -> None:
        """See `Wire`."""
        await self._transport.aclose()


async def _whole_body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > MOST_ANSWER_BYTES:
            raise too_long()
    return bytes(body)


def too_long() -> SMApiMalformed:
    """What an answer is that does not end where answers end."""
    return SMApiMalformed(f"answered with more than {MOST_ANSWER_BYTES} bytes")


def _decompressed(answered: Answered) -> Answered:
    """The answer with its body as it was before it was compressed. Raises SMApiMalformed."""
    coding = answered.headers.get("content-encoding", "identity").strip().lower()
    if coding == "identity":
        if len(answered.body) > MOST_ANSWER_BYTES:
            raise too_long()
        return answered
    if coding != "gzip":
        raise SMApiMalformed(f"answered in the coding {coding!r}, which was not asked for")
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        body = unzip.decompress(answered.body, MOST_ANSWER_BYTES + 1)
    except zlib.error as error:
        raise SMApiMalformed(f"answered with broken gzip: {error}") from error
    if len(body) > MOST_ANSWER_BYTES:
        raise too_long()
    if not unzip.eof:
        raise SMApiMalformed("answered with gzip that was cut off")
    return answered._replace(body=body)


def _lines(headers: Headers) -> str:
    """The lines of a request's head. Raises ValueError for what would break out of its line."""
    lines = []
    for name, value in headers:
        if not _field_value.fullmatch(value):
            raise ValueError(f"the value of {name} cannot be sent")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines)


def _verifying() -> ssl.SSLContext:
    """TLS as httpx2 does it, certificates verified, without what the environment says."""
    context = httpx.create_ssl_context(trust_env=False)
    context.set_alpn_protocols(["http/1.1"])
    return context
