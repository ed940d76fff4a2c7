"""What protects every answer and every request."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from portal.errors import HostUnknown, PayloadTooLarge
from portal.security import BodyLimit, HostCheck, SecurityHeaders, content_security_policy

ORIGIN = "https://mode.example"


async def ask(app: ASGIApp, path: str = "/", method: str = "GET", **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ORIGIN) as client:
        return await client.request(method, path, **options)


# Headers


def guarded(answer: Response, *, https: bool = True) -> SecurityHeaders:
    return SecurityHeaders(answer, policy=content_security_policy(), https=https)


@pytest.mark.parametrize("status", [200, 204, 302, 404, 500])
async def test_every_answer_carries_the_headers(status: int) -> None:
    headers = (await ask(guarded(Response(status_code=status)))).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "private, no-cache"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["content-security-policy"] == content_security_policy()
    assert all(len(headers.get_list(name)) == 1 for name in headers)


async def test_https_is_demanded_only_where_it_is_spoken() -> None:
    secure = await ask(guarded(Response()))
    assert "max-age=63072000" in secure.headers["strict-transport-security"]
    plain = await ask(guarded(Response(), https=False))
    assert "strict-transport-security" not in plain.headers


async def test_an_answers_own_value_is_kept() -> None:
    own = {"Cache-Control": "public, max-age=31536000, immutable", "Referrer-Policy": "origin"}
    headers = (await ask(guarded(Response(headers=own)), "/static/a.css")).headers
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["referrer-policy"] == "origin"


@pytest.mark.parametrize("path", ["/auth/magic/verify?token=x", "/api/auth/magic/verify?token=x"])
async def test_a_page_with_a_token_in_its_address_is_neither_stored_nor_told_on(path: str) -> None:
    lax = Response(headers={"Cache-Control": "public", "Referrer-Policy": "unsafe-url"})
    headers = (await ask(guarded(lax), path)).headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def directives(policy: str) -> dict[str, list[str]]:
    pairs = (piece.split() for piece in policy.split(";"))
    return {name: values for name, *values in pairs}


def test_the_content_policy_allows_our_own_origin_and_nothing_unsafe() -> None:
    policy = content_security_policy()
    found = directives(policy)
    assert found["default-src"] == ["'none'"]
    assert found["script-src"] == ["'self'"]
    for name in ("base-uri", "frame-ancestors"):
        assert found[name] == ["'none'"]
    assert found["form-action"] == ["'self'"]
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "http:" not in policy
    assert [v for name, v in found.items() if "data:" in v and name != "img-src"] == []


def test_an_inline_script_is_allowed_by_its_hash_alone() -> None:
    script = '{"imports":{}}'
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    found = directives(content_security_policy([script]))
    assert found["script-src"] == ["'self'", f"'sha256-{digest}'"]


# Host


async def host(value: str | None, path: str = "/") -> str:
    """What a request with this Host header is answered."""
    sent = [] if value is None else [(b"host", value.encode())]
    return await through(HostCheck(PlainTextResponse("in"), host="Mode.example"), sent, path)


async def through(app: ASGIApp, headers: list[tuple[bytes, bytes]], path: str = "/") -> str:
    """The body of the answer to a request with exactly these headers."""
    bodies: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        bodies.append(message.get("body", b""))

    scope = {"type": "http", "method": "GET", "path": path, "headers": headers, "query_string": b""}
    await app(scope, receive, send)
    return b"".join(bodies).decode()


@pytest.mark.parametrize("name", ["mode.example", "MODE.EXAMPLE"])
async def test_our_own_name_is_let_in(name: str) -> None:
    assert await host(name) == "in"


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        "evil.example",
        "mode.example:8443",
        "mode.example.",
        "mode.example.evil.example",
        "x@mode.example",
        "127.0.0.1",
        "mode.example, evil.example",
    ],
)
async def test_any_other_name_is_refused(name: str | None) -> None:
    with pytest.raises(HostUnknown):
        await host(name)


async def test_two_names_are_refused_even_if_one_is_ours() -> None:
    app = HostCheck(PlainTextResponse("in"), host="mode.example")
    for other in (b"evil.example", b"mode.example"):
        with pytest.raises(HostUnknown):
            await through(app, [(b"host", b"mode.example"), (b"host", other)])


async def test_a_forwarded_name_is_not_listened_to() -> None:
    app = HostCheck(PlainTextResponse("in"), host="mode.example")
    with pytest.raises(HostUnknown):
        await through(app, [(b"host", b"evil.example"), (b"x-forwarded-host", b"mode.example")])


async def test_probes_may_come_under_any_name() -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert await host("10.0.0.7:8787", path) == "in"
    with pytest.raises(HostUnknown):
        await host("10.0.0.7:8787", "/healthz/x")


# Body


async def read_whole(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that answers with the length of what it was sent."""
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


async def chunks(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b"x" * size


LIMITED = BodyLimit(read_whole, most=100)


async def test_a_body_up_to_the_limit_passes_announced_or_not() -> None:
    assert (await ask(LIMITED, method="POST", content=b"x" * 100)).text == "100"
    assert (await ask(LIMITED, method="POST", content=chunks(60, 40))).text == "100"
    assert (await ask(LIMITED)).text == "0"


async def test_a_larger_one_is_refused_announced_or_not() -> None:
    with pytest.raises(PayloadTooLarge):
        await ask(LIMITED, method="POST", content=b"x" * 101)
    with pytest.raises(PayloadTooLarge):
        await ask(LIMITED, method="POST", content=chunks(60, 41))


async def test_one_that_is_announced_too_large_is_refused_before_it_is_read() -> None:
    async def unread(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError("the app was reached")

    app = BodyLimit(unread, most=100)
    for length in (b"101", b"0000101", b"9" * 5000):
        with pytest.raises(PayloadTooLarge):
            await through(app, [(b"content-length", length)])


@pytest.mark.parametrize("length", [b"", b"0", b"00", b"-1", b"x", b"\xb2", b"1e9"])
async def test_an_announcement_that_is_no_number_is_not_believed(length: bytes) -> None:
    assert await through(LIMITED, [(b"content-length", length)]) == "0"


async def test_what_is_announced_small_and_sent_large_is_refused() -> None:
    with pytest.raises(PayloadTooLarge):
        await ask(LIMITED, method="POST", content=chunks(101), headers={"content-length": "5"})


async def test_the_usual_limit_is_64_kib() -> None:
    app = BodyLimit(read_whole)
    assert (await ask(app, method="POST", content=b"x" * 65_536)).text == "65536"
    with pytest.raises(PayloadTooLarge):
        await ask(app, method="POST", content=b"x" * 65_537)


async def test_what_is_not_http_goes_through_untouched() -> None:
    seen: list[str] = []

    async def inner(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(json.dumps(scope))

    for wrapped in (BodyLimit(inner), HostCheck(inner, host="x"), guarded_app(inner)):
        await wrapped({"type": "lifespan"}, _never, _ignore)
    assert seen == ['{"type": "lifespan"}'] * 3


def guarded_app(app: ASGIApp) -> SecurityHeaders:
    return SecurityHeaders(app, policy="", https=True)


async def _never() -> dict[str, Any]:
    raise AssertionError("nothing was to be received")


async def _ignore(_message: Any) -> None:
    raise AssertionError("nothing was to be sent")
