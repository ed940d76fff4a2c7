"""What the kernel says of a process and those that it started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.machine import cpu_seconds, environment, listening, resident_mb, running, tree
from tests.processes import free_ports

PARENT = """
import sys
from subprocess import PIPE, Popen
child = Popen([sys.executable, "-c", "print(flush=True); input()"], stdin=PIPE, stdout=PIPE)
child.stdout.readline()
print(child.pid, flush=True)
input()
"""


def test_a_tree_is_a_process_and_what_it_started() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=pipe, stdout=pipe) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert tree(parent.pid) == [parent.pid, child]
        assert resident_mb(parent.pid) > resident_mb(child) > 1
        parent.communicate(b"\n")


def test_cpu_is_counted() -> None:
    before = cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) < before + 0.02:
        sum(range(10_000))
    assert cpu_seconds(os.getpid()) - before < 5


def test_a_process_that_does_not_start_shows_what_it_printed(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    log = tmp_path / "log"
    command = [sys.executable, "-c", "raise SystemExit('no such luck')"]
    with running(command, min(os.sched_getaffinity(0)), tmp_path, log, {}) as process:
        process.wait(20)
        with pytest.raises(RuntimeError, match="no such luck"):
            listening(port, process, log)


def test_processes_are_told_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SM_API_KEY", "a-key-of-whoever-runs-the-benchmarks")
    assert environment({"PORT": "1"})["PORT"] == "1"
    assert "SM_API_KEY" not in environment({})
