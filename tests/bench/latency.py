"""Workload W4: how long a first page takes when SM API takes 30 ms for each answer."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.bench.figures import Bar, Spread, ratios
from tests.bench.load import Load, burst, written
from tests.bench.report import Outcome, Section, section
from tests.bench.rounds import Effort
from tests.bench.servers import (
    GUIDE,
    OURS,
    TOGETHER,
    UPSTREAM,
    Crm,
    Server,
    at_hand,
    checked,
    serving,
    upstream,
)
from tests.bench.throughput import FirstVisits
from tests.bench.upstream import ROUND_TRIP

DELAY_MS: Final = 30
CRM: Final = Crm(companies=1_000_000, delay_ms=DELAY_MS)
CONNECTIONS: Final = (1, 32)
MOST_A_SECOND: Final = 1200
"""More than 32 connections can get with an upstream that takes 30 ms."""

PEOPLE_APART: Final = 10_000
BARS: Final = {"p50": Bar(1.10, at_least=False), "p99": Bar(1.5, at_least=False)}
KINDS: Final = (OURS, GUIDE, TOGETHER)
Loads = Mapping[str, Sequence[Load]]


async def run(effort: Effort) -> Section:
    """p50 and p99, and how many round trips to the upstream they are."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sm_api = stack.enter_context(upstream(CRM, folder))
        servers = [stack.enter_context(serving(kind, sm_api, folder)) for kind in at_hand(KINDS)]
        for server in servers:
            checked(server, CRM)
        found = {
            connections: _measured(servers, sm_api, folder, connections, effort)
            for connections in CONNECTIONS
        }
    lines = [
        "| connections | server | p50 ms | p99 ms | p50 ÷ round trip | bar | p99 ÷ round trip "
        "| bar |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for connections, loads in found.items():
        lines += [f"| {connections} | {name} | {_cells(name, loads)} |" for name in loads]
    return section(
        f"W4 latency: upstream at {DELAY_MS} ms, cold",
        "The home page for another person of another company each time. A round trip is the p50 "
        f"of the upstream asked by the same load. {effort.rounds} rounds of {effort.seconds:g} s "
        "in turn; median (lowest-highest), ratios round by round.",
        lines,
        [one for connections, loads in found.items() for one in _outcomes(connections, loads)],
    )


def _measured(
    servers: Sequence[Server], sm_api: Server, folder: Path, connections: int, effort: Effort
) -> dict[str, list[Load]]:
    """Each server in turn, and the upstream alone, round by round."""
    visits = FirstVisits(folder, effort, MOST_A_SECOND, first=connections * PEOPLE_APART)
    direct = written([f"{ROUND_TRIP} none"], folder / "round-trip")
    found: dict[str, list[Load]] = {name: [] for name in (UPSTREAM, *(s.name for s in servers))}
    for _ in range(effort.rounds):
        found[UPSTREAM].append(burst(sm_api, direct, connections, effort.seconds))
        for server in servers:
            load = burst(server, visits(server), connections, effort.seconds)
            found[server.name].append(load)
    return found


def _in_trips(name: str, loads: Loads) -> tuple[Spread, Spread]:
    """p50 and p99 of a server in round trips to the upstream."""
    trips = [load.p50_ms for load in loads[UPSTREAM]]
    return (
        ratios([load.p50_ms for load in loads[name]], trips),
        ratios([load.p99_ms for load in loads[name]], trips),
    )


def _outcomes(connections: int, loads: Loads) -> list[Outcome]:
    asked = f"W4, {connections} at a time"
    return [
        Outcome(f"{asked}: {which} ÷ round trip", f"{trips.median:.2f}", bar.verdict(trips.median))
        for which, trips, bar in zip(BARS, _in_trips(OURS.name, loads), BARS.values(), strict=True)
    ]


def _cells(name: str, loads: Loads) -> str:
    p50, p99 = _in_trips(name, loads)
    is_ours = name == OURS.name
    cells = [
        Spread.of([load.p50_ms for load in loads[name]]).shown(1),
        Spread.of([load.p99_ms for load in loads[name]]).shown(1),
        p50.shown(),
        BARS["p50"].verdict(p50.median) if is_ours else "",
        p99.shown(),
        BARS["p99"].verdict(p99.median) if is_ours else "",
    ]
    return " | ".join(cells)
