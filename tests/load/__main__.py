"""`make load`: many clients at their pages at once; what came of it is written to docs/load.md.

python -m tests.load [--seconds 60] [--clients 200] [--requests 10000]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from tests.bench.crm import engagement_id, invoice_id
from tests.bench.machine import resident_mb
from tests.bench.servers import OURS, Crm, Server, fetched, serving, upstream
from tests.bench.sessions import PAGES, token
from tests.load.clients import Tally, Visit, watched
from tests.load.growth import Sample, after_warm_up, growth

DOCUMENT: Final = Path(__file__).parent.parent.parent / "docs" / "load.md"
COMPANIES: Final = 50
SEED: Final = 20261124
READS: Final = 5.0
"""Seconds that somebody stays at a page, on the average."""

HASTY: Final = 16
"""Clients who read nothing: so memory meets many requests in a short time."""

FILLING: Final = 0.5
"""Requests of the hasty that fill caches, for each that is measured."""

MOST_GROWTH: Final = 2.0
"""MB for 10,000 requests."""

INTRODUCTION: Final = f"""\
# Load

Written by `make load`. First, signed-in clients at their pages at once, reading for {READS:g} s on
the average before they ask for the next page. Then {HASTY} clients who ask for page after page
without reading, which shows whether memory grows. One process of the portal on one core, which has
shown each page once; the upstream, which answers at once, and the clients on another.

It fails when a request is answered with anything but 200, or when memory grows by more than
{MOST_GROWTH:g} MB for 10,000 requests, once caches are full. For half an hour:
`python -m tests.load --seconds 1800 --requests 100000`.

"""


@dataclass(frozen=True)
class Outcome:
    """A run: what the many saw, what the hasty saw, and how large the portal was in between."""

    clients: int
    seconds: float
    many: Tally
    hasty: Tally
    samples: list[Sample]

    @property
    def errors(self) -> int:
        """Of both."""
        return self.many.errors + self.hasty.errors

    @property
    def growth(self) -> float:
        """MB for 10,000 requests."""
        return growth(after_warm_up(self.samples))

    def rows(self) -> Mapping[str, str]:
        """The figures, as words."""
        seen, warm = self.many.seconds, after_warm_up(self.samples)
        centiles = statistics.quantiles(seen, n=100)
        return {
            "clients at once": f"{self.clients}, for {self.seconds:.0f} s",
            "requests": f"{len(seen):,}, {len(seen) / self.seconds:,.0f} a second",
            "median, 99th centile, slowest": (
                f"{centiles[49] * 1000:.0f} ms, {centiles[98] * 1000:.0f} ms, "
                f"{max(seen) * 1000:.0f} ms"
            ),
            "requests of the hasty": f"{len(self.hasty.seconds):,}",
            "MB resident once caches are full, at the end": (
                f"{warm[0].resident_mb:.1f}, {warm[-1].resident_mb:.1f}"
            ),
            "growth for 10,000 requests": f"{self.growth:.2f} MB",
            "errors": f"{self.errors}",
        }


async def load(server: Server, clients: int, seconds: float, requests: int) -> Outcome:
    """Many for so long, then the hasty for so many requests beside those that fill caches."""
    many, hasty, samples = Tally(), Tally(), list[Sample]()
    for request in _requests(0):
        fetched(server, request)
    started = time.monotonic()
    await _visited(server, clients, READS, many, lambda: time.monotonic() - started > seconds)
    passed = time.monotonic() - started
    total = int(requests * (1 + FILLING))

    def is_over() -> bool:
        return len(hasty.seconds) >= total or bool(hasty.errors)

    def look() -> None:
        samples.append(Sample(len(hasty.seconds), resident_mb(server.pid)))

    look()
    await asyncio.gather(_visited(server, HASTY, 0, hasty, is_over), watched(look, is_over))
    return Outcome(clients, passed, many, hasty, samples)


async def _visited(
    server: Server, clients: int, reads: float, tally: Tally, over: Callable[[], bool]
) -> None:
    async with asyncio.TaskGroup() as group:
        for person in range(clients):
            visit = Visit(_requests(person), reads, over, Random(SEED + person))
            group.create_task(visit.pay(server.port, tally))


def _requests(person: int) -> list[str]:
    """Each page, as this person asks for it."""
    company = person % COMPANIES
    ids = {"engagement": engagement_id(company), "invoice": invoice_id(company)}
    return [f"{page.format(**ids)} {token(person, COMPANIES)}" for page in PAGES]


def document(outcome: Outcome) -> str:
    """What docs/load.md says."""
    machine = (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()} on {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}."
    )
    rows = [f"| {name} | {value} |" for name, value in outcome.rows().items()]
    return INTRODUCTION + "\n".join([machine, "", "| | |", "|---|---|", *rows, ""])


def main() -> int:
    """Run, print, write; 1 when there was an error, or memory grew."""
    parser = argparse.ArgumentParser(prog="python -m tests.load")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--requests", type=int, default=10_000, help="of the hasty")
    told = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        with upstream(Crm(COMPANIES), folder) as sm_api, serving(OURS, sm_api, folder) as server:
            outcome = asyncio.run(load(server, told.clients, told.seconds, told.requests))
    for figure, value in outcome.rows().items():
        sys.stdout.write(f"{figure}: {value}\n")
    if outcome.errors or outcome.growth > MOST_GROWTH:
        for tally in (outcome.many, outcome.hasty):
            sys.stderr.write(f"{dict(tally.statuses)} {dict(tally.failures)}\n")
        return 1
    DOCUMENT.write_text(document(outcome), encoding="utf-8")
    sys.stdout.write(f"Written to docs/{DOCUMENT.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
