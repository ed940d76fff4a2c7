"""The key-value store in one SQLite file, or in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import takewhile
from typing import Final

from portal.edge.engine import (
    EngineUnavailable,
    Unavailable,
    connect,
    sqlite_errors,
    sqlite_file,
)
from portal.edge.wal_mark import WalMark

SWEEP_SECONDS: Final = 60.0

TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS entries ("
    " key TEXT PRIMARY KEY, value BLOB NOT NULL, expires REAL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS entries_expire ON entries (expires) WHERE expires IS NOT NULL",
)
PUT: Final = (
    "INSERT INTO entries (key, value, expires) VALUES (:key, :value, :expires)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires"
)
ADD: Final = f"{PUT} WHERE entries.expires <= :now RETURNING 1"
INCREMENT: Final = (
    "INSERT INTO entries (key, value, expires) VALUES (:key, CAST('1' AS BLOB), :expires)"
    " ON CONFLICT (key) DO UPDATE SET"
    " value = CASE WHEN entries.expires <= :now THEN excluded.value"
    " ELSE CAST(CAST(entries.value AS INTEGER) + 1 AS BLOB) END,"
    " expires = CASE WHEN entries.expires <= :now THEN excluded.expires"
    " ELSE entries.expires END"
    " RETURNING CAST(value AS INTEGER)"
)
LIVE: Final = "(expires IS NULL OR expires > :now)"
GET: Final = f"SELECT value FROM entries WHERE key = :key AND {LIVE}"  # noqa: S608 # a constant
GET_MANY: Final = "SELECT key, value FROM entries WHERE (expires IS NULL OR expires > ?) AND key IN"
LIST: Final = f"SELECT key FROM entries WHERE key >= :prefix AND {LIVE} ORDER BY key"  # noqa: S608


class SqliteKV:
    """A store in one SQLite file, or in memory."""

    # Statements take well under a millisecond: a thread for each would cost more than it spares,
    # so they run on the event loop itself.

    def __init__(
        self,
        url: str,
        clock: Callable[[], float],
        unavailable: Unavailable = EngineUnavailable,
    ) -> None:
        self._clock = clock
        self._unavailable = unavailable
        self._sweep_at = 0.0
        self._db = connect(url, synchronous="NORMAL")
        for statement in TABLE:
            self._db.execute(statement)
        self._mark = _mark_of(url)

    async def get(self, key: str) -> bytes | None:
        """See `KV`."""
        with sqlite_errors(self._unavailable):
            row = self._db.execute(GET, {"key": key, "now": self._clock()}).fetchone()
        return row[0] if row else None

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """See `KV`."""
        statement = _get_many(len(keys))
        with sqlite_errors(self._unavailable):
            found = dict(self._db.execute(statement, (self._clock(), *keys)).fetchall())
        return [found.get(key) for key in keys]

    def mark(self) -> bytes | None:
        """See `KV`."""
        return self._mark.read() if self._mark is not None else None

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """See `KV`."""
        self._write(PUT, key, value, ttl)

    async def add(self, key: str, value: bytes, ttl: float | None = None) -> bool:
        """See `KV`."""
        return self._write(ADD, key, value, ttl) is not None

    async def increment(self, key: str, ttl: float) -> int:
        """See `KV`."""
        count = self._write(INCREMENT, key, b"", ttl)
        assert count is not None
        return count

    async def delete(self, key: str) -> None:
        """See `KV`."""
        with sqlite_errors(self._unavailable):
            self._db.execute("DELETE FROM entries WHERE key = ?", (key,))

    async def list(self, prefix: str = "") -> list[str]:
        """See `KV`."""
        with sqlite_errors(self._unavailable):
            rows = self._db.execute(LIST, {"prefix": prefix, "now": self._clock()})
            return list(takewhile(lambda key: key.startswith(prefix), (row[0] for row in rows)))

    async def close(self) -> None:
        """See `KV`."""
        if self._mark is not None:
            self._mark.close()
            self._mark = None
        self._db.close()

    def _write(self, statement: str, key: str, value: bytes, ttl: float | None) -> int | None:
        """Run one write; what it returns, if anything."""
        now = self._clock()
        expires = None if ttl is None else now + ttl
        values = {"key": key, "value": value, "now": now, "expires": expires}
        with sqlite_errors(self._unavailable):
            rows = self._db.execute(statement, values).fetchall()
            self._sweep(now)
        return rows[0][0] if rows else None

    def _sweep(self, now: float) -> None:
        """Throw expired entries away, once a minute at the most."""
        if now >= self._sweep_at:
            self._db.execute("DELETE FROM entries WHERE expires <= ?", (now,))
            self._sweep_at = now + SWEEP_SECONDS


def _mark_of(url: str) -> WalMark | None:
    file = sqlite_file(url)
    try:
        return None if file is None else WalMark(file)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=64)
def _get_many(count: int) -> str:
    """The very same text each time, by which SQLite's module finds the statement it prepared."""
    return f"{GET_MANY} ({','.join('?' * count)})"
