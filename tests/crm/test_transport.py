"""Our connections to SM API, over real sockets, and what may come over them."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.crm import transport as transport_module
from portal.crm.client import SMApi
from portal.crm.transport import Answered, Connections
from portal.errors import SMApiError, SMApiMalformed, SMApiUnauthorized, SMApiUnreachable
from tests.crm.upstream import Clock

BODY = b'{"ok":true,"data":[]}'


def answer(body: bytes = BODY, *lines: str, status: str = "200 OK") -> bytes:
    """A whole answer."""
    head = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, *lines, "", ""]).encode("latin-1") + body


@dataclass
class Wired:
    """A server that answers what it is told to: each in turn, the last again and again.

    `None` says nothing and keeps the connection, `b""` ends it; `ends` ends it after each answer.
    """

    answers: list[bytes | None]
    ends: bool = False
    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    open: dict[asyncio.Task[Any] | None, asyncio.StreamWriter] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        self.open[asyncio.current_task()] = writer
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                _, _, length = head.lower().partition(b"content-length: ")
                self.bodies.append(
                    await reader.readexactly(int(length.split()[0])) if length else b""
                )
                said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if said is None:
                    continue
                writer.write(said)
                await writer.drain()
                if self.ends or not said:
                    break
        self.left.set()
        writer.close()
        del self.open[asyncio.current_task()]

    async def leave(self) -> None:
        """End what is still open."""
        for writer in self.open.values():
            writer.transport.abort()
        await asyncio.wait_for(asyncio.gather(*(task for task in self.open if task)), 5)


@asynccontextmanager
async def wired(
    *answers: bytes | None, ends: bool = False, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Wired]:
    """A `Wired` on a port of its own."""
    there = Wired(list(answers), ends)
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0, ssl=tls)
    there.port = server.sockets[0].getsockname()[1]
    async with server:
        yield there
        server.close()
        await there.leave()


@asynccontextmanager
async def to(there: Wired, **told: Any) -> AsyncIterator[Connections]:
    """Connections to it."""
    made = Connections(f"http://127.0.0.1:{there.port}", [("X-Fixed", "always")], **told)
    try:
        yield made
    finally:
        await made.close()


async def asked(made: Connections, target: str = "/api/x", **own: str) -> Answered:
    async with asyncio.timeout(5):
        return await made.exchange("GET", target, [*own.items()], None)


async def ended(made: Connections) -> None:
    """Wait until the connection that is kept, if any, is known to have ended."""
    for connection in made._idle:
        was_told, lost = asyncio.Event(), connection.connection_lost

        def tell(error: Exception | None, lost: Any = lost, told: Any = was_told) -> None:
            lost(error)
            told.set()

        connection.connection_lost = tell  # type: ignore[method-assign] # asyncio calls it by name
        if connection.is_open:
            async with asyncio.timeout(5):
                await was_told.wait()


async def test_a_request_is_sent_as_it_was_told_and_its_answer_read() -> None:
    async with wired(answer(BODY, "X-Request-ID: r1", "x-two: a", "X-Two: b")) as there:
        made = Connections(f"http://127.0.0.1:{there.port}/base/", [("X-Fixed", "always")])
        got = await made.exchange("POST", "/api/x?a=b%20c", [("X-Own", "once")], b"{}")
        await made.close()
    assert there.heads == [
        f"POST /base/api/x?a=b%20c HTTP/1.1\r\nHost: 127.0.0.1:{there.port}\r\n"
        "Accept-Encoding: gzip\r\nX-Fixed: always\r\nX-Own: once\r\nContent-Length: 2\r\n\r\n"
        "".encode()
    ]
    assert there.bodies == [b"{}"]
    assert (got.status, got.body) == (200, BODY)
    assert (got.headers["x-request-id"], got.headers["x-two"]) == ("r1", "a, b")


async def test_a_connection_is_used_again_and_more_are_made_only_at_once() -> None:
    async with wired(answer()) as there, to(there) as made:
        for _ in range(3):
            await asked(made)
        assert there.connections == 1
        await asyncio.gather(*(asked(made) for _ in range(4)))
        assert there.connections == 4
        await asyncio.gather(*(asked(made) for _ in range(4)))
        assert there.connections == 4


async def test_no_more_connections_are_made_than_may_be() -> None:
    async with wired(answer()) as there, to(there, most_connections=2) as made:
        await asyncio.gather(*(asked(made) for _ in range(9)))
    assert (there.connections, len(there.heads)) == (2, 9)


@pytest.mark.parametrize("said", [answer(BODY, "Connection: close"), answer(), b""])
async def test_a_connection_that_ended_or_is_to_end_is_not_used_again(said: bytes) -> None:
    async with wired(said, answer(), ends=said == answer()) as there, to(there) as made:
        with suppress(SMApiUnreachable):
            await asked(made)
        await ended(made)
        assert (await asked(made)).body == BODY
        assert there.connections == 2


async def test_a_connection_that_was_idle_for_long_is_not_used_again() -> None:
    async with wired(answer()) as there, to(there, idle_seconds=-1) as made:
        await asked(made)
        await asked(made)
        assert there.connections == 2


@pytest.mark.parametrize(
    "said",
    [
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"ok"\r\n10\r\n'
        b':true,"data":[]}\r\n0\r\nContent-Type: text/html\r\n\r\n',
        b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(),
        b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
        answer(gzip.compress(BODY), "Content-Encoding: GZIP"),
    ],
    ids=["chunked", "until the end", "after what comes before", "1.0", "gzip"],
)
async def test_a_body_is_read_whole_however_it_is_told(said: bytes) -> None:
    async with wired(said, ends=b"\r\nContent-Length" not in said) as there, to(there) as made:
        got = await asked(made)
    assert (got.status, got.body) == (200, BODY)
    assert got.headers.get("content-type") in (None, "application/json")
    assert "link" not in got.headers


@pytest.mark.parametrize(
    "said",
    [
        b"",
        answer()[:-1],
        answer()[:20],
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"ok"\r\n',
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n123456",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
)
async def test_what_is_no_whole_answer_is_none(said: bytes) -> None:
    async with wired(said, ends=True) as there, to(there) as made:
        with pytest.raises(SMApiUnreachable):
            await asked(made)
        assert not made._idle


async def test_what_was_not_asked_for_is_not_the_answer_to_the_next_call() -> None:
    other = answer(b'{"ok":true,"data":"other"}')
    async with wired(answer() + other, answer()) as there, to(there) as made:
        assert (await asked(made)).body == BODY
        assert (await asked(made)).body == BODY
        assert there.connections == 2


async def test_who_gives_up_waiting_leaves_no_answer_behind_for_another() -> None:
    async with wired(None, answer()) as there, to(there) as made:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await made.exchange("GET", "/api/x", [], None)
        async with asyncio.timeout(5):
            await there.left.wait()
        assert (await asked(made)).body == BODY
        assert there.connections == 2


@pytest.mark.parametrize("excess", [1, 5000])
async def test_too_long_an_answer_is_not_read_to_its_end(
    excess: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "MOST_ANSWER_BYTES", 1000)
    monkeypatch.setattr(transport_module, "MOST_HEAD_BYTES", 200)
    answers = answer(b" " * (1000 + excess)), answer(b" " * 1000)
    async with wired(*answers) as there, to(there) as made:
        with pytest.raises(SMApiMalformed, match="more than 1000 bytes"):
            await asked(made)
        assert len((await asked(made)).body) == 1000


async def test_headers_without_end_are_not_read_to_their_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport_module, "MOST_ANSWER_BYTES", 1000)
    monkeypatch.setattr(transport_module, "MOST_HEAD_BYTES", 200)
    async with wired(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 500) as there, to(there) as made:
        with pytest.raises(SMApiMalformed, match="more than 1000 bytes"):
            await asked(made)


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (gzip.compress(b" " * 2000), "gzip"),
        (gzip.compress(BODY)[:-9], "gzip"),
        (BODY, "gzip"),
        (BODY, "br"),
    ],
    ids=["a bomb", "cut off", "no gzip", "never asked for"],
)
async def test_what_cannot_be_decompressed_within_bounds_is_malformed(
    body: bytes, coding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "MOST_ANSWER_BYTES", 1000)
    async with wired(answer(body, f"Content-Encoding: {coding}")) as there, to(there) as made:
        with pytest.raises(SMApiMalformed):
            await asked(made)


@pytest.mark.parametrize("value", ["a\r\nX-SM-Product: other", "a\nb", "a\x00", "\u20ac"])
async def test_nothing_breaks_out_of_its_line(value: str) -> None:
    async with wired(answer()) as there, to(there) as made:
        with pytest.raises(SMApiUnreachable, match="not sent"):
            await asked(made, **{"X-Own": value})
        with pytest.raises(SMApiUnreachable, match="not sent"):
            await asked(made, f"/api/{value}")
        assert there.heads == []
        with pytest.raises(SMApiUnreachable, match="not sent: the value of X-Fixed"):
            await asked(Connections(f"http://127.0.0.1:{there.port}", [("X-Fixed", value)]))
        assert there.heads == []


@pytest.mark.parametrize("url", ["", "sm.example", "ftp://sm.example", "http://", "//sm.example"])
def test_only_web_addresses_are_spoken_to(url: str) -> None:
    with pytest.raises(ValueError, match="no http or https URL"):
        Connections(url, [])


async def test_nobody_there_is_unreachable() -> None:
    async with wired(answer()) as there:
        pass
    async with to(there) as made:
        with pytest.raises(SMApiUnreachable, match="no connection: ConnectionRefusedError"):
            await asked(made)


Resolve = Callable[..., Any]


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Have every name be these addresses."""

    async def resolve(_host: str, port: int, **_: Any) -> list[Any]:
        return [(None, None, None, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)


async def test_an_address_where_nobody_answers_does_not_keep_us_from_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[str] = []
    async with wired(answer(BODY, "Connection: close")) as there:
        made = Connections(f"http://sm.example:{there.port}", [], connect_seconds=0.2)
        connect = made._connect

        async def connecting(loop: asyncio.AbstractEventLoop, address: str) -> Any:
            tried.append(address)
            if address == "192.0.2.1":
                await asyncio.Event().wait()
            resolving(monkeypatch, "127.0.0.1")
            return await connect(loop, address)

        monkeypatch.setattr(made, "_connect", connecting)
        resolving(monkeypatch, "192.0.2.1", "127.0.0.1")
        assert (await asked(made)).body == BODY
        resolving(monkeypatch, "192.0.2.1", "127.0.0.1")
        assert (await asked(made)).body == BODY
        await made.close()
    # The one that was good is the first to be tried the next time.
    assert tried == ["192.0.2.1", "127.0.0.1", "127.0.0.1"]


async def test_connecting_takes_as_long_as_it_may_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never(*_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()

    made = Connections("http://sm.example", [], connect_seconds=0.02)
    with monkeypatch.context() as patch:
        patch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
        with pytest.raises(SMApiUnreachable, match="no connection: TimeoutError"):
            await asked(made)
    monkeypatch.setattr(made, "_connect", never)
    resolving(monkeypatch, "192.0.2.1", "192.0.2.2")
    with pytest.raises(SMApiUnreachable, match="no connection: TimeoutError"):
        await asked(made)


async def test_a_name_without_an_address_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch)
    with pytest.raises(SMApiUnreachable, match="no connection"):
        await asked(Connections("http://sm.example", []))
    with pytest.raises(SMApiUnreachable, match="no connection"):
        await asked(Connections(f"http://{'a' * 70}.example", []))


async def test_nothing_is_sent_once_it_is_closed() -> None:
    async with wired(answer()) as there, to(there) as made:
        await asked(made)
        await made.close()
        async with asyncio.timeout(5):
            await there.left.wait()
        with pytest.raises(SMApiUnreachable, match="closed"):
            await asked(made)
        assert there.connections == 1


# Certificates


def certificate(folder: Path, address: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side with a certificate for the address, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = Clock()()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=9000))
        .not_valid_after(now + timedelta(days=9000))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    file = folder / f"{address}.pem"
    file.write_bytes(
        pem
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=pem.decode())


