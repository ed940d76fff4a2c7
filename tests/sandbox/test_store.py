"""The file survives being killed, and answers fast when it is large."""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from portal.sandbox.app import SandboxConfig, create_sandbox
from portal.sandbox.demo import seed, seed_large
from portal.sandbox.query import list_records
from portal.sandbox.resources import ACTIVITIES
from portal.sandbox.scope import EVERYTHING
from portal.sandbox.store import Store
from portal.sandbox.write import create_record
from tests.sandbox.setup import API_KEY, Clock, client_of

ROUNDS = 20


def write_until_killed(path: Path, acknowledge: Connection) -> None:
    """What the killed process does: write, and report each write once it is committed."""
    store = Store(path, lambda: datetime.now(UTC))
    while True:
        with store.writing() as connection:
            body = {"activity_type": "note"}
            record = create_record(connection, ACTIVITIES, EVERYTHING, body, store.now())
        acknowledge.send(record["id"])


def acknowledged_until_killed(path: Path, after: int) -> set[str]:
    """Ids that a writing process reported before it was killed in the middle of its work."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    reports, acknowledge = context.Pipe(duplex=False)
    writer = context.Process(target=write_until_killed, args=(path, acknowledge))
    writer.start()
    acknowledge.close()
    ids = {reports.recv() for _ in range(after)}
    writer.kill()
    with suppress(EOFError):
        while True:
            ids.add(reports.recv())
    writer.join()
    assert writer.exitcode == -signal.SIGKILL
    writer.close()
    reports.close()
    return ids


def test_no_acknowledged_write_is_lost_when_it_is_killed(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "sandbox.db"
    chance = random.Random(7)
    acknowledged: set[str] = set()
    for _ in range(ROUNDS):
        acknowledged |= acknowledged_until_killed(path, chance.randrange(1, 40))
        store = Store(path, clock)
        with store.reading() as connection:
            records = list_records(connection, ACTIVITIES, EVERYTHING, {}, limit=100_000)
            sound = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
        store.close()
        assert acknowledged <= {record["id"] for record in records}
        assert sound == "ok"
    assert len(acknowledged) >= ROUNDS


def test_an_existing_file_is_used_again(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "sandbox.db"
    store = Store(path, clock)
    assert store.is_empty()
    seed(store, clock())
    store.close()
    again = Store(path, clock)
    assert not again.is_empty()
    again.close()


def test_a_failed_transaction_leaves_nothing(store: Store, clock: Clock) -> None:
    def fail() -> None:
        with store.writing() as connection:
            connection.exec_driver_sql("DELETE FROM activities")
            raise ZeroDivisionError

    seed(store, clock())
    with pytest.raises(ZeroDivisionError):
        fail()
    with store.reading() as connection:
        assert list_records(connection, ACTIVITIES, EVERYTHING, {}, limit=1) != []


async def test_lists_and_search_stay_fast_in_a_large_store(clock: Clock) -> None:
    store = Store(None, clock)
    seed_large(store, clock(), 2000)
    app = create_sandbox(SandboxConfig("i", "s", API_KEY), store, clock)
    company = f"co_{1234:016x}"
    slow = []
    async with client_of(app, API_KEY) as api:
        for query in (
            "companies",
            "companies?sort=revenue&limit=100",
            "companies?search=client0777",
            f"companies/{company}",
            "contacts?search=person1@client1999&product=mode",
            f"contacts?company_id={company}",
            f"engagements?company_id={company}&product=mode",
            f"invoices?company_id={company}&product=mode",
            f"activities?company_id={company}",
            f"activities?company_id={company}&product=mode",
            "activities?product=mode",
            "activities?product=signal",
            "activities?type=scan_completed&source=mode",
            "activities?type=nothing",
        ):
            times = []
            for _ in range(5):
                started = time.perf_counter()
                assert (await api.get(f"/api/{query}")).status_code == 200
                times.append(time.perf_counter() - started)
            if min(times) > 0.02:
                slow.append((query, min(times)))
    store.close()
    assert slow == []
