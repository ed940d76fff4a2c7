"""Whoever asks gets less to load, and always the very page that everybody else gets."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable, Mapping

import httpx2 as httpx
import pytest
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.compression import LEAST_COMPRESSED, CompressedPages, Compression
from portal.conditional import ConditionalPages, tag_of

PAGE = "<p>Rechnung 4711</p>" * 100


def page(text: str, **headers: str) -> Response:
    return Response(text, media_type="text/html", headers=headers)


async def ask(app: ASGIApp, **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x.example") as client:
        client.headers = httpx.Headers(sent)
        return await client.get("/")


@pytest.mark.parametrize("asked", ["gzip", "gzip, br", "br;q=1.0, gzip;q=0.8"])
async def test_a_page_is_the_same_compressed_the_first_time_and_again(asked: str) -> None:
    app = Compression(ConditionalPages(page(PAGE)))
    plain = await ask(app)
    for _ in range(2):
        answer = await ask(app, accept_encoding=asked)
        assert answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) < len(PAGE) / 5
        assert answer.text == plain.text == PAGE
        assert answer.headers["etag"] == plain.headers["etag"]
        assert answer.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


async def test_whoever_does_not_ask_gets_it_plain() -> None:
    answer = await ask(Compression(ConditionalPages(page(PAGE))), accept_encoding="br")
    assert "content-encoding" not in answer.headers
    assert (answer.text, int(answer.headers["content-length"])) == (PAGE, len(PAGE))


async def test_a_page_that_changed_is_compressed_anew() -> None:
    texts = iter([PAGE, PAGE.replace("4711", "4712"), PAGE])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await page(next(texts))(scope, receive, send)

    whole = Compression(ConditionalPages(app))
    found = [(await ask(whole, accept_encoding="gzip")).text for _ in range(3)]
    assert found == [PAGE, PAGE.replace("4711", "4712"), PAGE]


async def test_the_headers_of_an_answer_are_its_own_however_often_its_page_was_sent() -> None:
    names = iter(["a=1", "b=2"])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await page(PAGE, **{"set-cookie": next(names)})(scope, receive, send)

    whole = Compression(ConditionalPages(app))
    told = [(await ask(whole, accept_encoding="gzip")).headers["set-cookie"] for _ in range(2)]
    assert told == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("answer", "encoding", "vary"),
    [
        (lambda: PlainTextResponse(PAGE), "gzip", "Accept-Encoding"),
        (lambda: page(PAGE, vary="Cookie", etag='W/"t"'), "gzip", "Cookie, Accept-Encoding"),
        (lambda: page(PAGE, etag='"by-date-and-size"'), "gzip", "Accept-Encoding"),
        (lambda: page("<p>", etag='W/"t"'), None, "Accept-Encoding"),
        (lambda: PlainTextResponse("short"), None, None),
        (lambda: Response(PAGE, media_type="image/png"), None, None),
        (lambda: Response(PAGE, 206, media_type="text/plain"), None, None),
    ],
)
async def test_other_answers_are_compressed_where_it_pays(
    answer: Callable[[], Response], encoding: str | None, vary: str | None
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer()(scope, receive, send)

    whole = Compression(app)
    for _ in range(2):
        found = await ask(whole, accept_encoding="gzip")
        assert found.headers.get("content-encoding") == encoding
        assert found.headers.get("vary") == vary
        assert found.content == answer().body


@pytest.mark.parametrize("headers", [{}, {"etag": 'W/"t"', "content-type": "text/html"}])
async def test_what_comes_in_parts_leaves_in_parts(headers: Mapping[str, str]) -> None:
    sent: list[Message] = []

    async def parts() -> AsyncIterator[str]:
        yield PAGE
        assert len(sent) == 2, "the first part waited for the second"
        yield PAGE

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [(b"accept-encoding", b"gzip")], "extensions": {}}
    scope["asgi"] = {"spec_version": "2.4"}
    app = Compression(StreamingResponse(parts(), headers=headers, media_type="text/plain"))
    await app(scope, receive, send)
    body = b"".join(message["body"] for message in sent[1:])
    assert gzip.decompress(body).decode() == PAGE * 2


def test_pages_not_asked_for_longest_are_forgotten_first() -> None:
    pages = [f"{number}".encode() * LEAST_COMPRESSED for number in range(4)]
    tags = [tag_of(one).encode() for one in pages]
    size = len(gzip.compress(pages[0], 7)) + 256
    kept = CompressedPages(most_bytes=size * 2 + 10)
    first = [kept.of(tag, one) for tag, one in zip(tags[:2], pages[:2], strict=True)]
    assert kept.of(tags[0], b"") is first[0]
    kept.of(tags[2], pages[2])
    assert kept.of(tags[0], b"") is first[0]
    assert gzip.decompress(kept.of(tags[1], b"anew")) == b"anew"
