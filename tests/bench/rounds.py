"""Servers measured in turn, round after round, and the table of what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.figures import Bar, Spread, ratios
from tests.bench.load import Load, burst, warm
from tests.bench.report import Outcome
from tests.bench.servers import OURS, Server

CONNECTIONS: Final = 32


@dataclass(frozen=True)
class Effort:
    """How long is measured: rounds, and seconds of each burst."""

    rounds: int = 5
    seconds: float = 3


Requests = Callable[[Server], Path]
"""The file of requests for the next burst at a server."""

Results = Mapping[str, Sequence[Load]]


def in_turn(
    servers: Sequence[Server],
    requests: Requests,
    effort: Effort,
    *,
    connections: int = CONNECTIONS,
    warm_up: float = 0,
) -> dict[str, list[Load]]:
    """Every server once a round, after `warm_up` seconds of the same load that do not count."""
    found: dict[str, list[Load]] = {server.name: [] for server in servers}
    for _ in range(effort.rounds):
        for server in servers:
            file = requests(server)
            if warm_up:
                warm(server, file, connections, warm_up)
            found[server.name].append(burst(server, file, connections, effort.seconds))
    return found


def table(results: Results, bars: Mapping[str, Bar]) -> list[str]:
    """Lines of Markdown: what each server did, and our ratio to it with its bar, if it has one.

    A bar counts as met when both ratios meet it, by the clock and by the CPU.
    """
    lines = [
        "| server | requests/s | µs of CPU a request | core busy | p50 ms | p99 ms | kB a page "
        "| ours ÷ it, by the clock | ours ÷ it, by CPU | bar |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, loads in results.items():
        cells = [
            name,
            Spread.of([load.per_second for load in loads]).shown(0),
            Spread.of([load.cpu_us for load in loads]).shown(0),
            f"{Spread.of([load.busy for load in loads]).median:.0%}",
            f"{Spread.of([load.p50_ms for load in loads]).median:.2f}",
            f"{Spread.of([load.p99_ms for load in loads]).median:.2f}",
            f"{Spread.of([load.page_bytes for load in loads]).median / 1000:.1f}",
        ]
        if name != OURS.name:
            clock, cpu = to_ours(results, name)
            bar = bars.get(name)
            cells += [clock.shown(), cpu.shown()]
            cells.append(bar.verdict(clock.median, cpu.median) if bar else "")
        else:
            cells += ["", "", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def outcomes(workload: str, results: Results, bars: Mapping[str, Bar]) -> list[Outcome]:
    """What came of each bar of a table; a peer that is not at hand has none."""
    found = []
    for name, bar in bars.items():
        if name not in results:
            continue
        clock, cpu = to_ours(results, name)
        figure = f"{clock.median:.2f} by the clock, {cpu.median:.2f} by CPU"
        verdict = bar.verdict(clock.median, cpu.median)
        found.append(Outcome(f"{workload}: ours ÷ {name}", figure, verdict))
    return found


def to_ours(results: Results, name: str) -> tuple[Spread, Spread]:
    """Our requests a second divided by a server's: by the clock, and by the CPU used."""
    ours, theirs = results[OURS.name], results[name]
    return (
        ratios([load.per_second for load in ours], [load.per_second for load in theirs]),
        ratios([load.per_core for load in ours], [load.per_core for load in theirs]),
    )
