"""Cost of growth: W2 again with ten times the companies, each with ten times the invoices."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Final

from tests.bench import sessions
from tests.bench.figures import Bar, Spread
from tests.bench.load import written
from tests.bench.report import Outcome, Section, section
from tests.bench.rounds import Effort, Results, in_turn
from tests.bench.servers import (
    GUIDE,
    OURS,
    Crm,
    Kind,
    Server,
    at_hand,
    checked,
    fetched,
    serving,
    upstream,
)
from tests.bench.throughput import DRAWN, FOR_WARM, PEOPLE, WARM_UP

LARGE: Final = Crm(FOR_WARM.companies * 10, FOR_WARM.invoices * 10)
KINDS: Final = (OURS, GUIDE)
BAR: Final = Bar(1.0, at_least=False)
WEIGHED: Final = 60
"""Requests whose pages are weighed: of the same people for the same pages, in both."""


async def run(effort: Effort) -> Section:
    """How much more a request costs, beside how much longer its page is."""
    kinds = at_hand(KINDS)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers: list[Server] = []
        files: dict[str, Path] = {}
        sizes: dict[str, float] = {}
        for crm in (FOR_WARM, LARGE):
            sm_api = stack.enter_context(upstream(crm, folder))
            lines = sessions.zipf(PEOPLE, crm.companies, DRAWN)
            file = written(lines, folder / f"zipf-{crm.companies}")
            for kind in kinds:
                found = stack.enter_context(serving(kind, sm_api, folder))
                checked(found, crm)
                server = replace(found, name=_name(kind, crm))
                servers.append(server)
                files[server.name] = file
                sizes[server.name] = mean(len(fetched(server, line)) for line in lines[:WEIGHED])
        results = in_turn(servers, lambda server: files[server.name], effort, warm_up=WARM_UP)
    heading = [
        "| server | µs of CPU a request | ten times as many | cost grows | bytes grow "
        "| cost ÷ bytes | bar |",
        "|---|---|---|---|---|---|---|",
    ]
    own = _relative(OURS, results, sizes).median
    return section(
        "Cost of growth",
        f"W2 ({PEOPLE:,} people) with {FOR_WARM.companies} companies of {FOR_WARM.invoices} "
        f"invoices, and with {LARGE.companies:,} of {LARGE.invoices}: the same people share their "
        f"company's answers with a tenth as many others. {effort.rounds} rounds of "
        f"{effort.seconds:g} s in turn; median (lowest-highest). Bytes are those of the pages of "
        f"{WEIGHED} requests, the same in both.",
        [*heading, *(_row(kind, results, sizes) for kind in kinds)],
        [Outcome("growth: cost ÷ bytes of the page", f"{own:.2f}", BAR.verdict(own))],
    )


def _name(kind: Kind, crm: Crm) -> str:
    return f"{kind.name}, {crm.companies} companies"


def _costs(kind: Kind, results: Results) -> list[float]:
    """How many times as much CPU a request takes, round by round."""
    small, large = (results[_name(kind, crm)] for crm in (FOR_WARM, LARGE))
    return [after.cpu_us / before.cpu_us for before, after in zip(small, large, strict=True)]


def _longer(kind: Kind, sizes: Mapping[str, float]) -> float:
    """How many times as long a page is."""
    return sizes[_name(kind, LARGE)] / sizes[_name(kind, FOR_WARM)]


def _relative(kind: Kind, results: Results, sizes: Mapping[str, float]) -> Spread:
    return Spread.of([cost / _longer(kind, sizes) for cost in _costs(kind, results)])


def _row(kind: Kind, results: Results, sizes: Mapping[str, float]) -> str:
    relative = _relative(kind, results, sizes)
    cells = [
        kind.name,
        *(
            Spread.of([load.cpu_us for load in results[_name(kind, crm)]]).shown(0)
            for crm in (FOR_WARM, LARGE)
        ),
        Spread.of(_costs(kind, results)).shown(),
        f"{_longer(kind, sizes):.2f}",
        relative.shown(),
        BAR.verdict(relative.median) if kind is OURS else "",
    ]
    return f"| {' | '.join(cells)} |"
