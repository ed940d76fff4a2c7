from __future__ import annotations

import sqlite3
import stat
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from portal.edge.engine import RedisAddress, anchored, connect, redis_address, sqlite_file
from portal.edge.kv import open_kv
from portal.edge.queue import open_queue


class Away(Exception):
    """A caller's own error."""


def test_a_relative_file_is_seen_from_the_configuration() -> None:
    folder = Path("/srv/portal")
    assert anchored("sqlite:.portal/state.db", folder) == "sqlite:/srv/portal/.portal/state.db"
    assert anchored("sqlite:/var/state.db", folder) == "sqlite:/var/state.db"
    assert anchored("sqlite:///var/state.db", folder) == "sqlite:/var/state.db"
    assert anchored("sqlite::memory:", folder) == "sqlite::memory:"


@pytest.mark.parametrize(
    ("url", "clients", "prefix"),
    [
        ("redis://localhost", "redis://localhost", "portal"),
        ("rediss://u:p@cache.example:6380/2", "rediss://u:p@cache.example:6380/2", "portal"),
        ("valkey://[::1]:6379/0?prefix=mode", "redis://[::1]:6379/0", "mode"),
        ("valkeys://:p@h?prefix=a", "rediss://:p@h", "a"),
        ("unix:///run/redis.sock?db=3&prefix=mode", "unix:///run/redis.sock?db=3", "mode"),
    ],
)
def test_a_redis_url_says_where_the_server_is_and_what_our_keys_begin_with(
    url: str, clients: str, prefix: str
) -> None:
    assert redis_address(url) == RedisAddress(clients, prefix)


def test_keys_begin_with_the_product_unless_the_url_says_otherwise() -> None:
    folder = Path("/srv/portal")
    assert anchored("redis://h/1", folder, "mode") == "redis://h/1?prefix=mode"
    assert anchored("redis://h?prefix=mine", folder, "mode") == "redis://h?prefix=mine"
    assert anchored("unix:///s?db=1", folder, "mode") == "unix:///s?db=1&prefix=mode"


@pytest.mark.parametrize(
    "url",
    [
        *("redis:", "redis://", "redis:///0", "redis://:secret@", "redis://h:0", "redis://h:x"),
        *("redis://h/mode", "redis://h?prefix=", "redis://h?socket_timeout=9", "redis://h#x"),
        *("unix:", "unix://run/redis.sock", "unix:///s?db=x", "unix:///s?password=secret"),
    ],
)
def test_a_redis_url_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"Redis .*:") as raised:
        anchored(url, Path("/srv"))
    assert "secret" not in str(raised.value)


def test_an_engine_that_is_not_installed_is_told_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portal.edge.engine.find_spec", lambda _name: None)
    with pytest.raises(ValueError, match=r"pip install 'mode-portal\[redis\]'"):
        anchored("valkey://localhost", Path("/srv"))
    assert anchored("sqlite::memory:", Path("/srv")) == "sqlite::memory:"


async def test_what_sqlite_raises_becomes_the_callers_own_error(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/engine.db"
    kv, queue = open_kv(url, unavailable=Away), open_queue(url, unavailable=Away)
    with sqlite3.connect(tmp_path / "engine.db") as other:
        other.execute("DROP TABLE entries")
        other.execute("DROP TABLE messages")
    other.close()
    for question in (kv.get("a"), kv.put("a", b""), kv.delete("a"), kv.list(), queue.depth()):
        with pytest.raises(Away, match="SQLite: no such table"):
            await question
    await kv.close()
    await queue.close()


@pytest.mark.parametrize("url", ["", "sqlite:", "sqlite://host/x", "state.db", "postgres://x"])
def test_an_unknown_engine_is_told_which_are_known(url: str) -> None:
    with pytest.raises(ValueError, match='use "sqlite:FILE", "sqlite::memory:"'):
        sqlite_file(url)


@pytest.mark.parametrize("opened", [open_kv, open_queue])
def test_stores_and_queues_refuse_what_is_no_engine(opened: object) -> None:
    assert callable(opened)
    with pytest.raises(ValueError, match="names no engine"):
        opened("nothing")


def test_a_missing_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    connect(f"sqlite:{tmp_path}/.portal/state.db", synchronous="NORMAL").close()
    assert stat.S_IMODE((tmp_path / ".portal").stat().st_mode) == 0o700


def test_a_new_file_can_be_opened_by_many_at_once(tmp_path: Path) -> None:
    together, failures = threading.Barrier(8), []

    def open_one(url: str) -> None:
        together.wait()
        try:
            connect(url, synchronous="NORMAL").close()
        except sqlite3.Error as error:
            failures.append(error)

    for place in range(10):
        url = f"sqlite:{tmp_path}/{place}/state.db"
        threads = [threading.Thread(target=open_one, args=(url,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


@pytest.mark.parametrize(("level", "number"), [("NORMAL", 1), ("FULL", 2)])
def test_a_file_keeps_its_promise_about_the_disk(tmp_path: Path, level: str, number: int) -> None:
    connection = connect(f"sqlite:{tmp_path}/state.db", synchronous=level)
    assert connection.execute("PRAGMA synchronous").fetchone() == (number,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


class RefusesTwice(sqlite3.Connection):
    """A connection as SQLite gives it while another process makes the same file."""

    refusals = 2

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Refuse the change of mode as SQLite does, without waiting."""
        if "journal_mode" in sql and self.refusals:
            self.refusals -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error
        return super().execute(sql, *values)


def test_opening_waits_for_whoever_makes_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=RefusesTwice))
    connection = connect(f"sqlite:{tmp_path}/state.db", synchronous="NORMAL")
    assert isinstance(connection, RefusesTwice)
    assert connection.refusals == 0
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"not a database" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        connect(f"sqlite:{tmp_path}/state.db", synchronous="NORMAL")
