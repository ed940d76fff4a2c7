"""The sandbox's lists and search over HTTP, with 2,000 companies and 100,000 activities."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx2 as httpx

from portal.cli.servers import bind, serving
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
        with store.reading() as connection:
            activities = connection.exec_driver_sql("SELECT count(*) FROM activities").scalar()
        store.close()
    rows = [f"| `{path}` | {t.median:.1f} | {t.p95:.1f} |" for path, t in timings.items()]
    slowest = max(t.p95 for t in timings.values())
    verdict = "all below" if slowest < BAR_MS else "NOT all below"
    return "\n".join(
        [
            "## The sandbox's lists and search",
            "",
            f"{total:,} companies, {activities:,} activities; one call at a time over HTTP on "
            f"loopback, {ROUNDS} rounds in turn. The bar is {BAR_MS} ms: {verdict}.",
            "",
            "| call | median ms | p95 ms |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _get(client: httpx.AsyncClient, path: str) -> Callable[[], Awaitable[object]]:
    async def call() -> None:
        (await client.get(path)).raise_for_status()

    return call
