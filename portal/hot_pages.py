"""A page that was answered just now is answered again at once, while all it rests on still holds.

Finding that out by way of the gate and the page memo took four times as long as a server needs to
send a page at all. Nothing is decided otherwise here than there: the same request, to the byte of
its cookies, is given the same answer, when the session is not ended (STATE is asked each time), the
CRM's word on its person is as fresh as the gate wants it and the same, and so is every reading of
the page, and its time has not come. Everything else goes the long way.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.auth.session_state import SessionState, entries_of, session_state
from portal.auth.standing import COOKIE as STANDING_COOKIE
from portal.auth.who import SignedIn
from portal.env import Env
from portal.errors import StateUnavailable
from portal.page_memo import Grounds

MOST_BYTES: Final = 2 * 1024 * 1024
OVERHEAD: Final = 4096
"""Bytes that a page takes beside its text, roughly: a third of them its cookies."""

KEPT_STATUS: Final = (200, 304)
SETS_COOKIE: Final = b"set-cookie"
STANDING: Final = f"{STANDING_COOKIE}=".encode()
"""What the gate notes in a browser that lacks it: whose page it was, the same each time."""

NOT_FOR_PAGES: Final = (b"content-length", b"transfer-encoding")
ALIVE: Final = SessionState()
"""Of a client's session that goes on."""

RawHeaders = tuple[tuple[bytes, bytes], ...]


class HotKey(NamedTuple):
    """All of a request that an answer depends on, beside who may have it."""

    path: str
    query: bytes
    host: bytes | None
    cookies: bytes
    takes_gzip: bool
    known: bytes | None


@dataclass
class HotPage:
    """An answer as it left, whose it was, and what it rests on.

    `held`: what its `entries` of STATE held when they last let it stand.
    """

    status: int
    headers: RawHeaders
    body: bytes
    who: SignedIn
    grounds: Grounds
    until: datetime
    generation: int
    route: Any
    entries: tuple[str, ...]
    held: list[bytes | None] | None = None

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.body) + OVERHEAD


class HotPages:
    """Keeps what the app answers to GET for a page that is kept, and gives it again."""

    def __init__(self, app: ASGIApp, most_bytes: int = MOST_BYTES) -> None:
        self._app = app
        self._most_bytes = most_bytes
        self._bytes = 0
        self._pages: OrderedDict[HotKey, HotPage] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on and keep what comes back, if it may be given again."""
        key = _key(scope) if scope["type"] == "http" else None
        if key is None:
            await self._app(scope, receive, send)
            return
        page = self._pages.get(key)
        if page is not None:
            if await _stands(scope["app"].state.env, page):
                self._pages.move_to_end(key)
                await _again(page, scope, send)
                return
            self._drop(key)
        answer: list[Message] = []

        async def note(message: Message) -> None:
            # What stands outside of this one adds to the headers.
            answer.append({**message})
            await send(message)

        await self._app(scope, receive, note)
        self._keep(key, scope, answer)

    def _keep(self, key: HotKey, scope: Scope, answer: list[Message]) -> None:
        state = scope["state"]
        grounds = state.get("grounds")
        if grounds is None or len(answer) != 2 or answer[0]["status"] not in KEPT_STATUS:
            return
        headers = tuple(answer[0]["headers"])
        if any(name == SETS_COOKIE and not value.startswith(STANDING) for name, value in headers):
            return
        who: SignedIn = state["who"]
        expires = datetime.fromtimestamp(who.session.claims.exp, UTC)
        page = HotPage(
            answer[0]["status"],
            headers,
            answer[1].get("body", b""),
            who,
            grounds,
            min(grounds.until, expires),
            scope["app"].state.env.pages.generation,
            scope.get("route"),
            (*entries_of(who.session, who.subject), *grounds.entries),
        )
        self._pages[key] = page
        self._bytes += page.size
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._pages)))

    def _drop(self, key: HotKey) -> None:
        self._bytes -= self._pages.pop(key).size


def _key(scope: Scope) -> HotKey | None:
    """What decides the answer to a request; None for one that is not a plain GET of somebody's."""
    if scope["method"] != "GET":
        return None
    sent = scope["headers"]
    headers: Mapping[bytes, bytes] = dict(sent)
    cookies = headers.get(b"cookie")
    # A header that is sent twice may be read twice.
    if (
        cookies is None
        or len(headers) != len(sent)
        or any(map(headers.__contains__, NOT_FOR_PAGES))
    ):
        return None
    return HotKey(
        scope["path"],
        scope["query_string"],
        headers.get(b"host"),
        cookies,
        b"gzip" in headers.get(b"accept-encoding", b""),
        headers.get(b"if-none-match"),
    )


async def _stands(env: Env, page: HotPage) -> bool:
    """Whether the long way would come to this very answer."""
    now, who, grounds = env.clock(), page.who, page.grounds
    if now >= page.until or page.generation != env.pages.generation or who.confirmed is None:
        return False
    if not env.contacts.still_says(who.confirmed, now):
        return False
    for need in grounds.needs:
        if not env.reads.is_fresh(need.key, need.version, now):
            return False
    try:
        held = await env.state.get_many(page.entries)
        if page.held == held:
            return True
        # Whatever is written after this is seen the next time.
        page.held = held
        is_alive = await session_state(env.state, who.session, who.subject) == ALIVE
        return is_alive and await grounds.still_say()
    except StateUnavailable:
        return False


async def _again(page: HotPage, scope: Scope, send: Send) -> None:
    scope["route"] = page.route
    await send({"type": "http.response.start", "status": page.status, "headers": page.headers})
    await send({"type": "http.response.body", "body": page.body})
