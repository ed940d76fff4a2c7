"""The stream of one page: what it sends, to whom, and when it ends."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx
import pytest
from starlette.datastructures import Headers
from starlette.types import Message

from portal.live.stream import Live, Stream
from portal.live.watch import Ending
from tests.live.events import Event, read_events
from tests.live.turns import Turns
from tests.staff.stand import by_google, previewing
from tests.stage import Stage, stage

ADMINS = {"engagements": "1", "invoices": "1", "activities": "1"}


@dataclass
class Opened:
    """An open page, as a server sees it."""

    _sent: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    _received: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)

    async def receive(self) -> Message:
        return await self._received.get()

    async def send(self, message: Message) -> None:
        self._sent.put_nowait(message)

    def leave(self) -> None:
        """The browser goes to another page."""
        self._received.put_nowait({"type": "http.disconnect"})

    async def start(self) -> tuple[int, Headers]:
        """The status and headers, and nothing of the body yet."""
        message = await self._next()
        assert message["type"] == "http.response.start"
        self._received.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        return message["status"], Headers(raw=message["headers"])

    async def block(self) -> bytes:
        """The next piece of the body; empty at its end."""
        message = await self._next()
        assert message.get("more_body", False) == bool(message["body"])
        return bytes(message["body"])

    async def events(self) -> list[Event]:
        """The next events, which come in one piece."""
        while not (found := read_events((block := await self.block()).decode())):
            assert block, "the stream has ended"
        return found

    async def _next(self) -> Message:
        async with asyncio.timeout(5):
            return await self._sent.get()


@dataclass
class Theatre:
    """A stage whose streams go on turn by turn."""

    on: Stage
    turns: Turns

    @property
    def live(self) -> Live:
        found = self.on.app.state.live
        assert isinstance(found, Live)
        return found

    def limit(self, **limits: Any) -> None:
        """Streams under other limits from now on."""
        self.on.app.state.live = Live(self.on.env, pause=self.turns.pause, **limits)

    @asynccontextmanager
    async def opened(self, browser: httpx.AsyncClient) -> AsyncIterator[Opened]:
        """A stream of this browser, left at the end."""
        request = browser.build_request("GET", "/live", headers={"Accept": "text/event-stream"})
        scope = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "http_version": "1.1",
            "path": "/live",
            "raw_path": b"/live",
            "query_string": b"",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
        }
        page = Opened()
        task = asyncio.create_task(self.on.app(scope, page.receive, page.send))
        try:
            yield page
        finally:
            page.leave()
            async with asyncio.timeout(5):
                await task


@pytest.fixture
async def theatre() -> AsyncIterator[Theatre]:
    async with stage() as on:
        made = Theatre(on, Turns())
        made.limit()
        yield made
        await made.live.close()


async def asked(browser: httpx.AsyncClient, accept: str = "text/event-stream") -> httpx.Response:
    """An answer that ends."""
    return await browser.get("/live", headers={"Accept": accept})


# What waits


def parts_of(block: bytes) -> list[Any]:
    return [(name, data.get("parts")) for name, data in read_events(block.decode())]


def test_however_much_changed_it_is_one_event() -> None:
    stream = Stream()
    stream.tell(ADMINS, None)
    assert parts_of(stream.take()) == [("now", None)]
    later = {**ADMINS, "invoices": "2"}
    stream.tell(later, ADMINS)
    latest = {**later, "activities": "2"}
    stream.tell(latest, later)
    [(name, data)] = read_events(stream.take().decode())
    assert name == "changed"
    assert data == {"parts": ["activities", "invoices"], "versions": latest}
    assert stream.take() == b""


@pytest.mark.parametrize(
    ("ending", "said"),
    [(Ending.OVER, "over"), (Ending.REPLACED, "replaced"), (Ending.AGAIN, None)],
)
def test_an_ending_is_said_unless_the_browser_is_to_come_again(
    ending: Ending, said: str | None
) -> None:
    stream = Stream()
    stream.end(ending)
    events = read_events(stream.take().decode())
    assert events == ([("end", {"reason": said})] if said else [])


async def test_a_silent_stream_wakes_for_its_heartbeat() -> None:
    async def nothing() -> Message:
        await asyncio.Event().wait()
        return {}

    assert await Stream(heartbeat=0).wait(nothing)


async def test_what_comes_twice_before_the_stream_wakes_wakes_it_once() -> None:
    async def nothing() -> Message:
        await asyncio.Event().wait()
        return {}

    stream = Stream()
    waiting = asyncio.create_task(stream.wait(nothing))
    await asyncio.sleep(0)
    stream.tell(ADMINS, None)
    stream.end(Ending.OVER)
    async with asyncio.timeout(5):
        assert await waiting
    assert await stream.wait(nothing)


# Who gets one


async def test_the_answer_begins_before_there_is_anything_to_say(theatre: Theatre) -> None:
    on = theatre.on
    browser = await on.signed_in("jane@acme.com")
    on.wire.fault = lambda request: (
        None if "/api/contacts" in request.url.path else httpx.Response(500, text="down")
    )
    async with theatre.opened(browser) as page:
        status, headers = await page.start()
        assert status == 200
        assert headers["content-type"].startswith("text/event-stream")
        assert headers["cache-control"] == "no-store"
        assert headers["x-frame-options"] == "DENY"
        assert (await page.block()).startswith(b"retry: ")
        await theatre.turns.done()
        on.wire.fault = None
        on.clock.forward(seconds=5)
        await theatre.turns.next(2)
        [(name, data)] = await page.events()
        assert (name, set(data["versions"])) == ("now", set(ADMINS))


async def test_a_page_that_is_left_is_forgotten(theatre: Theatre, log_lines: io.StringIO) -> None:
    browser = await theatre.on.signed_in("jane@acme.com")
    async with theatre.opened(browser) as page:
        await page.start()
        await page.events()
        assert (len(theatre.live), len(theatre.live.watches)) == (1, 1)
    assert len(theatre.live) == 0
    theatre.turns.last()
    async with asyncio.timeout(5):
        await asyncio.gather(*theatre.live.watches.tasks)
    assert len(theatre.live.watches) == 0
    lines = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    [line] = [line for line in lines if line.get("path") == "/live"]
    assert (line["event"], line["status"]) == ("request", 200)


async def test_nobody_staff_and_pages_get_none(theatre: Theatre) -> None:
    on = theatre.on
    answer = await asked(on.browser())
    assert (answer.status_code, answer.json()["ok"]) == (401, False)
    assert (await asked(await by_google(on))).status_code == 403
    jane = await on.signed_in("jane@acme.com")
    for accept in ("text/html", "*/*", "application/json"):
        assert (await asked(jane, accept)).status_code == 406
    assert (await jane.post("/live", headers={"Accept": "text/event-stream"})).status_code == 405
    head = await jane.head("/live", headers={"Accept": "text/event-stream"})
    assert (head.status_code, head.content) == (200, b"")
    assert len(theatre.live) == 0


async def test_a_full_process_asks_to_come_again(theatre: Theatre) -> None:
    jane = await theatre.on.signed_in("jane@acme.com")
    theatre.limit(most=1)
    async with theatre.opened(jane) as page:
        await page.start()
        answer = await asked(jane)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "30"


async def test_a_portal_without_live_has_no_stream_and_says_nothing_of_it() -> None:
    async with stage(live_interval=0.0) as on:
        jane = await on.signed_in("jane@acme.com")
        assert (await asked(jane)).status_code == 404
        page = (await jane.get("/")).text
        assert "live.js" not in page
        assert "data-live-notice" not in page


async def test_pages_load_the_script_for_clients_alone(theatre: Theatre) -> None:
    on = theatre.on
    jane, sam = await on.signed_in("jane@acme.com"), await on.signed_in("sam@acme.com")
    admins, viewers = (await jane.get("/")).text, (await sam.get("/")).text
    for page in (admins, viewers):
        assert page.count("/static/js/live.js?v=") == 1
        assert 'data-live-notice="Updated just now: {}"' in page
    assert 'data-invoices="invoices"' in admins
    assert "data-invoices" not in viewers
    staff = await by_google(on)
    for page in ((await staff.get("/staff")).text, (await on.browser().get("/auth/login")).text):
        assert "live.js" not in page


# When it ends


async def everything_ends(theatre: Theatre, page: Opened) -> None:
    """The next turn ends the stream, and says so."""
    await theatre.turns.next()
    assert await page.events() == [("end", {"reason": "over"})]
    assert await page.block() == b""


async def begun(theatre: Theatre, stack: AsyncExitStack, browser: httpx.AsyncClient) -> Opened:
    page = await stack.enter_async_context(theatre.opened(browser))
    await page.start()
    await page.events()
    return page


@pytest.mark.parametrize(
    "values",
    [
        {"portal_access": 0},
        {"portal_role": "client_viewer"},
        {"company_id": "co_globex1"},
        {"email": "someone.else@acme.com"},
    ],
)
async def test_what_the_crm_takes_away_ends_the_stream_within_a_minute(
    theatre: Theatre, values: dict[str, Any]
) -> None:
    on = theatre.on
    async with AsyncExitStack() as stack:
        page = await begun(theatre, stack, await on.signed_in("jane@acme.com"))
        await on.patch("/api/contacts/ct_abc123", **values)
        on.clock.forward(seconds=31)
        await everything_ends(theatre, page)


async def test_the_stream_ends_with_the_session_and_with_its_time(theatre: Theatre) -> None:
    on = theatre.on
    async with AsyncExitStack() as stack:
        jane, sam = await on.signed_in("jane@acme.com"), await on.signed_in("sam@acme.com")
        hers, his = await begun(theatre, stack, jane), await begun(theatre, stack, sam)
        await jane.post("/auth/logout")
        await everything_ends(theatre, hers)
        on.clock.forward(days=8)
        await everything_ends(theatre, his)


async def test_the_stream_of_a_preview_ends_with_it(theatre: Theatre) -> None:
    on = theatre.on
    async with AsyncExitStack() as stack:
        page = await begun(theatre, stack, await previewing(on))
        on.clock.forward(minutes=31)
        await everything_ends(theatre, page)


async def test_streams_go_on_while_the_crm_cannot_say_who_may(theatre: Theatre) -> None:
    on = theatre.on
    async with AsyncExitStack() as stack:
        page = await begun(theatre, stack, await on.signed_in("jane@acme.com"))
        on.wire.fault = lambda _: httpx.Response(500, text="down")
        on.clock.forward(seconds=31)
        await theatre.turns.next(3)
        on.wire.fault = None
        on.clock.forward(seconds=5)
        await on.patch("/api/invoices/inv_2026001", status="paid")
        await theatre.turns.next(4)
        [(name, data)] = await page.events()
        assert (name, data["parts"]) == ("changed", ["invoices"])


async def test_no_contact_is_asked_for_more_often_than_every_quarter_minute(
    theatre: Theatre,
) -> None:
    on = theatre.on
    async with AsyncExitStack() as stack:
        jane = await on.signed_in("jane@acme.com")
        for _ in range(4):
            await begun(theatre, stack, jane)
        before = len(on.wire.calls)
        for _ in range(6):
            on.clock.forward(seconds=5)
            await theatre.turns.next()
        asked_for = [call.url.path for call in on.wire.calls[before:]]
        assert asked_for.count("/api/contacts/ct_abc123") <= 2
        assert asked_for.count("/api/engagements") == 6


async def test_a_process_that_stops_ends_all_and_opens_none(theatre: Theatre) -> None:
    on = theatre.on
    async with AsyncExitStack() as stack:
        jane = await on.signed_in("jane@acme.com")
        pages: Iterable[Opened] = [await begun(theatre, stack, jane) for _ in range(3)]
        theatre.live.stop()
        for page in pages:
            assert await page.block() == b""
        assert (await asked(jane)).status_code == 503
