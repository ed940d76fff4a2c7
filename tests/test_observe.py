"""One line a request, under an id that joins up traces, and nothing secret in it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest
import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, Router
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from portal.errors import SMApiError
from portal.observe import (
    RequestLog,
    configure_logging,
    identified,
    method_name,
    request_id,
    route_name,
)
from tests.stage import Stage, stage


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the request's id; fails at /broken, refuses at /missing."""
    request = Request(scope, receive)
    if scope["path"] == "/broken":
        raise RuntimeError("broken")
    status = 404 if scope["path"] == "/missing" else 200
    await PlainTextResponse(request.state.request_id, status_code=status)(scope, receive, send)


async def ask(path: str = "/", **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    transport = httpx.ASGITransport(app=RequestLog(echo))
    async with httpx.AsyncClient(transport=transport, base_url="http://x.example") as client:
        return await client.get(path, headers=sent)


@pytest.mark.parametrize(
    "identity", ["12345678", "a.b_c-D9" * 8, "0af7651916cd43dd8448eb211c80319c"]
)
async def test_a_callers_id_is_kept_and_sent_back(identity: str) -> None:
    answer = await ask(x_request_id=identity)
    assert answer.headers["x-request-id"] == answer.text == identity


@pytest.mark.parametrize(
    "identity", ["", "short", "x" * 65, "has space", "new\tline", "<script>", "a" * 7]
)
async def test_an_id_that_does_not_look_like_one_is_replaced(identity: str) -> None:
    answer = await ask(x_request_id=identity)
    assert answer.text != identity
    assert len(answer.text) == 32
    assert answer.headers["x-request-id"] == answer.text


async def test_each_request_without_an_id_gets_its_own() -> None:
    assert (await ask()).text != (await ask()).text


async def logged(path: str, **headers: str) -> list[Any]:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        if path == "/broken":
            with pytest.raises(RuntimeError):
                await ask(path, **headers)
        else:
            await ask(path, **headers)
    return lines


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/missing", 404), ("/broken", 500)])
async def test_a_request_is_one_line_however_it_ends(path: str, status: int) -> None:
    [line] = await logged(path, x_request_id="request-1")
    assert (line["event"], line["method"], line["path"]) == ("request", "GET", path)
    assert (line["status"], line["request_id"]) == (status, "request-1")
    assert line["ms"] >= 0


async def test_neither_query_nor_cookie_nor_key_is_logged() -> None:
    lines = await logged(
        "/auth/magic/verify?token=SECRET",
        cookie="sm_client=SECRET",
        authorization="Bearer SECRET",
        referer="https://x.example/?SECRET",
    )
    assert len(lines) == 1
    assert "SECRET" not in str(lines)
    assert lines[0]["path"] == "/auth/magic/verify"


@pytest.mark.parametrize("path", ["/calendar/feed/", "/Calendar/Feed/", "/x/feed/"])
async def test_the_token_of_a_calendar_feed_is_not_logged(path: str) -> None:
    [line] = await logged(f"{path}SECRET.ics/SECRET")
    assert line["path"] == f"{path}…"


@pytest.mark.parametrize("path", ["/static/css/base.css", "/healthz", "/readyz", "/metrics"])
async def test_what_only_makes_noise_is_not_logged(path: str) -> None:
    assert await logged(path) == []


async def endpoint(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("in")


async def other_app(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("in")(scope, receive, send)


TABLE = Router(
    [
        Route("/orders/{id}", endpoint, name="order"),
        Mount("/api", app=Router([Route("/{kind}/{id}", endpoint, name="read_one")]), name="api"),
        Mount("/files", app=other_app, name="files"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/orders/or_1", "order", 200),
        ("DELETE", "/orders/or_1", "order", 405),
        ("GET", "/api/orders/or_1", "read_one", 200),
        ("GET", "/api/orders/or_1/more", "none", 404),
        ("GET", "/files/a.css", "files", 200),
        ("GET", "/elsewhere", "none", 404),
    ],
)
async def test_a_request_is_counted_under_the_name_of_its_route(
    method: str, path: str, route: str, status: int
) -> None:
    counted: list[tuple[str, str, int]] = []

    def count(route: str, method: str, status: int, seconds: float) -> None:
        assert seconds >= 0
        counted.append((route, method, status))

    transport = httpx.ASGITransport(app=RequestLog(TABLE, count=count))
    async with httpx.AsyncClient(transport=transport, base_url="http://x.example") as client:
        await client.request(method, path)
    assert counted == [(route, method, status)]


async def test_a_request_that_fails_is_counted_too() -> None:
    counted: list[tuple[str, str, int]] = []

    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("broken")

    app = RequestLog(broken, count=lambda *told: counted.append(told[:3]))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://x.example"
    ) as client:
        with pytest.raises(RuntimeError):
            await client.get("/")
    assert counted == [("none", "GET", 500)]


def test_a_method_that_a_caller_made_up_gets_no_name() -> None:
    assert method_name({"method": "PATCH"}) == "PATCH"
    assert method_name({"method": "SECRET"}) == "other"
    assert route_name({}) == "none"


async def test_the_id_does_not_stay_for_the_next_request() -> None:
    await ask(x_request_id="request-1")
    assert "request_id" not in structlog.contextvars.get_contextvars()


async def sent_to_sm_api(on: Stage, path: str, **headers: str) -> list[str]:
    """The ids under which one page of Jane's asked SM API."""
    browser = await on.signed_in("jane@acme.com")
    on.clock.forward(minutes=5)
    on.wire.calls.clear()
    await browser.get(path, headers={name.replace("_", "-"): v for name, v in headers.items()})
    return [call.headers["x-request-id"] for call in on.wire.calls]


async def test_sm_api_is_asked_under_the_id_of_the_request_that_it_is_for() -> None:
    async with stage() as on:
        sent = await sent_to_sm_api(on, "/invoices", x_request_id="request-of-the-page")
        assert len(sent) > 1
        assert set(sent) == {"request-of-the-page"}


async def test_an_error_page_names_the_id_that_sm_api_was_asked_under(
    log_lines: io.StringIO,
) -> None:
    async with stage() as on:
        browser = await on.signed_in("jane@acme.com")
        on.wire.fault = lambda _request: httpx.Response(500)
        on.wire.calls.clear()
        on.clock.forward(hours=20)
        page = await browser.get("/invoices")
    assert page.status_code >= 400
    [identity] = {call.headers["x-request-id"] for call in on.wire.calls}
    assert page.headers["x-request-id"] == identity
    assert identity in page.text
    failed = [line for line in log_lines.getvalue().splitlines() if "sm_api_failed" in line]
    assert failed
    assert all(identity in line for line in failed)


async def test_what_goes_on_after_the_answer_keeps_its_id_and_a_delivery_has_its_own() -> None:
    async with stage() as on:
        browser = on.browser()
        await on.ask_for_link(browser, "jane@acme.com")
        on.wire.calls.clear()
        pressed = await browser.post(
            "/auth/magic/verify",
            data={"token": on.last_token()},
            headers={"x-request-id": "request-of-the-button"},
        )
        assert pressed.status_code == 303
        await on.settle()
        assert {c.headers["x-request-id"] for c in on.wire.calls} == {"request-of-the-button"}
        on.wire.calls.clear()
        while await on.env.outbox.deliver_due():
            pass
        delivered = [call.headers["x-request-id"] for call in on.wire.calls]
        assert len(delivered) == len(set(delivered)) > 0
        assert "request-of-the-button" not in delivered


async def test_repeats_in_the_background_are_under_one_id() -> None:
    async with stage() as on:
        on.wire.fault = lambda _request: httpx.Response(500)
        with pytest.raises(SMApiError):
            await on.env.sm.get("/api/contacts")
        sent = [call.headers["x-request-id"] for call in on.wire.calls]
        assert len(sent) > 1
        assert len(set(sent)) == 1


async def test_identified_work_has_one_id_of_its_own_unless_there_is_one() -> None:
    @identified
    async def ids() -> tuple[str, str]:
        return request_id(), request_id()

    first, again = await ids()
    assert first == again
    assert (await ids())[0] != first
    with structlog.contextvars.bound_contextvars(request_id="request-1"):
        assert await ids() == ("request-1", "request-1")
    assert request_id() != request_id()


async def test_what_is_not_http_passes() -> None:
    seen: list[str] = []

    async def inner(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    await RequestLog(inner)({"type": "lifespan"}, nothing, nothing)
    assert seen == ["lifespan"]


@pytest.fixture
def default_logging() -> Iterator[None]:
    """Puts the logging of the other tests back."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("default_logging")
def test_production_writes_json_lines_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(json_lines=True)
    log = structlog.get_logger("of_this_test")
    log.debug("too quiet")
    log.info("said", path="/a\nb", who="Zoë")
    try:
        int("why")
    except ValueError:
        log.exception("failed")
    written = capsys.readouterr()
    assert written.out == ""
    said, failed = [json.loads(line) for line in written.err.splitlines()]
    assert (said["event"], said["path"], said["level"]) == ("said", "/a\nb", "info")
    assert said["timestamp"].endswith("Z")
    assert "ValueError: invalid literal" in failed["exception"]


@pytest.mark.usefixtures("default_logging")
@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("\u2028{}\x85", "\u2028{}\x85"),
        ("\udcff", "\udcff"),
        ("a\r\nb\x1b", "a\r\nb\x1b"),
        (2**70, 2**70),
        (1.5, 1.5),
        (None, None),
        ({"of": [True, {1: "one"}]}, {"of": [True, {"1": "one"}]}),
        (ValueError("no"), "ValueError('no')"),
        (print, repr(print)),
    ],
)
def test_whatever_is_logged_is_one_line_of_ascii(
    capsys: pytest.CaptureFixture[str], value: object, read: object
) -> None:
    configure_logging(json_lines=True)
    structlog.get_logger("of_this_test").info("said", value=value)
    written = capsys.readouterr().err
    assert written.isascii()
    [line] = written.splitlines()
    assert json.loads(line)["value"] == read


@pytest.mark.usefixtures("default_logging")
def test_a_developer_reads_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(json_lines=False)
    structlog.get_logger("of_this_test").info("said", path="/a")
    written = capsys.readouterr()
    assert written.out == ""
    assert "said" in written.err
    assert "path=/a" in written.err
