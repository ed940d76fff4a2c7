"""An answer that is handed over whole is the one that would have gone the usual way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2 as httpx
import pytest
from starlette.types import Receive, Scope, Send

from portal import whole_answers
from portal.cli.servers import serving
from portal.whole_answers import head_of, send_whole_of
from tests.stage import stage

HEADERS: Final = ((b"content-type", b"text/plain"), (b"content-length", b"5"), (b"x-a", b"b"))


class App:
    """Answers `hello` whole where it is asked to and may; counts how often it could not."""

    def __init__(self) -> None:
        self.usual = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        whole = send_whole_of(scope)
        assert whole is not None
        if scope["path"] == "/whole" and whole(head_of(200, HEADERS), b"hello"):
            # It has been answered, so nothing more is taken.
            assert not whole(head_of(200, HEADERS), b"again")
            return
        self.usual += 1
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": b"hello"})


@asynccontextmanager
async def served(app: App) -> AsyncIterator[int]:
    """The app on a port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with serving(app, listener):
            yield listener.getsockname()[1]


async def said(port: int, request: bytes, answers: int) -> list[bytes]:
    """Send bytes, and read so many answers, each with its head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    found = []
    for _ in range(answers):
        head = await reader.readuntil(b"\r\n\r\n")
        found.append(head + await reader.readexactly(5))
    writer.close()
    await writer.wait_closed()
    return found


def lines_of(answer: bytes) -> tuple[bytes, set[bytes], bytes]:
    """Status line, headers but for the date, and the body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *headers = head.split(b"\r\n")
    assert sum(header.startswith(b"date: ") for header in headers) == 1
    return status, {header for header in headers if not header.startswith(b"date: ")}, body


def get(path: str, *more: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: a", *more]
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


async def test_it_is_the_same_answer_and_the_connection_stays() -> None:
    app = App()
    async with served(app) as port:
        found = await said(port, get("/whole") + get("/usual") + get("/whole"), 3)
    assert [lines_of(answer) for answer in found] == [lines_of(found[0])] * 3
    assert lines_of(found[0])[0] == b"HTTP/1.1 200 OK"
    assert app.usual == 1


async def test_whoever_wants_the_connection_closed_gets_it_the_usual_way() -> None:
    app = App()
    async with served(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(get("/whole", "Connection: close"))
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert b"connection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\nhello")
    assert app.usual == 1


async def test_so_does_a_client_of_the_first_version() -> None:
    app = App()
    async with served(app) as port:
        [answer] = await said(port, b"GET /whole HTTP/1.0\r\nHost: a\r\n\r\n", 1)
    assert answer.endswith(b"hello")
    assert app.usual == 1


async def test_a_hot_page_over_http_is_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    whole: list[bytes] = []
    send_whole = whole_answers._send_whole

    def counted(cycle: Any, head: bytes, body: bytes) -> bool:
        whole.append(head)
        return send_whole(cycle, head, body)

    monkeypatch.setattr(whole_answers, "_send_whole", counted)
    async with stage(read_freshness=5.0, environment="production") as on:
        browser = await on.signed_in("jane@acme.com")
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)
        host = on.settings.portal_origin.partition("://")[2]
        headers = {"Cookie": cookies, "Host": host, "Accept-Encoding": "gzip"}
        with socket.create_server(("127.0.0.1", 0)) as listener:
            async with serving(on.app, listener), httpx.AsyncClient() as client:
                url = f"http://127.0.0.1:{listener.getsockname()[1]}/engagements"
                answers = [await client.get(url, headers=headers) for _ in range(5)]
                first, *_, last = answers
                known = {**headers, "If-None-Match": last.headers["etag"]}
                unchanged = [await client.get(url, headers=known) for _ in range(4)]
    assert len(whole) >= 5
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.text for answer in answers} == {first.text}
    ids = [answer.headers.pop("x-request-id") for answer in answers]
    assert len(set(ids)) == 5
    for answer in answers[1:]:
        answer.headers["date"] = first.headers["date"]
        assert sorted(answer.headers.multi_items()) == sorted(first.headers.multi_items())
    assert {(answer.status_code, answer.content) for answer in unchanged} == {(304, b"")}
