"""Where the sandbox keeps everything: one SQLite database, in a file or in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, exists, select
from sqlalchemy.pool import StaticPool

from portal.sandbox.schema import TABLES, metadata

BUSY_TIMEOUT_MS: Final = 5000

PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    # A killed process loses nothing in this mode; only a power cut may take the last moments.
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA cache_size = -65536",
)


def stamp(moment: datetime) -> str:
    """A moment as it is stored and answered: ISO 8601 in UTC, of fixed width so that it sorts."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def new_id(prefix: str) -> str:
    """A record id: the prefix and 16 hexadecimal digits (sm-api §6)."""
    return f"{prefix}_{token_hex(8)}"


class Store:
    """The database; each `with` block is one transaction on its one connection.

    Its calls are made on the event loop itself: one takes well under a millisecond, less than
    handing it to a thread and back. A lock keeps threads apart where there are some.
    """

    def __init__(self, path: Path | None, clock: Callable[[], datetime]) -> None:
        """Open or create the file `path`; None keeps everything in memory."""
        self.clock = clock
        self._engine = _engine(path)
        self._lock = threading.RLock()
        metadata.create_all(self._engine)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database."""
        with self._lock, self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start; an error undoes all of it."""
        with self._lock, self._engine.connect() as connection:
            connection.execution_options(sqlite_begin="IMMEDIATE")
            with connection.begin():
                yield connection

    def now(self) -> str:
        """The current moment as a stamp."""
        return stamp(self.clock())

    def is_empty(self) -> bool:
        """Whether there is not a single company."""
        with self.reading() as connection:
            return not connection.scalar(select(exists(select(TABLES["companies"].c.id))))

    def learn_sizes(self) -> None:
        """Let the query planner count, so that it picks the index that narrows most."""
        with self.writing() as connection:
            connection.exec_driver_sql("ANALYZE")

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()


def _engine(path: Path | None) -> Engine:
    url = "sqlite://" if path is None else f"sqlite:///{path}"
    engine = create_engine(
        url,
        poolclass=StaticPool,
        connect_args={"check_same_thread": False},
        # What people wrote, and hashes of secrets, must not reach a log with an error.
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    # The driver opens transactions late and commits early on its own; `_begin` does it instead.
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")
