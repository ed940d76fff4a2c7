"""`Server-Timing`, for developers: where the time of a page went, shown by the browser's tools."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAME_FOR_ALL: Final = ("/auth/", "/api/auth/", "/calendar/feed/", "/verify", "/notices/")
"""Where an answer must not tell what was looked up for it, not even here."""

CallObserver = Callable[[str, str, float], None]
ReadObserver = Callable[[str, str], None]


@dataclass
class _Tally:
    """What one request has cost so far. `seconds` is the sum over its calls, parallel ones too."""

    calls: int = 0
    seconds: float = 0.0
    reads: Counter[str] = field(default_factory=Counter)


_tally: ContextVar[_Tally | None] = ContextVar("server_timing", default=None)


class ServerTiming:
    """Adds the header (W3C Server Timing) to each answer: `total`, `sm-api` and `cache`.

    In milliseconds until the answer begins. Never for strangers: times tell what was looked up.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count what is done for it."""
        if scope["type"] != "http" or scope["path"].startswith(SAME_FOR_ALL):
            await self._app(scope, receive, send)
            return
        started, tally = time.perf_counter(), _Tally()

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                seconds = time.perf_counter() - started
                MutableHeaders(scope=message)["Server-Timing"] = _header(seconds, tally)
            await send(message)

        before = _tally.set(tally)
        try:
            await self._app(scope, receive, note)
        finally:
            _tally.reset(before)


def timing_calls(tell: CallObserver) -> CallObserver:
    """`tell`, which hears of requests to SM API, with each counted for the request it is for."""

    def told(resource: str, outcome: str, seconds: float) -> None:
        tally = _tally.get()
        if tally is not None:
            tally.calls += 1
            tally.seconds += seconds
        tell(resource, outcome, seconds)

    return told


def timing_reads(tell: ReadObserver) -> ReadObserver:
    """`tell`, which hears of readings through the cache, counted likewise."""

    def told(resource: str, outcome: str) -> None:
        tally = _tally.get()
        if tally is not None:
            tally.reads[outcome] += 1
        tell(resource, outcome)

    return told


def _header(seconds: float, tally: _Tally) -> str:
    calls = "1 call" if tally.calls == 1 else f"{tally.calls} calls"
    entries = [
        f"total;dur={seconds * 1000:.1f}",
        f'sm-api;dur={tally.seconds * 1000:.1f};desc="{calls}"',
    ]
    if tally.reads:
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(tally.reads.items()))
        entries.append(f'cache;desc="{told}"')
    return ", ".join(entries)
