"""The key-value store of a worker: rate limits, revocations and claims that expire by themselves.

Every method is one atomic step, so any number of processes may share a store. While the engine is
away every method raises what `open_kv` was given as `unavailable`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from portal.edge.engine import EngineUnavailable, Unavailable, is_redis
from portal.edge.sqlite_kv import SqliteKV


class KV(Protocol):
    """A key-value store. Keys are text, values bytes, `ttl` is in seconds; None keeps forever."""

    async def get(self, key: str) -> bytes | None:
        """The value, or None when there is none or it has expired."""

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """The values in the order of their keys, as `get` gives each, all of the same moment."""

    def mark(self) -> bytes | None:
        """Another one after each change by anybody; None where that takes as long as asking.

        What expires changes nothing.
        """

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """Keep the value, in place of any before it."""

    async def add(self, key: str, value: bytes, ttl: float | None = None) -> bool:
        """Keep the value if there is none: of simultaneous calls exactly one gives True."""

    async def increment(self, key: str, ttl: float) -> int:
        """Count one more and give the count, kept as decimal text. `ttl` runs from the first."""

    async def delete(self, key: str) -> None:
        """Forget the key, if it is there."""

    async def list(self, prefix: str = "") -> list[str]:
        """The keys that begin with `prefix`, sorted."""

    async def close(self) -> None:
        """Let go of the store; what is in it stays there."""


def open_kv(
    url: str,
    clock: Callable[[], float] = time.time,
    unavailable: Unavailable = EngineUnavailable,
) -> KV:
    """The store that `url` names; nothing is asked of a server yet.

    `clock` gives seconds since the epoch, by which SQLite's entries expire; on Redis they expire by
    the server's own. Raises ValueError for an engine that is not known or not installed.
    """
    if not is_redis(url):
        return SqliteKV(url, clock, unavailable)
    # Only whoever uses this engine installs its client.
    from portal.edge.redis_kv import RedisKV

    return RedisKV(url, unavailable)
