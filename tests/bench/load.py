"""Load on a server: wrk with our Lua script, or a slower generator of ours where wrk is missing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.machine import LOAD_CORE, cpu_seconds, pinned, settled
from tests.bench.servers import Server
from tests.processes import PROJECT

SCRIPT: Final = Path(__file__).parent / "load.lua"
MARK: Final = "RESULT "
GRACE_SECONDS: Final = 60
"""What an answer may take on a machine that others use, too."""


class LoadFailed(Exception):
    """Requests failed, so that what was measured says nothing."""


@dataclass(frozen=True)
class Load:
    """What a burst of requests measured; milliseconds, and CPU seconds of the serving processes."""

    requests: int
    seconds: float
    bytes: int
    cpu: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU that an answer cost the server."""
        return self.cpu * 1e6 / self.requests

    @property
    def per_core(self) -> float:
        """Answers for each second of CPU: what a core gives that does nothing else."""
        return self.requests / self.cpu

    @property
    def busy(self) -> float:
        """The part of its core that the server used."""
        return self.cpu / self.seconds

    @property
    def page_bytes(self) -> float:
        """Bytes of an answer, head and body."""
        return self.bytes / self.requests


def generator() -> str:
    """What makes the load on this machine."""
    return "wrk" if shutil.which("wrk") else "a generator in Python (install wrk for true figures)"


def burst(server: Server, requests: Path, connections: int, seconds: float) -> Load:
    """Send the lines of a file for `seconds`. Raises LoadFailed when an answer is not a page."""
    settled(server.pid)
    before = cpu_seconds(server.pid)
    printed = warm(server, requests, connections, seconds)
    cpu = cpu_seconds(server.pid) - before
    found = [line for line in printed.splitlines() if line.startswith(MARK)]
    if not found:
        raise LoadFailed(printed)
    told = json.loads(found[0].removeprefix(MARK))
    failed = told.pop("failed")
    if failed or not told["requests"]:
        what = f"{server.name} answered {told['requests']} requests, {failed} of them badly"
        raise LoadFailed(f"{what}:\n{printed}")
    return Load(**told, cpu=cpu)


def warm(server: Server, requests: Path, connections: int, seconds: float) -> str:
    """Send the lines of a file for `seconds`, whatever is answered; what the generator prints."""
    done = subprocess.run(
        pinned(LOAD_CORE, *_command(server, requests, connections, seconds)),
        capture_output=True,
        text=True,
        cwd=PROJECT,
        timeout=seconds + 2 * GRACE_SECONDS,
    )
    return done.stdout + done.stderr


def _command(server: Server, requests: Path, connections: int, seconds: float) -> list[str]:
    address = f"http://127.0.0.1:{server.port}"
    if not shutil.which("wrk"):
        command = [sys.executable, "-m", "tests.bench.generator", address, str(requests)]
        return [*command, str(connections), str(seconds), *server.encodings]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
    command += ["--timeout", f"{GRACE_SECONDS}s", "-s", str(SCRIPT)]
    return [*command, address, "--", str(requests), *server.encodings]


def written(lines: Iterable[str], file: Path) -> Path:
    """The requests in a file, one `path token` a line."""
    file.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    return file
