"""A small cache of answers with one call in flight per key."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

V = TypeVar("V")


class FreshCache(Generic[V]):
    """Keeps each answer for `ttl`, at most `most` of them; errors are never kept.

    Age counts from before the call was made, so an answer is never older than `ttl` says. Many
    who ask for the same missing key share one call; when whoever started it goes away, the call
    goes on for the others.
    """

    def __init__(
        self, ttl: timedelta, clock: Callable[[], datetime], *, most: int = 10_000
    ) -> None:
        self._ttl = ttl
        self._clock = clock
        self._most = most
        self._kept: OrderedDict[Hashable, tuple[datetime, V]] = OrderedDict()
        self._in_flight: dict[Hashable, asyncio.Task[V]] = {}

    async def get(self, key: Hashable, load: Callable[[], Awaitable[V]]) -> V:
        """The kept answer, else that of `load`, whose errors pass through to all who wait."""
        kept = self._kept.get(key)
        if kept is not None and self._clock() - kept[0] < self._ttl:
            return kept[1]
        task = self._in_flight.get(key)
        if task is None:
            task = asyncio.ensure_future(self._load(key, load))
            self._in_flight[key] = task
            task.add_done_callback(lambda done: self._settle(key, done))
        return await asyncio.shield(task)

    def forget(self, key: Hashable) -> None:
        """Drop one answer, and keep what is being fetched for it from being kept."""
        self._kept.pop(key, None)
        self._in_flight.pop(key, None)

    async def _load(self, key: Hashable, load: Callable[[], Awaitable[V]]) -> V:
        asked = self._clock()
        value = await load()
        if self._in_flight.get(key) is asyncio.current_task():
            self._kept[key] = (asked, value)
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return value

    def _settle(self, key: Hashable, task: asyncio.Task[V]) -> None:
        if self._in_flight.get(key) is task:
            del self._in_flight[key]
        if not task.cancelled():
            task.exception()  # read it, so that an error nobody waits for any more is not "lost"
