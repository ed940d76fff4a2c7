"""Where the portal's time goes under a workload: py-spy on the serving process.

python -m tests.bench profile w3 [--seconds 3]

py-spy is no dependency of the project: it is taken from the PATH, else from a folder for temporary
files, where pip puts it the first time.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.bench import latency, sessions, sign_in, throughput
from tests.bench.load import burst, written
from tests.bench.machine import LOAD_CORE, pinned
from tests.bench.rounds import CONNECTIONS, Effort
from tests.bench.servers import OURS, Crm, Server, checked, serving, upstream
from tests.bench.throughput import FirstVisits

RATE: Final = 200
SHOWN: Final = 30
PEOPLE_A_SECOND: Final = 2000
WORKLOADS: Final[Mapping[str, Crm]] = {
    "w1": throughput.FOR_COLD,
    "w2": throughput.FOR_WARM,
    "w3": throughput.FOR_WARM,
    "w4": latency.CRM,
    "w5": sign_in.CRM,
}


def run(workload: str, effort: Effort) -> str:
    """The functions that take most, by themselves and with all they call. Raises KeyError."""
    crm, program = WORKLOADS[workload], py_spy()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sm_api = stack.enter_context(upstream(crm, folder))
        server = stack.enter_context(serving(OURS, sm_api, folder))
        checked(server, crm)
        work = _work(workload, server, crm, folder)
        work(throughput.WARM_UP)
        stacks = folder / "stacks"
        load = threading.Thread(target=work, args=(effort.seconds + 1,))
        load.start()
        recorded(program, server.pid, effort.seconds, stacks)
        load.join()
        counted = stacks.read_text(errors="replace")
    return report(workload, counted)


def _work(workload: str, server: Server, crm: Crm, folder: Path) -> Callable[[float], object]:
    """The load of a workload, for as many seconds as it is told."""
    if workload == "w5":
        return lambda seconds: asyncio.run(sign_in.signed_in(server, seconds, at_a_time=8))
    if workload in ("w1", "w4"):
        visits = FirstVisits(folder, Effort(1, 20), PEOPLE_A_SECOND)
        return lambda seconds: burst(server, visits(server), CONNECTIONS, seconds)
    lines = (
        sessions.one_page(crm.companies)
        if workload == "w3"
        else sessions.zipf(throughput.PEOPLE, crm.companies, throughput.DRAWN)
    )
    file = written(lines, folder / "requests")
    return lambda seconds: burst(server, file, CONNECTIONS, seconds)


def recorded(program: str, pid: int, seconds: float, into: Path) -> None:
    """Stacks of a process, sampled; one a line, with how often it was met."""
    command = [program, "record", "--pid", str(pid), "--format", "raw", "--output", str(into)]
    command += ["--rate", str(RATE), "--duration", str(max(1, round(seconds)))]
    done = subprocess.run(pinned(LOAD_CORE, *command), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"py-spy: {done.stderr or done.stdout}")


def py_spy() -> str:
    """The program, installed if need be."""
    found = shutil.which("py-spy")
    if found is not None:
        return found
    folder = Path(tempfile.gettempdir()) / f"mode-portal-py-spy-{os.getuid()}"
    program = folder / "bin" / "py-spy"
    if not program.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder)]
        subprocess.run([*command, "py-spy"], check=True)
    return str(program)


def report(workload: str, stacks: str) -> str:
    """Two tables from the stacks: self time, and for our own code time with all that it calls."""
    alone: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for line in stacks.splitlines():
        frames, _, count = line.rpartition(" ")
        functions = [_function(frame) for frame in frames.split(";")]
        alone[functions[-1]] += int(count)
        for function in filter(_is_ours, set(functions)):
            within[function] += int(count)
    total = alone.total() or 1
    lines = [f"## Profile of {workload}: {total:,} samples", ""]
    for title, counter in (("self", alone), ("ours, with all it calls", within)):
        lines += [f"| {title} | function |", "|---|---|"]
        lines += [f"| {n / total:.1%} | {name} |" for name, n in counter.most_common(SHOWN)]
        lines.append("")
    return "\n".join(lines)


def _is_ours(function: str) -> bool:
    return "/portal/" in function.replace(" ", "/") or function.endswith(".html")


def _function(frame: str) -> str:
    """`send (httpx2/_client.py)`, without the line and what is before the package."""
    name, _, place = frame.strip().partition(" (")
    file = place.rstrip(")").rpartition(":")[0] or place.rstrip(")")
    return f"`{name}` {'/'.join(Path(file).parts[-3:])}"
