"""A page is answered again at once only where the long way would give the same answer."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch

import httpx2 as httpx
import pytest
from starlette.types import Receive, Scope, Send

from portal.auth.gate import Gate
from portal.edge.sqlite_kv import SqliteKV
from portal.errors import StateUnavailable
from portal.hot_pages import HotPages
from portal.kept_pages import Tier
from tests.stage import Stage, stage

PAGE: Final = "/invoices"
PAGES: Final = ("/", "/engagements", "/invoices?status=open", "/statement", "/activity")


@pytest.fixture(params=["asked", "marked"])
async def on(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    if request.param == "marked":
        # The tests' STATE is in memory, of which the connection itself knows its changes.
        monkeypatch.setattr(SqliteKV, "mark", lambda kv: b"%d" % kv._db.total_changes)
    async with stage(read_freshness=5.0) as made:
        yield made


@contextmanager
def long_ways() -> Iterator[list[str]]:
    """The paths that get as far as the gate."""
    gone: list[str] = []
    call = Gate.__call__

    async def counted(gate: Gate, scope: Scope, receive: Receive, send: Send) -> None:
        gone.append(scope["path"])
        await call(gate, scope, receive, send)

    with patch.object(Gate, "__call__", counted):
        yield gone


async def hot(on: Stage, email: str = "jane@acme.com", page: str = PAGE) -> httpx.AsyncClient:
    """A browser that is given the page at once from now on."""
    browser = await on.signed_in(email)
    await on.settle()
    on.clock.now = on.clock.now.replace(second=1)
    for _ in range(4):
        assert (await browser.get(page)).status_code == 200
        await on.settle()
    with long_ways() as gone:
        assert (await browser.get(page)).status_code == 200
    assert gone == []
    return browser


async def long(browser: httpx.AsyncClient, page: str = PAGE, **more: Any) -> httpx.Response:
    """The answer to a request, which must have gone the long way."""
    with long_ways() as gone:
        answer = await browser.get(page, **more)
    assert gone == [page.partition("?")[0]]
    return answer


def told(answer: httpx.Response) -> dict[str, str]:
    """The headers of an answer, but for what is of that request alone."""
    own = ("x-request-id", "server-timing")
    return {name: value for name, value in answer.headers.items() if name not in own}


@pytest.mark.parametrize("page", PAGES)
async def test_it_is_the_answer_of_the_long_way_to_the_byte(on: Stage, page: str) -> None:
    browser = await hot(on, page=page)
    again = await browser.get(page)
    # Another header is read by nobody, and another cookie makes it another request.
    longer = await browser.get(page, headers={"Cookie": f"{again.request.headers['cookie']}; a=b"})
    assert again.content == longer.content
    assert told(again) == told(longer)
    assert again.headers["x-request-id"] != longer.headers["x-request-id"]


async def test_whoever_takes_gzip_gets_it_and_whoever_has_the_page_is_told_so(on: Stage) -> None:
    browser = await hot(on)
    plain = await browser.get(PAGE, headers={"Accept-Encoding": "identity"})
    with long_ways() as gone:
        await browser.get(PAGE, headers={"Accept-Encoding": "identity"})
        packed = await browser.get(PAGE, headers={"Accept-Encoding": "br, gzip"})
    assert gone == []
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    known = {"If-None-Match": plain.headers["etag"]}
    answers = [await browser.get(PAGE, headers=known) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [304, 304, 304]
    assert [answer.content for answer in answers] == [b"", b"", b""]
    assert (await browser.get(PAGE, headers={"If-None-Match": 'W/"another"'})).status_code == 200


async def test_a_session_that_was_ended_elsewhere_is_ended_here_at_once(on: Stage) -> None:
    browser = await hot(on)
    other = on.browser(Cookie=cookies_of(browser))
    await other.post("/auth/logout")
    assert (await long(browser)).status_code == 302


async def test_so_are_all_sessions_when_everywhere_was_meant(on: Stage) -> None:
    browser = await hot(on)
    other = await on.signed_in("jane@acme.com")
    # Being signed in again takes a minute of the tests' clock.
    for _ in range(3):
        assert (await browser.get(PAGE)).status_code == 200
    await other.post("/auth/logout-everywhere")
    assert (await long(browser)).status_code == 302


async def test_access_that_the_crm_took_away_is_gone_as_soon_as_it_would_be(on: Stage) -> None:
    browser = await hot(on)
    await on.patch("/api/contacts/ct_abc123", portal_access=0)
    on.clock.forward(seconds=14)
    assert (await browser.get(PAGE)).status_code == 200
    on.clock.forward(seconds=17)
    assert (await long(browser)).status_code == 403


async def test_what_the_crm_is_known_to_have_changed_is_asked_for_at_once(on: Stage) -> None:
    browser = await hot(on)
    on.env.contacts.forget_id("ct_abc123", "jane@acme.com")
    assert (await long(browser)).status_code == 200
    on.env.reads.expire(("mode", "co_abc123"))
    await on.patch("/api/invoices/inv_2026001", amount=4321)
    assert "4,321.00" in (await long(browser)).text


async def test_readings_are_as_fresh_as_for_a_page_made_anew(on: Stage) -> None:
    browser = await hot(on)
    await on.patch("/api/invoices/inv_2026001", amount=4321)
    on.clock.forward(seconds=4)
    assert "4,321.00" not in (await browser.get(PAGE)).text
    on.clock.forward(seconds=61)
    assert "4,321.00" in (await long(browser)).text


async def test_the_token_counts_no_longer_than_it_says() -> None:
    async with stage(read_freshness=1e9, session_days=1) as on:
        browser = await hot(on, page="/engagements")
        # So little later that nothing else has come to its end.
        on.clock.forward(days=1, seconds=-10)
        for _ in range(3):
            assert (await browser.get("/engagements")).status_code == 200
        on.clock.forward(seconds=3)
        with long_ways() as gone:
            assert (await browser.get("/engagements")).status_code == 200
        assert gone == []
        on.clock.forward(seconds=9)
        assert (await long(browser, "/engagements")).status_code == 302


async def test_while_state_is_away_it_is_asked_for_the_long_way(on: Stage) -> None:
    browser = await hot(on)
    # Else it may not even be asked.
    await on.env.state.put("another", b"change")

    async def away(*_keys: object) -> None:
        raise StateUnavailable("the tests took it away")

    with patch.object(type(on.env.state), "get_many", away):
        # A client still reads without it.
        assert (await long(browser)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "elsewhere.example"},
        {"Content-Length": "0"},
        {"Transfer-Encoding": "chunked"},
    ],
)
async def test_a_request_that_is_any_different_goes_the_long_way(
    on: Stage, headers: dict[str, str]
) -> None:
    browser = await hot(on)
    with long_ways():
        answer = await browser.get(PAGE, headers=headers)
    assert (answer.status_code == 400) is ("Host" in headers)
    assert await passed_by(on, browser, [*headers.items()])


async def passed_by(on: Stage, browser: httpx.AsyncClient, more: list[tuple[str, str]]) -> bool:
    """Whether a request with these headers, too, is passed on without a look at what is hot."""
    passed: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        passed.append(scope)

    request = browser.build_request("GET", PAGE)
    pairs = [*request.headers.multi_items(), *more]
    pages = HotPages(app, lambda *_: None, is_outermost=False)
    pages._pages = hot_pages_of(on)._pages
    raw = [(name.lower().encode(), value.encode()) for name, value in pairs]
    scope = {
        "type": "http",
        "method": "GET",
        "path": PAGE,
        "query_string": b"",
        "headers": raw,
        "app": on.app,
        "state": {},
    }
    await pages(scope, nothing, nothing)
    return passed == [scope]


async def nothing(*_message: object) -> Any:
    """Neither sends nor receives."""


async def test_headers_that_come_twice_are_read_by_those_who_know_how(on: Stage) -> None:
    browser = await hot(on)
    host = on.settings.portal_origin.partition("://")[2]
    assert not await passed_by(on, browser, [])
    assert await passed_by(on, browser, [("Host", host)])
    assert await passed_by(on, browser, [("Cookie", "a=b")])


async def test_nobody_is_given_what_is_somebody_elses(on: Stage) -> None:
    jane = await hot(on, page="/engagements")
    hank = await hot(on, "hank@globex.com", page="/engagements")
    assert "Globex" in (await hank.get("/engagements")).text
    assert "Globex" not in (await jane.get("/engagements")).text
    assert (await on.browser().get("/engagements")).status_code == 302


@pytest.mark.parametrize("method", ["POST", "HEAD", "DELETE"])
async def test_only_get_is_answered_so(on: Stage, method: str) -> None:
    browser = await hot(on, page="/engagements")
    with long_ways() as gone:
        await browser.request(method, "/engagements")
    assert gone == ["/engagements"]


async def test_what_is_told_once_is_not_told_again(on: Stage) -> None:
    browser = await hot(on, page="/")
    await on.patch("/api/contacts/ct_abc123", portal_role="client_viewer")
    on.env.contacts.forget_id("ct_abc123", "jane@acme.com")
    assert "Your role is now viewer" in (await long(browser, "/")).text
    for _ in range(3):
        assert "Your role is now viewer" not in (await browser.get("/")).text


async def test_it_is_logged_and_counted_as_what_it_is(on: Stage, log_lines: io.StringIO) -> None:
    browser = await hot(on)
    before = requests_to(on, "invoices")
    log_lines.truncate(0)
    log_lines.seek(0)
    with long_ways() as gone:
        answer = await browser.get(PAGE, headers={"X-Request-Id": "of-the-caller"})
    assert gone == []
    [line] = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    assert line.items() >= {
        ("event", "request"),
        ("path", PAGE),
        ("status", 200),
        ("request_id", "of-the-caller"),
    }
    assert answer.headers["x-request-id"] == "of-the-caller"
    assert requests_to(on, "invoices") == before + 1


async def test_no_more_is_kept_than_there_is_room_for(on: Stage) -> None:
    browser = await hot(on)
    pages = hot_pages_of(on)
    pages._pages = Tier(60_000)
    for number in range(40):
        for _ in range(2):
            await browser.get(f"/invoices?page={number}")
    kept = sum(page.size for page in pages._pages.pages.values())
    assert 0 < pages._pages.bytes == kept <= 60_000


def cookies_of(browser: httpx.AsyncClient) -> str:
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)


def requests_to(on: Stage, route: str) -> float:
    text = on.env.metrics.exposition(None).decode()
    wanted = f'portal_requests_total{{method="GET",route="{route}",status="200"}}'
    found = [line for line in text.splitlines() if line.startswith(wanted)]
    return sum(float(line.rpartition(" ")[2]) for line in found)


def hot_pages_of(on: Stage) -> HotPages:
    """The middleware of the running app."""
    app: Any = on.app.middleware_stack
    while not isinstance(app, HotPages):
        app = getattr(app, "_app", None) or app.app
    return app
