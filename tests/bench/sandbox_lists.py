"""The sandbox's lists and search over HTTP, with 2,000 companies and 100,000 activities."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx
from sqlalchemy import event

from portal.cli.listener import bind
from portal.cli.servers import serving
from portal.sandbox.app import SandboxConfig, create_sandbox
from portal.sandbox.demo import seed, seed_large
from portal.sandbox.store import Store
from tests.bench.timing import in_turn

COMPANIES: Final = 2000
ROUNDS: Final = 60
KEY: Final = "key-of-the-benchmark"
BAR_MS: Final = 20
CALLS: Final = (
    "/api/companies?product=mode",
    "/api/companies?product=mode&page=20&limit=100",
    "/api/companies?search=corp",
    "/api/companies?sort=revenue",
    "/api/companies/co_abc123",
    "/api/contacts?search=jane@acme.com",
    "/api/contacts?product=mode&limit=100",
    "/api/engagements?company_id=co_abc123&product=mode",
    "/api/invoices?company_id=co_abc123",
    "/api/activities",
    "/api/activities?company_id=co_abc123&limit=500",
    "/api/activities?type=scan_completed",
    "/api/activities?source=mode",
)


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


async def run() -> str:
    """Median and 95th percentile of each call, as a section of the report."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "large.db", utc_now)
        seed(store, utc_now())
        seed_large(store, utc_now(), COMPANIES)
        app = create_sandbox(SandboxConfig("id", "secret", KEY), store, utc_now)
        listener = bind("127.0.0.1", 0)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with (
            serving(app, listener),
            httpx.AsyncClient(base_url=address, headers={"X-SM-Key": KEY}) as client,
        ):
            total = (await client.get("/api/companies")).json()["data"]["total"]
            timings = await in_turn({path: _get(client, path) for path in CALLS}, ROUNDS)
            indexes = {path: await _indexes(client, store, path) for path in CALLS}
        with store.reading() as connection:
            activities = connection.exec_driver_sql("SELECT count(*) FROM activities").scalar()
        store.close()
    rows = [
        f"| `{path}` | {t.median:.1f} | {t.p95:.1f} | {', '.join(indexes[path])} |"
        for path, t in timings.items()
    ]
    slowest = max(t.p95 for t in timings.values())
    verdict = "all below" if slowest < BAR_MS else "NOT all below"
    return "\n".join(
        [
            "## The sandbox's lists and search",
            "",
            f"{total:,} companies, {activities:,} activities; one call at a time over HTTP on "
            f"loopback, {ROUNDS} rounds in turn. The bar is {BAR_MS} ms: {verdict}.",
            "",
            "The last column is what SQLite's query plan reads: indexes, and the tables that it "
            "goes through without one (search is a substring test, which no index answers).",
            "",
            "| call | median ms | p95 ms | reads |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _get(client: httpx.AsyncClient, path: str) -> Callable[[], Awaitable[object]]:
    async def call() -> None:
        (await client.get(path)).raise_for_status()

    return call


async def _indexes(client: httpx.AsyncClient, store: Store, path: str) -> list[str]:
    """What the query plans of a call read, in order, each once."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked.append((statement, parameters))

    with store.reading() as connection:
        engine = connection.engine
    event.listen(engine, "before_cursor_execute", note)
    (await client.get(path)).raise_for_status()
    event.remove(engine, "before_cursor_execute", note)
    with store.reading() as connection:
        plans = [
            str(row[-1])
            for statement, parameters in asked
            if statement.startswith("SELECT") and "api_keys" not in statement
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    return list(dict.fromkeys(name for plan in plans if (name := _read_in(plan))))


def _read_in(plan: str) -> str | None:
    """The index or table that one line of a plan reads; a key is not worth a word."""
    using = re.search(r"USING (?:COVERING )?INDEX (\w+)", plan)
    if using is not None:
        return None if using[1].startswith("sqlite_autoindex") else f"`{using[1]}`"
    scanned = re.match(r"SCAN (\w+)", plan)
    return f"all of {scanned[1]}" if scanned else None
