"""The queue in one SQLite file, or in memory."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from portal.edge.engine import EngineUnavailable, Unavailable, connect, sqlite_errors
from portal.edge.messages import DeadLetter, Depth, Message

TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS messages ("
    " sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, key TEXT NOT NULL,"
    " body BLOB NOT NULL, sent REAL NOT NULL, due REAL NOT NULL,"
    " attempts INTEGER NOT NULL DEFAULT 0, lease INTEGER NOT NULL DEFAULT 0,"
    " detail TEXT NOT NULL DEFAULT '', buried REAL)",
    "CREATE INDEX IF NOT EXISTS messages_in_line ON messages (key, sequence) WHERE buried IS NULL",
    "CREATE INDEX IF NOT EXISTS messages_buried ON messages (buried) WHERE buried IS NOT NULL",
)
SEND: Final = (
    "INSERT INTO messages (id, key, body, sent, due) VALUES (:id, :key, :body, :now, :now)"
    " ON CONFLICT (id) DO NOTHING"
)
# The keys are stepped through one look-up each: a long line behind one key costs nothing.
RECEIVE: Final = (
    "WITH RECURSIVE keys (key) AS ("
    " SELECT min(key) FROM messages WHERE buried IS NULL"
    " UNION ALL"
    " SELECT (SELECT min(m.key) FROM messages m WHERE m.buried IS NULL AND m.key > keys.key)"
    " FROM keys WHERE keys.key IS NOT NULL),"
    " heads (sequence) AS ("
    " SELECT (SELECT min(m.sequence) FROM messages m WHERE m.buried IS NULL AND m.key = keys.key)"
    " FROM keys WHERE keys.key IS NOT NULL)"
    " UPDATE messages SET due = :now + :lease_seconds, attempts = attempts + 1, lease = lease + 1"
    " WHERE sequence IN ("
    " SELECT m.sequence FROM heads JOIN messages m ON m.sequence = heads.sequence"
    " WHERE m.due <= :now ORDER BY m.sequence LIMIT :batch)"
    " RETURNING sequence, id, key, body, attempts, lease"
)
HELD: Final = " WHERE id = :id AND lease = :lease AND buried IS NULL"
ACK: Final = f"DELETE FROM messages{HELD}"  # noqa: S608 # a constant
RETRY: Final = f"UPDATE messages SET due = :now + :delay, detail = :detail, lease = lease + 1{HELD}"  # noqa: S608
BURY: Final = f"UPDATE messages SET buried = :now, detail = :detail, lease = lease + 1{HELD}"  # noqa: S608
DEAD: Final = (
    "SELECT id, key, body, attempts, detail, buried FROM messages"
    " WHERE buried IS NOT NULL ORDER BY sequence"
)
REPLAY: Final = (
    "UPDATE messages SET buried = NULL, attempts = 0, due = :now"
    " WHERE id = :id AND buried IS NOT NULL RETURNING id"
)
DEPTH: Final = (
    "SELECT (SELECT count(*) FROM messages WHERE buried IS NULL),"
    " (SELECT count(*) FROM messages WHERE buried IS NOT NULL),"
    " (SELECT sent FROM messages WHERE buried IS NULL ORDER BY sequence LIMIT 1)"
)


class SqliteQueue:
    """A queue in one SQLite file, or in memory. Every method is one atomic statement."""

    def __init__(
        self,
        url: str,
        clock: Callable[[], float],
        unavailable: Unavailable = EngineUnavailable,
    ) -> None:
        self._clock = clock
        self._unavailable = unavailable
        self._db = connect(url, synchronous="FULL")
        for statement in TABLE:
            self._db.execute(statement)
        # A commit waits for the disk, and the event loop must not wait with it.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="queue")

    async def send(self, body: bytes, *, key: str, id: str) -> None:  # noqa: A002
        """See `Queue`."""
        await self._run(SEND, id=id, key=key, body=body)

    async def receive(self, batch: int, lease_seconds: float) -> list[Message]:
        """See `Queue`."""
        rows = await self._run(RECEIVE, batch=batch, lease_seconds=lease_seconds)
        return [Message(*row[1:]) for row in sorted(rows)]

    async def ack(self, message: Message) -> None:
        """See `Queue`."""
        await self._run(ACK, id=message.id, lease=message.lease)

    async def retry(self, message: Message, delay: float, detail: str) -> None:
        """See `Queue`."""
        await self._run(RETRY, id=message.id, lease=message.lease, delay=delay, detail=detail)

    async def bury(self, message: Message, detail: str) -> None:
        """See `Queue`."""
        await self._run(BURY, id=message.id, lease=message.lease, detail=detail)

    async def dead(self) -> list[DeadLetter]:
        """See `Queue`."""
        return [DeadLetter(*row) for row in await self._run(DEAD)]

    async def replay(self, message_id: str) -> bool:
        """See `Queue`."""
        return bool(await self._run(REPLAY, id=message_id))

    async def depth(self) -> Depth:
        """See `Queue`."""
        [(waiting, dead, oldest)] = await self._run(DEPTH)
        return Depth(waiting, dead, max(0.0, self._clock() - oldest) if waiting else 0.0)

    async def close(self) -> None:
        """See `Queue`."""
        self._thread.shutdown(wait=True)
        self._db.close()

    async def _run(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        values["now"] = self._clock()
        loop = asyncio.get_running_loop()
        with sqlite_errors(self._unavailable):
            return await loop.run_in_executor(self._thread, _execute, self._db, statement, values)


def _execute(
    db: sqlite3.Connection, statement: str, values: dict[str, Any]
) -> list[tuple[Any, ...]]:
    return db.execute(statement, values).fetchall()
