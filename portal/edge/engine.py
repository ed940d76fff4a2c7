"""Engines that a binding can name by URL. This build has one: SQLite, in a file or in memory."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Final

SQLITE: Final = "sqlite:"
MEMORY: Final = "sqlite::memory:"
LATER: Final = ("redis", "rediss", "valkey", "valkeys")

BUSY_SECONDS: Final = 5.0
"""How long a statement waits for another process that writes to the same file."""


def anchored(url: str, folder: Path) -> str:
    """The URL with a relative file made absolute, seen from `folder`: the configuration's.

    Raises ValueError for an engine that this build does not have.
    """
    file = sqlite_file(url)
    return MEMORY if file is None else f"{SQLITE}{folder / file}"


def sqlite_file(url: str) -> Path | None:
    """The file that a `sqlite:` URL names, None for memory. Raises ValueError."""
    if url == MEMORY:
        return None
    scheme, _, rest = url.partition(":")
    file = rest.removeprefix("//") if rest.startswith("///") else rest
    if url.startswith(SQLITE) and file.strip("/") and not file.startswith("//"):
        return Path(file)
    if scheme in LATER:
        raise ValueError(
            f'"{scheme}:" needs an engine that this build does not have; use "sqlite:"'
        )
    raise ValueError(f'"{url}" names no engine that is known; use "sqlite:FILE" or "{MEMORY}"')


def connect(url: str, *, synchronous: str) -> sqlite3.Connection:
    """Open a SQLite engine, making its folder when there is none. Statements commit by themselves.

    `synchronous` is SQLite's: FULL survives a power cut, NORMAL the death of the process.
    Raises ValueError for another engine and sqlite3.Error when the file cannot be opened.
    """
    file = sqlite_file(url)
    if file is not None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = sqlite3.connect(
        file or ":memory:", timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    _use_wal(connection)
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Let readers and a writer work side by side. Raises sqlite3.OperationalError.

    When several processes open a new file at once, SQLite refuses this change without the wait
    that it grants every other statement, so the wait is made here.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
