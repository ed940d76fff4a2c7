"""Workloads W1 to W3: cold, warm and hot pages, ours in turn with the peers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.bench import sessions
from tests.bench.figures import Bar
from tests.bench.load import LoadFailed, generator, written
from tests.bench.machine import CORES, resident_mb
from tests.bench.report import Outcome, Section, section
from tests.bench.rounds import CONNECTIONS, Effort, Requests, in_turn, outcomes, table
from tests.bench.servers import (
    CONSTANT,
    CONSTANT_LONG,
    GUIDE,
    GUIDE_ALL,
    HONO,
    OURS,
    TOGETHER,
    TUNED,
    Crm,
    Kind,
    Server,
    all_serving,
    at_hand,
)

FOR_COLD: Final = Crm(companies=1_000_000)
"""So many that nobody is met twice."""

FOR_WARM: Final = Crm(companies=100)
PEOPLE: Final = 1000
DRAWN: Final = 50_000
"""Requests that are drawn before the list begins again."""

MOST_A_SECOND: Final = 8000
"""More than any server here answers when nothing is kept: so many people are made for a burst."""

WARM_UP: Final = 4.0
"""Seconds after which what is kept for 5 s is there."""

COMPRESSED: Final = "the portal, asked for `gzip, br`"
MEMORY_BAR: Final = Bar(100, at_least=False)


class FirstVisits:
    """For each burst `count` people whom that server has not met; each server meets the same."""

    def __init__(self, folder: Path, effort: Effort, most_a_second: int, *, first: int = 0) -> None:
        self.count = round(most_a_second * effort.seconds)
        self._folder = folder
        self._first = first
        self._next: dict[str, int] = {}

    def __call__(self, server: Server) -> Path:
        first = self._next.get(server.name, self._first)
        self._next[server.name] = first + self.count
        lines = sessions.first_visits(first, self.count, FOR_COLD.companies)
        return written(lines, self._folder / "first-visits")


async def cold(effort: Effort) -> Section:
    """W1: every request is another person's of another company."""
    kinds, bars = [OURS, GUIDE, GUIDE_ALL, TOGETHER], {GUIDE.name: Bar(1.0)}
    with _running(kinds, FOR_COLD) as (servers, folder):
        visits = FirstVisits(folder, effort, MOST_A_SECOND)
        results = in_turn(servers, visits, effort)
    if max(load.requests for load in results[OURS.name]) > visits.count:
        raise LoadFailed(f"people were met twice: MOST_A_SECOND = {MOST_A_SECOND} is too low")
    return section(
        "W1 cold: every request misses",
        "The home page for another person of another company each time, upstream at 0 ms. The "
        "guide's worker reads the company and its engagements; ours reads the contact too, "
        f"invoices, activities and reviews, and shows them. {_how(effort)}",
        table(results, bars),
        outcomes("W1", results, bars),
    )


async def warm(effort: Effort) -> Section:
    """W2: a thousand people over the real pages, and the memory afterwards."""
    kinds, bars = [OURS, GUIDE, TUNED, HONO], {GUIDE.name: Bar(2.5)}
    with _running(kinds, FOR_WARM) as (servers, folder):
        lines = sessions.zipf(PEOPLE, FOR_WARM.companies, DRAWN)
        requests = _always(written(lines, folder / "zipf"))
        results = in_turn(servers, requests, effort, warm_up=WARM_UP)
        memory = {server.name: resident_mb(server.pid) for server in servers}
    own = Outcome(
        "memory after W2", f"{memory[OURS.name]:.0f} MB", MEMORY_BAR.verdict(memory[OURS.name])
    )
    rows = [
        f"| {name} | {mb:.0f} | {own.verdict if name == OURS.name else ''} |"
        for name, mb in memory.items()
    ]
    return section(
        "W2 warm: a thousand people over the real pages",
        f"{PEOPLE:,} signed-in people of {FOR_WARM.companies} companies, people and pages "
        f"({', '.join(f'`{page}`' for page in sessions.PAGES)}) both drawn by Zipf's law. "
        f"{WARM_UP:g} s of the same load before each burst do not count. {_how(effort)}",
        [
            *table(results, bars),
            "",
            "Resident memory of the serving processes afterwards:",
            "",
            "| server | MB | bar |",
            "|---|---|---|",
            *rows,
        ],
        [*outcomes("W2", results, bars), own],
    )


async def hot(effort: Effort) -> Section:
    """W3: one page for one person."""
    kinds = [OURS, GUIDE, TUNED, CONSTANT, CONSTANT_LONG, HONO]
    bars = {GUIDE.name: Bar(7), TUNED.name: Bar(1.0), CONSTANT.name: Bar(0.7)}
    with _running(kinds, FOR_WARM) as (servers, folder):
        servers.append(replace(servers[0], name=COMPRESSED, encodings=("gzip, br",)))
        requests = _always(written(sessions.one_page(FOR_WARM.companies), folder / "one-page"))
        results = in_turn(servers, requests, effort, warm_up=1)
    return section(
        "W3 hot: one page, one person",
        "The home page again and again; one second of the same load before each burst does not "
        f"count. {_how(effort)}",
        table(results, bars),
        outcomes("W3", results, bars),
    )


@contextmanager
def _running(kinds: Sequence[Kind], crm: Crm) -> Iterator[tuple[list[Server], Path]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with all_serving(at_hand(kinds), crm, folder) as servers:
            yield servers, folder


def _always(file: Path) -> Requests:
    return lambda _server: file


def _how(effort: Effort) -> str:
    where = "a core for the server, another for load and upstream" if len(CORES) > 1 else "one core"
    return (
        f"{CONNECTIONS} connections, {effort.rounds} rounds of {effort.seconds:g} s in turn, "
        f"load by {generator()}, {where}. Median (lowest-highest); ratios round by round."
    )
