"""Processes on cores of their own: starting, stopping, and what they cost by the kernel's count."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

CORES: Final = tuple(sorted(os.sched_getaffinity(0)))
SERVER_CORE: Final = CORES[0]
LOAD_CORE: Final = CORES[-1]
"""The same as the server's on a machine with one core, which the report then says."""

TICKS: Final = os.sysconf("SC_CLK_TCK")
STOP_SECONDS: Final = 20
STARTS_WITHIN: Final = 30
SETTLES_WITHIN: Final = 10
IDLE_SECONDS: Final = 0.1
INHERITED: Final = ("PATH", "HOME", "LANG", "PYTHONPATH")


def pinned(core: int, *command: str) -> list[str]:
    """The command, kept to one core."""
    return ["taskset", "-c", str(core), *command]


def environment(told: Mapping[str, str]) -> dict[str, str]:
    """What a process is told: nothing of ours but what finding programs needs."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | dict(told)


@contextmanager
def running(
    command: Sequence[str], core: int, folder: Path, log: Path, told: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process on `core`, all it prints in `log`, stopped at the end."""
    with log.open("wb") as printed:
        process = subprocess.Popen(
            pinned(core, *command),
            cwd=folder,
            env=environment(told),
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def listening(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until somebody answers the port. Raises RuntimeError with the log when nobody does."""
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')}")


def tree(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            found += [int(child) for child in children.read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """CPU that a process and its descendants have used, in user and kernel together."""
    return sum(_ticks(Path(f"/proc/{one}/stat").read_text()) for one in tree(pid)) / TICKS


def settled(pid: int) -> None:
    """Wait until a process has done what it was asked before, which must not count again."""
    used, until = -1.0, time.monotonic() + SETTLES_WITHIN
    while (now := cpu_seconds(pid)) > used and time.monotonic() < until:
        used = now
        time.sleep(IDLE_SECONDS)


def resident_mb(pid: int) -> float:
    """Resident memory of a process and its descendants, in MB (10^6 bytes)."""
    pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in tree(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _ticks(stat: str) -> int:
    """Fields 14 and 15 of proc_pid_stat(5); the name before them may hold blanks."""
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
