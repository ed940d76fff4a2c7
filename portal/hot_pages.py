"""A page that was answered just now is answered again at once, while all it rests on still holds.

Finding that out by way of the gate and the page memo took four times as long as a server needs to
send a page at all. Nothing is decided otherwise here than there: the same request, to the byte of
its cookies, is given the same answer, when the session is not ended (STATE is asked each time), the
CRM's word on its person is as fresh as the gate wants it and the same, and so is every reading of
the page, and its time has not come. Everything else goes the long way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.auth.session_state import SessionState, entries_of, session_state
from portal.auth.standing import COOKIE as STANDING_COOKIE
from portal.auth.who import SignedIn
from portal.env import Env
from portal.errors import StateUnavailable
from portal.kept_pages import Tier
from portal.page_memo import Grounds

MOST_BYTES: Final = 6 * 1024 * 1024
OVERHEAD: Final = 3072
"""Bytes that an answer takes without its body, roughly. Most have none: that of the kept page."""

KEPT_STATUS: Final = (200, 304)
ENCODING: Final = b"content-encoding"
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

    `body`: where it is not that of the kept page. `held`: what its `entries` of STATE held when
    they last let it stand.
    """

    status: int
    headers: RawHeaders
    body: bytes | None
    who: SignedIn
    grounds: Grounds
    until: datetime
    route: Any
    entries: tuple[str, ...]
    held: list[bytes | None] | None = None

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.body or b"") + OVERHEAD


class HotPages:
    """Remembers what the app answered to GET for a page that is kept, and gives it again."""

    def __init__(self, app: ASGIApp, most_bytes: int = MOST_BYTES) -> None:
        self._app = app
        self._pages = Tier[HotPage](most_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on and remember what comes back, if it may be given again."""
        key = _key(scope) if scope["type"] == "http" else None
        if key is None:
            await self._app(scope, receive, send)
            return
        page = self._pages.get(key)
        if page is not None:
            body = await _still_given(scope["app"].state.env, page)
            if body is not None:
                scope["route"] = page.route
                start = {"type": "http.response.start", "status": page.status}
                await send({**start, "headers": page.headers})
                await send({"type": "http.response.body", "body": body})
                return
            self._pages.drop(key)
        answer: list[Message] = []

        async def note(message: Message) -> None:
            # What stands outside of this one adds to the headers.
            answer.append({**message})
            await send(message)

        await self._app(scope, receive, note)
        page = _rememberable(scope, answer)
        if page is not None:
            self._pages.put(key, page)


def _rememberable(scope: Scope, answer: Sequence[Message]) -> HotPage | None:
    """An answer, if it is a kept page that may be given to the same request again."""
    state = scope["state"]
    grounds: Grounds | None = state.get("grounds")
    if grounds is None or len(answer) != 2 or answer[0]["status"] not in KEPT_STATUS:
        return None
    start, body = answer[0], answer[1].get("body", b"")
    headers = tuple(start["headers"])
    if any(name == SETS_COOKIE and not value.startswith(STANDING) for name, value in headers):
        return None
    who: SignedIn = state["who"]
    is_kept_so = start["status"] == 200 and all(name != ENCODING for name, _ in headers)
    return HotPage(
        status=start["status"],
        headers=headers,
        body=None if is_kept_so else body,
        who=who,
        grounds=grounds,
        until=min(grounds.until, datetime.fromtimestamp(who.session.claims.exp, UTC)),
        route=scope.get("route"),
        entries=(*entries_of(who.session, who.subject), *grounds.entries),
    )


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


async def _still_given(env: Env, page: HotPage) -> bytes | None:
    """The body of the very answer that the long way would come to; None when it might not."""
    now, who, grounds = env.clock(), page.who, page.grounds
    if now >= page.until or who.confirmed is None:
        return None
    if not env.contacts.still_says(who.confirmed, now):
        return None
    for need in grounds.needs:
        if not env.reads.is_fresh(need.key, need.version, now):
            return None
    if not env.pages.holds(grounds.key, grounds.needs) or not await _still_says(env, page):
        return None
    if page.body is not None:
        return page.body
    kept = env.pages.get(grounds.key, now)
    return None if kept is None else kept.body


async def _still_says(env: Env, page: HotPage) -> bool:
    """Whether STATE still says that the session goes on, and of the page what it said."""
    try:
        held = await env.state.get_many(page.entries)
        if page.held == held:
            return True
        # Whatever is written after this is seen the next time.
        page.held = held
        is_alive = await session_state(env.state, page.who.session, page.who.subject) == ALIVE
        return is_alive and await page.grounds.still_say(env)
    except StateUnavailable:
        return False
