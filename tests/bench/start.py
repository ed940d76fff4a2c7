"""From starting a process to its first page, and what the imports on the way cost."""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from typing import Final

from tests.bench.figures import Bar, Spread
from tests.bench.report import Outcome, Section, section
from tests.bench.rounds import Effort
from tests.bench.servers import (
    GUIDE,
    HONO,
    OURS,
    Crm,
    Kind,
    Server,
    at_hand,
    checked,
    serving,
    upstream,
)

CRM: Final = Crm(companies=1000)
KINDS: Final = (OURS, GUIDE, HONO)
BAR: Final = Bar(0.6, at_least=False)
PATIENCE: Final = 30
SHOWN: Final = 20
IMPORT: Final = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s*([\w.]+)")


async def run(effort: Effort) -> Section:
    """Seconds to the first page, and the packages that take most of them."""
    kinds = at_hand(KINDS)
    taken: dict[str, list[float]] = {kind.name: [] for kind in kinds}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sm_api = stack.enter_context(upstream(CRM, folder))
        for number in range(effort.rounds + 1):
            for kind in kinds:
                seconds, _ = _started(kind, sm_api, folder)
                if number:
                    taken[kind.name].append(seconds)
        _, log = _started(replace(OURS, command=_telling_imports), sm_api, folder)
    spreads = {name: Spread.of(values) for name, values in taken.items()}
    rows = [
        f"| {name} | {spread.shown()} | {BAR.verdict(spread.median) if name == OURS.name else ''} |"
        for name, spread in spreads.items()
    ]
    own = spreads[OURS.name].median
    return section(
        "From start to first page",
        f"Seconds from starting the process to a whole signed-in page, {effort.rounds} starts of "
        "each in turn, files in the page cache. Median (lowest-highest).",
        [
            "| server | s | bar |",
            "|---|---|---|",
            *rows,
            "",
            "The portal's imports by cost, each package with its own modules only (`python -X "
            "importtime`, which itself adds to every one):",
            "",
            "| package | ms | modules |",
            "|---|---|---|",
            *by_package(log)[:SHOWN],
        ],
        [Outcome("start to first page", f"{own:.2f} s", BAR.verdict(own))],
    )


def _telling_imports(port: int) -> list[str]:
    interpreter, *words = OURS.command(port)
    return [interpreter, "-X", "importtime", *words]


def _started(kind: Kind, sm_api: Server, folder: Path) -> tuple[float, str]:
    """Seconds to the first page, and what the process printed."""
    began = time.perf_counter()
    with serving(kind, sm_api, folder, is_ready=False) as server:
        while True:
            # Nobody listens yet, or (workerd) somebody does before its worker is there.
            with contextlib.suppress(OSError, HTTPException):
                checked(server, CRM)
                break
            if time.perf_counter() - began > PATIENCE:
                raise TimeoutError(f"{kind.name} did not start")
            time.sleep(0.002)
        seconds = time.perf_counter() - began
    return seconds, (folder / f"{server.port}.log").read_text(errors="replace")


def by_package(log: str) -> Sequence[str]:
    """Rows of a table from what `-X importtime` printed: the dearest package first."""
    cost: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    for microseconds, name in IMPORT.findall(log):
        package = name.partition(".")[0]
        cost[package] += int(microseconds)
        modules[package] += 1
    rows = [
        f"| {package} | {us / 1000:.1f} | {modules[package]} |"
        for package, us in cost.most_common()
    ]
    return [f"| all | {cost.total() / 1000:.1f} | {modules.total()} |", *rows]
