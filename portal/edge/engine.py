"""Engines that a binding can name by URL: SQLite, in a file or in memory, and Redis or Valkey."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

SQLITE: Final = "sqlite:"
MEMORY: Final = "sqlite::memory:"
REDIS: Final = {
    "redis": "redis",
    "rediss": "rediss",
    "valkey": "redis",
    "valkeys": "rediss",
    "unix": "unix",
}
"""The schemes of a Redis server, and what its client calls them; with an s it speaks TLS."""

DEFAULT_PREFIX: Final = "portal"
BUSY_SECONDS: Final = 5.0
"""How long a statement waits for another process that writes to the same file."""


class EngineUnavailable(Exception):
    """The engine behind a binding does not answer, or cannot do its work. `detail` is for logs."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


Unavailable = Callable[[str], Exception]
"""Makes the error that a store or queue raises while its engine is away, from a detail for logs."""


@dataclass(frozen=True)
class RedisAddress:
    """Where a Redis server is, as its client takes it, and what all our keys begin with."""

    url: str
    prefix: str


def is_redis(url: str) -> bool:
    """Whether a URL names a Redis or Valkey server, by its scheme."""
    return url.partition(":")[0] in REDIS


def redis_address(url: str, prefix: str = DEFAULT_PREFIX) -> RedisAddress:
    """What a `redis:`, `rediss:`, `valkey:`, `valkeys:` or `unix:` URL says; `prefix` is the usual.

    Raises ValueError for one that cannot be used; its text holds no credentials.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    prefix = query.pop("prefix", prefix)
    database = query.get("db") if parts.scheme == "unix" else parts.path.strip("/") or "0"
    allowed = {"db"} if parts.scheme == "unix" else set[str]()
    if set(query) - allowed or parts.fragment or not prefix:
        raise ValueError(
            "a Redis URL takes one thing after its database: redis://HOST:6379/0?prefix=NAME"
        )
    if database is not None and not database.isdecimal():
        raise ValueError("a Redis URL's database is a number: redis://HOST:6379/0")
    if parts.scheme == "unix":
        if not parts.path.startswith("/") or parts.hostname:
            raise ValueError("a Redis socket is named by its whole path: unix:///run/redis.sock")
    elif not parts.hostname or not _has_port(url):
        raise ValueError("a Redis URL names a host: redis://HOST:6379/0")
    return RedisAddress(_written(parts._replace(scheme=REDIS[parts.scheme]), query), prefix)


def anchored(url: str, folder: Path, prefix: str = DEFAULT_PREFIX) -> str:
    """The URL with nothing left to assume.

    A relative file is made absolute, seen from `folder`: the configuration's. The keys on a Redis
    server begin with `prefix` unless the URL says otherwise. Raises ValueError for an engine that
    is not known or not installed.
    """
    if not is_redis(url):
        file = sqlite_file(url)
        return MEMORY if file is None else f"{SQLITE}{folder / file}"
    address = redis_address(url, prefix)
    if find_spec("redis") is None:
        raise ValueError("its engine is not installed; run: pip install 'mode-portal[redis]'")
    parts = urlsplit(url)
    return _written(parts, {**dict(parse_qsl(parts.query)), "prefix": address.prefix})


def sqlite_file(url: str) -> Path | None:
    """The file that a `sqlite:` URL names, None for memory. Raises ValueError."""
    if url == MEMORY:
        return None
    rest = url.partition(":")[2]
    file = rest.removeprefix("//") if rest.startswith("///") else rest
    if url.startswith(SQLITE) and file.strip("/") and not file.startswith("//"):
        return Path(file)
    raise ValueError(
        f'"{url}" names no engine that is known; use "sqlite:FILE", "{MEMORY}", '
        '"redis://HOST:6379/0" or "valkey://HOST:6379/0"'
    )


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


class sqlite_errors:  # noqa: N801 # used as a function, around every statement
    """Raise whatever SQLite raises inside as the caller's own error."""

    __slots__ = ("_unavailable",)

    def __init__(self, unavailable: Unavailable) -> None:
        self._unavailable = unavailable

    def __enter__(self) -> None:
        """Nothing is done before."""

    def __exit__(self, _kind: object, error: BaseException | None, _where: object) -> None:
        """Raise it, if there is one."""
        if isinstance(error, sqlite3.Error):
            raise self._unavailable(f"SQLite: {error}") from error


def _written(parts: SplitResult, query: Mapping[str, str]) -> str:
    """A URL with another query; the two slashes stay where no host is named."""
    asked = f"?{urlencode(query)}" if query else ""
    return f"{parts.scheme}://{parts.netloc}{parts.path}{asked}"


def _has_port(url: str) -> bool:
    """Whether its port, if it names one, can be one."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


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
