"""A page that was answered just now is answered again at once, while all it rests on still holds.

Finding that out by way of the gate and the page memo took four times as long as a server needs to
send a page at all. Nothing is decided otherwise here than there: the same request, to the byte of
its cookies, is given the same answer, when the session is not ended (STATE is asked each time, but
where its mark says that nobody wrote to it since), the CRM's word on its person is as fresh as the
gate wants it and the same, and so is every reading of the page, and its time has not come.
Everything else goes the long way.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.auth.session_state import SessionState, entries_of, session_state
from portal.auth.standing import COOKIE as STANDING_COOKIE
from portal.auth.who import SignedIn
from portal.env import Env
from portal.errors import StateUnavailable
from portal.kept_pages import Tier
from portal.observe import ID_NAME, Count, id_for, log_request, route_name
from portal.page_memo import Grounds
from portal.whole_answers import head_of, headers_in, send_whole_of

MOST_BYTES: Final = 3 * 1024 * 1024
OVERHEAD: Final = 4096
"""Bytes that an answer takes without its body, roughly. Most have none: that of the kept page."""

KEPT_STATUS: Final = (200, 304)
ENCODING: Final = b"content-encoding"
SETS_COOKIE: Final = b"set-cookie"
STANDING: Final = f"{STANDING_COOKIE}=".encode()
"""What the gate notes in a browser that lacks it: whose page it was, the same each time."""

WITH_LENGTH: Final = b"content-length"
IN_CHUNKS: Final = b"transfer-encoding"
ID_LINE: Final = ID_NAME + b": %b\r\n"
START: Final = "http.response.start"
BODY: Final = "http.response.body"
NEVER: Final = datetime.min.replace(tzinfo=UTC)
LOOKED_SECONDS: Final = 1.0
"""How long a mark on STATE counts: what expires there leaves none."""

ALIVE: Final = SessionState()
"""Of a client's session that goes on."""


HotKey = tuple[str, bytes, bytes, bytes | None, bytes | None, bool]
"""Path, query, cookies, host, `If-None-Match`, and whether gzip may be sent."""


@dataclass(slots=True)
class HotPage:
    """An answer as it left, whose it was, and what it rests on.

    `body`: where it is not that of the kept page. `held`: what its `entries` of STATE held when
    they last let it stand, at the time `looked_at` and with this `mark` on STATE. `fresh_until`:
    until when its readings are fresh, unless the caches' `changes` change.
    """

    status: int
    head: bytes
    body: bytes | None
    who: SignedIn
    grounds: Grounds
    until: datetime
    route: str
    entries: tuple[str, ...]
    changes: tuple[int, int] = (-1, -1)
    fresh_until: datetime = NEVER
    held: list[bytes | None] | None = None
    mark: bytes | None = None
    looked_at: float = 0.0

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.body or b"") + OVERHEAD


