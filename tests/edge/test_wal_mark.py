"""The mark on an SQLite file is another one after each commit, whoever made it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from portal.edge.kv import KV, open_kv
from portal.edge.wal_mark import HEADER_BYTES, WalMark

WRITER = """
import asyncio, sys
from portal.edge.kv import open_kv

async def write():
    kv = open_kv(sys.argv[1])
    await kv.put("a", b"from elsewhere")
    await kv.close()

asyncio.run(write())
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:{tmp_path / 'state.db'}"


async def test_each_change_is_marked_and_no_reading_is(url: str) -> None:
    kv = open_kv(url)
    marks = [kv.mark()]
    for change in (kv.put("a", b"1"), kv.add("b", b""), kv.increment("n", 9), kv.delete("a")):
        await change
        marks.append(kv.mark())
    assert None not in marks
    assert len(set(marks)) == 5
    await kv.get_many(["a", "b"])
    await kv.list()
    assert kv.mark() == marks[-1]
    await kv.close()
    assert kv.mark() is None


async def test_so_is_one_of_another_connection_and_of_another_process(url: str) -> None:
    kv, other = open_kv(url), open_kv(url)
    before = kv.mark()
    assert other.mark() == before
    await other.put("a", b"1")
    between = kv.mark()
    assert between != before
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", WRITER, url], check=True)
    assert kv.mark() != between
    assert await kv.get("a") == b"from elsewhere"
    for opened in (kv, other):
        await opened.close()


async def test_a_checkpoint_hides_no_change(url: str) -> None:
    kv = open_kv(url)
    seen = set()
    for number in range(50):
        await kv.put("a", b"%d" % number * 5000)
        seen.add(kv.mark())
        if number % 7 == 0:
            kv._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[attr-defined] # its own
            seen.add(kv.mark())
    assert len(seen) >= 50
    await kv.close()


async def test_where_nobody_shares_memory_there_is_no_mark(tmp_path: Path) -> None:
    kv: KV = open_kv("sqlite::memory:")
    assert kv.mark() is None
    await kv.close()
    with pytest.raises(OSError, match="No such file"):
        WalMark(tmp_path / "state.db")


def test_nor_is_one_of_a_format_that_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "state.db-shm").write_bytes(b"\1" * HEADER_BYTES)
    with pytest.raises(ValueError, match="not known"):
        WalMark(tmp_path / "state.db")