async def test_a_certificate_is_asked_for_that_is_trusted_and_of_that_name(tmp_path: Path) -> None:
    here, trusting = certificate(tmp_path, "127.0.0.1")
    async with wired(answer(), tls=here) as there:
        url = f"https://127.0.0.1:{there.port}"
        made = Connections(url, [], tls=trusting)
        assert (await asked(made)).body == BODY
        await made.close()
        with pytest.raises(SMApiUnreachable, match="SSLCertVerificationError"):
            await asked(Connections(url, []))
    elsewhere, trusting = certificate(tmp_path, "127.0.0.2")
    async with wired(answer(), tls=elsewhere) as there:
        with pytest.raises(SMApiUnreachable, match="SSLCertVerificationError"):
            await asked(Connections(f"https://127.0.0.1:{there.port}", [], tls=trusting))
        assert there.heads == []


# The client over them


@asynccontextmanager
async def client(there: Wired, **told: Any) -> AsyncIterator[SMApi]:
    told = {"client_id": "id.access", "client_secret": "the-secret", "product": "mode", **told}
    async with SMApi(f"http://127.0.0.1:{there.port}", **told) as sm:
        yield sm


async def test_every_call_carries_the_service_token_over_the_wire_too() -> None:
    async with wired(answer()) as there, client(there) as sm:
        await sm.get("/api/x")
        await sm.post("/api/x", {"a": 1}, idempotency_key="key-1")
    for head in there.heads:
        lines = head.decode().split("\r\n")
        assert {
            "Accept: application/json",
            "CF-Access-Client-Id: id.access",
            "CF-Access-Client-Secret: the-secret",
            "X-SM-Platform: mode-portal/1.0",
            "X-SM-Product: mode",
        } <= set(lines)
        assert sum(line.startswith("X-Request-Id: ") for line in lines) == 1
    assert b"\r\nIdempotency-Key: key-1\r\n" in there.heads[1]
    assert there.bodies == [b"", b'{"a":1}']