class HotPages:
    """Remembers what the app answered to GET for a page that is kept, and gives it again.

    Outside of `RequestLog`, so it does for such a request what that does: an id, a line, a count.
    """

    def __init__(
        self, app: ASGIApp, count: Count, *, is_outermost: bool, most_bytes: int = MOST_BYTES
    ) -> None:
        """`is_outermost`: nobody else has to see the answers, so they may be handed over whole."""
        self._app = app
        self._count = count
        self._is_outermost = is_outermost
        self._pages = Tier[HotPage](most_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on and remember what comes back, if it may be given again."""
        started = time.perf_counter()
        headers = _headers_of(scope)
        if headers is None:
            await self._app(scope, receive, send)
            return
        key = _key(scope, headers)
        page = self._pages.get(key)
        if page is not None:
            body = await _still_given(scope["app"].state.env, page)
            if body is not None:
                request_id = id_for(headers.get(ID_NAME, b""))
                await self._give(page, body, request_id.encode(), scope, send)
                seconds = time.perf_counter() - started
                self._count(page.route, "GET", page.status, seconds)
                log_request("GET", scope["path"], page.status, seconds, request_id)
                return
            self._pages.drop(key)
        answer: list[Message] = []

        async def note(message: Message) -> None:
            # Whoever is outside of this one adds to the very list.
            answer.append({**message, "headers": tuple(message.get("headers", ()))})
            await send(message)

        await self._app(scope, receive, note)
        page = _rememberable(scope, answer)
        if page is not None:
            self._pages.put(key, page)

    async def _give(
        self, page: HotPage, body: bytes, request_id: bytes, scope: Scope, send: Send
    ) -> None:
        send_whole = send_whole_of(scope) if self._is_outermost else None
        if send_whole is not None and send_whole(page.head + ID_LINE % request_id, body):
            return
        headers = [*headers_in(page.head), (ID_NAME, request_id)]
        await send({"type": START, "status": page.status, "headers": headers})
        await send({"type": BODY, "body": body})


def _rememberable(scope: Scope, answer: Sequence[Message]) -> HotPage | None:
    """An answer, if it is a kept page that may be given to the same request again."""
    state = scope["state"]
    grounds: Grounds | None = state.get("grounds")
    if grounds is None or len(answer) != 2 or answer[0]["status"] not in KEPT_STATUS:
        return None
    start, body = answer[0], answer[1].get("body", b"")
    headers = tuple(header for header in start["headers"] if header[0] != ID_NAME)
    if any(name == SETS_COOKIE and not value.startswith(STANDING) for name, value in headers):
        return None
    who: SignedIn = state["who"]
    is_kept_so = start["status"] == 200 and all(name != ENCODING for name, _ in headers)
    return HotPage(
        status=start["status"],
        head=head_of(start["status"], headers),
        body=None if is_kept_so else body,
        who=who,
        grounds=grounds,
        until=min(grounds.until, datetime.fromtimestamp(who.session.claims.exp, UTC)),
        route=route_name(scope),
        entries=(*entries_of(who.session, who.subject), *grounds.entries),
    )


def _headers_of(scope: Scope) -> dict[bytes, bytes] | None:
    """The headers of a plain GET of somebody's; None for any other request."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    headers = dict(scope["headers"])
    # A header that is sent twice may be read twice.
    if b"cookie" not in headers or len(headers) != len(scope["headers"]):
        return None
    return None if WITH_LENGTH in headers or IN_CHUNKS in headers else headers


def _key(scope: Scope, headers: Mapping[bytes, bytes]) -> HotKey:
    """All of a request that its answer depends on, beside who may have it."""
    return (
        scope["path"],
        scope["query_string"],
        headers[b"cookie"],
        headers.get(b"host"),
        headers.get(b"if-none-match"),
        b"gzip" in headers.get(b"accept-encoding", b""),
    )


async def _still_given(env: Env, page: HotPage) -> bytes | None:
    """The body of the very answer that the long way would come to; None when it might not."""
    now, grounds = env.clock(), page.grounds
    if now >= page.until or not _is_fresh(env, page, now) or not await _still_says(env, page):
        return None
    if page.body is not None:
        return page.body if env.pages.holds(grounds.key, grounds.needs) else None
    kept = env.pages.get(grounds.key, now)
    return kept.body if kept is not None and kept.needs is grounds.needs else None


def _is_fresh(env: Env, page: HotPage, now: datetime) -> bool:
    """Whether the CRM's word on the person and each reading are as fresh as the long way wants."""
    changes = (env.contacts.changes, env.reads.changes)
    if changes == page.changes and now < page.fresh_until:
        return True
    confirmed = page.who.confirmed
    says = None if confirmed is None else env.contacts.says_until(confirmed, now)
    stands = env.reads.fresh_until(page.grounds.needs, now)
    if says is None or stands is None:
        return False
    page.changes, page.fresh_until = changes, min(says, stands)
    return True


async def _still_says(env: Env, page: HotPage) -> bool:
    """Whether STATE still says that the session goes on, and of the page what it said."""
    # Read before what is marked: whatever is written after this is seen the next time.
    mark, now = env.state.mark(), time.monotonic()
    if mark is not None and mark == page.mark and now < page.looked_at + LOOKED_SECONDS:
        return True
    try:
        held = await env.state.get_many(page.entries)
        page.mark, page.looked_at = mark, now
        if page.held == held:
            return True
        page.held = held
        is_alive = await session_state(env.state, page.who.session, page.who.subject) == ALIVE
        return is_alive and await page.grounds.still_say(env)
    except StateUnavailable:
        return False
