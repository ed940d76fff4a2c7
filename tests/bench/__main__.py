"""`make bench`: run the benchmarks and write what they measured to docs/benchmarks.md.

python -m tests.bench [NAME…] [--rounds 5] [--seconds 3]
python -m tests.bench profile w3 [--seconds 3]   where the portal's time goes; writes nothing
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from tests.bench import (
    documents,
    growth,
    http_clients,
    latency,
    live,
    profile,
    sandbox_lists,
    sign_in,
    start,
    throughput,
)
from tests.bench.load import generator
from tests.bench.report import Section, summary
from tests.bench.rounds import Effort
from tests.bench.servers import PEERS

RATIOS: Final[dict[str, Callable[[Effort], Awaitable[Section]]]] = {
    "w1": throughput.cold,
    "w2": throughput.warm,
    "w3": throughput.hot,
    "w4": latency.run,
    "w5": sign_in.run,
    "start": start.run,
    "growth": growth.run,
}
"""Those that take as long as they are told."""

OTHERS: Final[dict[str, Callable[[], Awaitable[str]]]] = {
    "sandbox-lists": sandbox_lists.run,
    "http-clients": http_clients.run,
    "documents": documents.run,
    "live": live.run,
}
NAMES: Final = (*RATIOS, *OTHERS)
PROFILE: Final = "profile"
REPORT: Final = Path(__file__).parent.parent.parent / "docs" / "benchmarks.md"
PACKAGES: Final = (
    "starlette",
    "uvicorn",
    "uvloop",
    "httptools",
    "httpx2",
    "sqlalchemy",
    "msgspec",
    "typst",
)


def heading() -> str:
    """When, on what machine, with which versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        "# Benchmarks\n\nWritten by `make bench`; the figures are of one run on one machine. One "
        "alone, and shorter: `python -m tests.bench w3 --rounds 1 --seconds 2`; where its time "
        "goes: `python -m tests.bench profile w3`.\n\n"
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()} on {platform.machine()}, "
        f"{os.cpu_count()} cores of {processor()}, Python {platform.python_version()}, {versions}, "
        f"{', '.join(tools())}.\n"
    )


def processor() -> str:
    """What the kernel calls the processor; the architecture where it says nothing."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def tools() -> list[str]:
    """What else takes part: Node, the peers' packages, the generator of the load."""
    if shutil.which("node") is None:
        return ["no Node and so no peers", f"load by {generator()}"]
    locked = msgspec.json.decode((PEERS / "package.json").read_bytes())["dependencies"]
    node = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout
    return [
        f"Node {node.strip().removeprefix('v')}",
        *(f"{name} {number}" for name, number in locked.items()),
        f"load by {generator()}",
    ]


async def run(names: list[str], effort: Effort) -> None:
    """Run the named benchmarks, all without names, which alone are written down."""
    sections = []
    for name in names or NAMES:
        print(f"{name} …", flush=True)
        sections.append(await _run(name, effort))
        print(sections[-1].text, flush=True)
    bars = summary([outcome for one in sections for outcome in one.outcomes])
    if any(name in RATIOS for name in names or NAMES):
        print(bars)
    if not names:
        parts = [heading(), bars, *(one.text for one in sections)]
        REPORT.write_text("\n".join(parts), encoding="utf-8")
        print(f"Written to docs/{REPORT.name}")


async def _run(name: str, effort: Effort) -> Section:
    if name in RATIOS:
        return await RATIOS[name](effort)
    return Section(await OTHERS[name]())


def options() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join((*NAMES, PROFILE)))
    parser.add_argument("--rounds", type=int, default=Effort.rounds)
    parser.add_argument("--seconds", type=float, default=Effort.seconds)
    told = parser.parse_args()
    told.is_profile = told.names[:1] == [PROFILE]
    told.names = told.names[1:] if told.is_profile else told.names
    known = profile.WORKLOADS if told.is_profile else NAMES
    unknown = [name for name in told.names if name not in known]
    if unknown or (told.is_profile and not told.names):
        parser.error(f"name one of {', '.join(known)}")
    return told


if __name__ == "__main__":
    told = options()
    effort = Effort(told.rounds, told.seconds)
    if told.is_profile:
        for workload in told.names:
            print(profile.run(workload, effort))
    else:
        asyncio.run(run(told.names, effort))