async def test_neither_redirects_nor_cookies_nor_proxies_have_a_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with wired(answer()) as elsewhere:
        where = f"http://127.0.0.1:{elsewhere.port}"
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, where)
        moved = answer(b"", f"Location: {where}", "Set-Cookie: a=b", status="302 Found")
        async with wired(moved, answer()) as there, client(there) as sm:
            with pytest.raises(SMApiUnauthorized):
                await sm.get("/api/x")
            await sm.get("/api/x")
        assert elsewhere.connections == 0
    assert len(there.heads) == 2
    assert all(b"cookie" not in head.lower() for head in there.heads)


async def test_an_answer_that_drips_meets_the_deadline_over_the_wire_too() -> None:
    async with wired(answer()[:-1], None) as there, client(there, deadline=0.02) as sm:
        with pytest.raises(SMApiUnreachable, match=r"within 0\.02 s"):
            await sm.patch("/api/x", {})


async def test_a_name_that_would_break_out_of_the_path_is_encoded() -> None:
    async with wired(answer()) as there, client(there) as sm:
        await sm.get("/api/x/a b\r\nX: y?z#\u00e9", {"search": "a+b@c & d"})
    first = there.heads[0].split(b"\r\n")[0]
    assert first == (
        b"GET /api/x/a%20b%0D%0AX%3A%20y%3Fz%23%C3%A9?search=a%2Bb%40c%20%26%20d HTTP/1.1"
    )


async def test_a_call_over_a_broken_line_is_made_again() -> None:
    async with wired(b"", answer()) as there, client(there) as sm:
        assert await sm.get("/api/x") == []
        assert there.connections == 2


async def test_every_failure_of_the_line_is_an_error_of_the_tree() -> None:
    for said in (b"", b"nonsense", answer(b"<html>"), answer(status="500 No")):
        async with wired(said, ends=True) as there, client(there) as sm:
            with pytest.raises(SMApiError):
                await sm.patch("/api/x", {})
