"""The real programs on free ports, for what only a wire and a process can show."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parent.parent
STOP_SECONDS: Final = 20
UNHURRIED: Final = {
    "ASK_LIMIT_ADDRESS": "1000/minute",
    "ASK_LIMIT_CLIENT": "1000/minute",
    "LIVE_INTERVAL": "0.5",
    "ACCESS_FRESHNESS": "1",
    "READ_FRESHNESS": "0",
}
"""Tests ask for more mails than one person does, and wait for less."""


@dataclass(frozen=True)
class Dev:
    """A running `portal dev`: its addresses, its folder and what it printed until it was ready.

    `second_portal` is the port of another product's portal that its sandbox trusts.
    """

    portal: str
    sandbox: str
    folder: Path
    printed: str
    process: subprocess.Popen[str]
    second_portal: int


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [found.getsockname()[1] for found in sockets]


def portal(*arguments: str, folder: Path, **environ: str) -> subprocess.Popen[str]:
    """Start the command line in `folder`, with nothing of our own variables but those given."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "portal", *arguments],
        cwd=folder,
        env={**inherited, "PYTHONUNBUFFERED": "1", **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_portal(*arguments: str, folder: Path, **environ: str) -> tuple[int, str]:
    """Run a command to its end; its exit code and all it printed."""
    with portal(*arguments, folder=folder, **environ) as process:
        printed, _ = process.communicate(timeout=60)
    return process.returncode, printed


def project_in(folder: Path) -> Path:
    """A folder with the repository's configuration and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(PROJECT / "wrangler-like.toml", folder)
    return folder


@contextmanager
def running_dev(folder: Path) -> Iterator[Dev]:
    """`portal dev` on free ports in a fresh folder, stopped at the end as Ctrl-C would."""
    ports = free_ports(4)
    options = ("--port", "--sandbox-port", "--smtp-port", "--second-portal")
    words = [
        word for option, port in zip(options, ports, strict=True) for word in (option, str(port))
    ]
    process = portal("dev", *words, folder=project_in(folder), **UNHURRIED)
    try:
        printed = _until_ready(process)
        portal_origin, sandbox = (f"http://127.0.0.1:{port}" for port in ports[:2])
        yield Dev(portal_origin, sandbox, folder, printed, process, ports[3])
    finally:
        stop(process)


def stop(process: subprocess.Popen[str]) -> str:
    """Ask a process to stop and wait; what it still printed."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=STOP_SECONDS)
    return rest


def _until_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.lstrip().startswith("Ctrl-C"):
            return "".join(lines)
    raise AssertionError("portal dev ended before it was ready:\n" + "".join(lines))


def portal_writing_to(
    file: Path, *arguments: str, folder: Path, **environ: str
) -> subprocess.Popen[str]:
    """As `portal`, for a process that runs long: all it prints goes to `file`."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with file.open("w") as printed:
        return subprocess.Popen(
            [sys.executable, "-m", "portal", *arguments],
            cwd=folder,
            env={**inherited, "PYTHONUNBUFFERED": "1", **environ},
            stdout=printed,
            stderr=subprocess.STDOUT,
            text=True,
        )
