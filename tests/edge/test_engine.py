from __future__ import annotations

import sqlite3
import stat
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from portal.edge.engine import anchored, connect, sqlite_file
from portal.edge.kv import open_kv
from portal.edge.queue import open_queue


def test_a_relative_file_is_seen_from_the_configuration() -> None:
    folder = Path("/srv/portal")
    assert anchored("sqlite:.portal/state.db", folder) == "sqlite:/srv/portal/.portal/state.db"
    assert anchored("sqlite:/var/state.db", folder) == "sqlite:/var/state.db"
    assert anchored("sqlite:///var/state.db", folder) == "sqlite:/var/state.db"
    assert anchored("sqlite::memory:", folder) == "sqlite::memory:"


@pytest.mark.parametrize("url", ["redis://localhost", "valkey://localhost:6379/0"])
def test_an_engine_of_later_is_refused_by_name(url: str) -> None:
    with pytest.raises(ValueError, match=r'needs an engine .* use "sqlite:"'):
        sqlite_file(url)


@pytest.mark.parametrize("url", ["", "sqlite:", "sqlite://host/x", "state.db", "postgres://x"])
def test_an_unknown_engine_is_told_which_are_known(url: str) -> None:
    with pytest.raises(ValueError, match=r'use "sqlite:FILE" or "sqlite::memory:"'):
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
