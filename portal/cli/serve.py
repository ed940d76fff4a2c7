"""`portal serve`: the production server."""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from portal.cli.collector import collector_off
from portal.cli.listener import PortTaken, bind
from portal.cli.project import add_project_options, load_project
from portal.cli.supervisor import Supervisor
from portal.edge.engine import MEMORY
from portal.metrics import SHARED_FOLDER
from portal.settings import CONFIG_VARIABLE, ENV_VARIABLE, Settings

AUTO: Final = "auto"
LEAST_BY_CORES: Final = 2
"""One serves while the other is restarted."""

MOST_WORKERS: Final = 64
CONCURRENCY: Final = "WEB_CONCURRENCY"
QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_project_options(parser)
    parser.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1")
    parser.add_argument("--port", type=int, default=8787, help="default: 8787")
    parser.add_argument(
        "--workers",
        type=worker_count,
        default=os.environ.get(CONCURRENCY) or "1",
        help=f"processes, or {AUTO}: one for each core, at least {LEAST_BY_CORES}; "
        f"default: {CONCURRENCY}, else 1",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check the configuration once, then serve. Raises ConfigError before any port is opened."""
    _, settings = load_project(arguments.config, arguments.env)
    if arguments.workers > 1 and (binding := kept_in_memory(settings)):
        print(f"{binding} is in memory, of which each worker has its own.", file=sys.stderr)
        return 1
    os.environ[CONFIG_VARIABLE] = str(arguments.config.resolve())
    os.environ[ENV_VARIABLE] = arguments.env or ""
    try:
        listener = bind(arguments.host, arguments.port)
    except PortTaken as error:
        print(f"{error}. Choose another with --port.", file=sys.stderr)
        return 1
    with listener, suppress(KeyboardInterrupt):
        if arguments.workers == 1:
            # Not above: a supervisor does without, and starts 0.2 s sooner with 20 MB less.
            with collector_off():
                from portal.cli.worker import serve
            serve(listener)
            return 0
        with TemporaryDirectory(prefix="portal-metrics-") as folder:
            os.environ[SHARED_FOLDER] = folder
            workers, delay = arguments.workers, settings.shutdown_delay
            return asyncio.run(Supervisor(listener, workers, Path(folder), delay).run())
    return 0


def worker_count(word: str) -> int:
    """How many processes a word of the command line asks for. Raises ArgumentTypeError."""
    if word == AUTO:
        return min(max(LEAST_BY_CORES, cores()), MOST_WORKERS)
    if not (word.isascii() and word.isdigit() and 1 <= int(word) <= MOST_WORKERS):
        raise argparse.ArgumentTypeError(f"a number from 1 to {MOST_WORKERS}, or {AUTO}")
    return int(word)


def cores(quota: Path = QUOTA) -> int:
    """How many cores this process may use: those it may run on, within its container's quota."""
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        most, period = quota.read_text().split()
        return max(1, min(ours or 1, math.ceil(int(most) / int(period))))
    except (OSError, ValueError):
        # There is no such file, or it says "max".
        return ours or 1


def kept_in_memory(settings: Settings) -> str:
    """The binding that processes cannot share, or nothing."""
    urls = {"STATE": settings.state_url, "ACTIVITIES": settings.activities_url}
    return next((name for name, url in urls.items() if url == MEMORY), "")
