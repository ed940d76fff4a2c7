"""GET /live: server-sent events for one open page, until whoever reads it no longer may."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from random import SystemRandom
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from portal.auth.gate import access_for, viewer_of, who_of
from portal.auth.who import SignedIn, signed_in
from portal.domain.viewer import Role, Viewer
from portal.env import Env, env_of
from portal.errors import NotFound, PortalError, SMApiError
from portal.live.digest import Versions, changed
from portal.live.watch import Ending, Listener, Verdict, Watch, Watches, look

EVENT_STREAM: Final = "text/event-stream"
HEARTBEAT: Final = 15.0
"""Seconds of silence after which a comment is sent: proxies close what says nothing."""

MOST_STREAMS: Final = 2000
"""Open streams of one process; who comes later is asked to come again."""

MOST_OF_A_SESSION: Final = 4
"""Open streams of one session. Browsers have six connections to a site under HTTP/1.1, and pages
need some of them."""

FULL_SECONDS: Final = 30
SOONEST_RETRY, LATEST_RETRY = 2000, 6000
"""Milliseconds until a browser opens a lost stream anew: not all of them at the same moment."""

_random = SystemRandom()


class Stream:
    """What waits to be sent to one page. However much it is, it is one block when it leaves."""

    def __init__(self, heartbeat: float = HEARTBEAT) -> None:
        self.ending: Ending | None = None
        self._heartbeat = heartbeat
        self._is_first = False
        self._parts: set[str] = set()
        self._versions: Versions = {}
        self._waiting: asyncio.Timeout | None = None

    def tell(self, now: Versions, before: Versions | None) -> None:
        """Have the page told that it shows what is no longer so; `before` is None at first."""
        if before is None:
            self._is_first = True
        else:
            self._parts.update(changed(before, now))
        self._versions = now
        self._wake()

    def end(self, ending: Ending) -> None:
        """Close the stream once what waits is sent."""
        self.ending = self.ending or ending
        self._wake()

    def take(self) -> bytes:
        """The events that wait; nothing when there are none."""
        events = b""
        if self._is_first:
            events += event("now", versions=self._versions)
        if self._parts:
            parts = sorted(self._parts)
            events += event("changed", parts=parts, versions=self._versions)
        if self.ending in (Ending.OVER, Ending.REPLACED):
            events += event("end", reason=self.ending)
        self._is_first = False
        self._parts.clear()
        return events

    async def wait(self, receive: Receive) -> bool:
        """Until something waits or the silence has lasted; False when the page is gone."""
        if self._is_first or self._parts or self.ending:
            return True
        try:
            # The only place where the request's own task is while nothing happens: a second one
            # for each stream, to see it go, would double what a stream costs.
            async with asyncio.timeout(self._heartbeat) as self._waiting:
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return True
        finally:
            self._waiting = None
        return False

    def _wake(self) -> None:
        if self._waiting is not None:
            self._waiting.reschedule(asyncio.get_running_loop().time())
            self._waiting = None


class Live:
    """The open streams of one process."""

    def __init__(
        self,
        env: Env,
        *,
        most: int = MOST_STREAMS,
        heartbeat: float = HEARTBEAT,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._env = env
        self._most = most
        self._heartbeat = heartbeat
        self._pause = pause
        self._of_session: dict[str, list[Stream]] = {}
        self._streams: set[Stream] = set()
        self._is_stopping = False
        self.watches = Watches()

    def __len__(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    @property
    def is_full(self) -> bool:
        """Whether no more streams can be opened here, or not any more."""
        return self._is_stopping or len(self._streams) >= self._most

    @contextmanager
    def stream(self, request: Request, who: SignedIn, viewer: Viewer) -> Iterator[Stream]:
        """A stream that is fed inside the block. The session's oldest makes room for it."""
        stream, session_id = Stream(self._heartbeat), who.session.id
        ask = partial(_ask, self._env, request, who, viewer)
        listener = Listener(viewer, session_id, ask, stream.tell, stream.end)
        siblings = self._of_session.setdefault(session_id, [])
        if len(siblings) >= MOST_OF_A_SESSION:
            siblings.pop(0).end(Ending.REPLACED)
        siblings.append(stream)
        self._streams.add(stream)
        self.watches.add(listener, lambda: self._watch(viewer))
        try:
            yield stream
        finally:
            self.watches.remove(listener)
            self._streams.discard(stream)
            if stream in siblings:
                siblings.remove(stream)
            if not siblings:
                self._of_session.pop(session_id, None)

    def stop(self) -> None:
        """End every stream: the process is about to stop, and would wait for them."""
        self._is_stopping = True
        for stream in self._streams:
            stream.end(Ending.AGAIN)

    async def close(self) -> None:
        """`stop`, and look at nothing any more."""
        self.stop()
        await self.watches.close()

    def _watch(self, viewer: Viewer) -> Watch:
        viewers = {role: replace(viewer, role=role) for role in Role}

        async def once() -> Mapping[Role, Versions]:
            return await look(access_for(self._env, viewer, now=True), viewers)

        return Watch(once, self._env.settings.live_interval, self._pause)


class EventStream(Response):
    """The answer that goes on: what its stream holds, as it comes."""

    media_type = EVENT_STREAM

    def __init__(self, live: Live, request: Request, who: SignedIn, viewer: Viewer) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._opened = partial(live.stream, request, who, viewer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the page is gone or the stream is ended."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        if scope["method"] != "HEAD":
            with self._opened() as stream:
                await _send_events(stream, receive, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_events(stream: Stream, receive: Receive, send: Send) -> None:
    block = b"retry: %d\n\n" % _random.randrange(SOONEST_RETRY, LATEST_RETRY)
    while block:
        await send({"type": "http.response.body", "body": block, "more_body": True})
        if stream.ending or not await stream.wait(receive):
            return
        block = stream.take() or (b"" if stream.ending else b":\n\n")


def event(name: str, **data: Any) -> bytes:
    """One event as it is written in a stream (WHATWG HTML §9.2.6), its data as JSON."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))


async def live_events(request: Request) -> Response:
    """GET /live, asked for as an event stream. First `now`, then `changed` whenever it is so.

    Both carry `versions`, a digest for each part that the viewer sees; `changed` names the `parts`
    that are others now. `end` says that nothing follows. Raises NotFound where pages are not kept
    up to date, NoClientChosen for staff outside a preview.
    """
    env, live = env_of(request), request.app.state.live
    assert isinstance(live, Live)
    viewer = viewer_of(request)
    if not env.settings.live_interval:
        raise NotFound
    if EVENT_STREAM not in request.headers.get("accept", ""):
        raise HTTPException(406)
    if live.is_full:
        raise HTTPException(503, headers={"Retry-After": str(FULL_SECONDS)})
    return EventStream(live, request, who_of(request), viewer)


def end_streams(app: object) -> None:
    """End the open streams of an app that has any, before its server waits for them."""
    live = getattr(getattr(app, "state", None), "live", None)
    if isinstance(live, Live):
        live.stop()


async def _ask(env: Env, request: Request, who: SignedIn, viewer: Viewer) -> Verdict:
    """Resolve the session once more, as for a new request."""
    try:
        now = await signed_in(env, request)
    except SMApiError:
        return Verdict.UNSURE
    except PortalError:
        return Verdict.OVER
    return Verdict.SAME if _standing(now) == _standing(who) else Verdict.OVER


def _standing(who: SignedIn) -> tuple[object, ...]:
    viewer = who.viewer
    if viewer is None:
        return ()
    return viewer.contact_id, viewer.company_id, viewer.role, who.preview is not None
