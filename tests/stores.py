"""Stores of the sandbox for tests: lent by turns, and put back to what they held at first.

SQLAlchemy compiles each statement once for an engine; a store for each of thousands of tests would
compile them thousands of times.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from portal.sandbox.demo import seed
from portal.sandbox.store import Store

Clock = Callable[[], datetime]

_SPARE: Final[list[Store]] = []
_CONTENTS: Final[dict[datetime | None, sqlite3.Connection]] = {}
"""What an empty store holds, and one with the demo data of a moment."""


@contextmanager
def lent_store(clock: Clock, *, demo: bool = False) -> Iterator[Store]:
    """A store in memory, empty or with the demo data as of now; nobody else has it meanwhile."""
    store = _SPARE.pop() if _SPARE else Store(None, clock)
    store.clock = clock
    moment = clock() if demo else None
    if moment not in _CONTENTS:
        _CONTENTS[moment] = _content(clock, demo=demo)
    with _driver(store) as connection:
        _CONTENTS[moment].backup(connection)
    yield store
    # Only of a test that left it whole: one that failed within a transaction keeps its store.
    _SPARE.append(store)


def _content(clock: Clock, *, demo: bool) -> sqlite3.Connection:
    made = Store(None, clock)
    if demo:
        seed(made, clock())
    kept = sqlite3.connect(":memory:", check_same_thread=False)
    with _driver(made) as connection:
        connection.backup(kept)
    made.close()
    return kept


@contextmanager
def _driver(store: Store) -> Iterator[sqlite3.Connection]:
    """The connection below SQLAlchemy, outside of any transaction."""
    raw = store._engine.raw_connection()
    try:
        connection = raw.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        yield connection
    finally:
        raw.close()
