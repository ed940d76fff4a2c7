"""`portal serve`: how many processes, what they are given, and what is refused before a port opens.

What the processes do is in tests/blackbox/test_restart.py.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from portal.cli.listener import PortTaken, bind
from portal.cli.serve import LEAST_BY_CORES, cores, kept_in_memory, worker_count
from portal.cli.supervisor import Orders, Supervisor
from tests.processes import PROJECT
from tests.stage import settings_for


def test_the_procfile_starts_one_process_for_each_core_unless_told_otherwise() -> None:
    [web] = [line for line in (PROJECT / "Procfile").read_text().splitlines() if "web:" in line]
    assert "portal serve --env ${PORTAL_ENV:-production}" in web
    assert "--workers ${WEB_CONCURRENCY:-auto}" in web
    assert worker_count("auto") == max(LEAST_BY_CORES, cores(Path("/no/such/file")))


@pytest.mark.parametrize(("word", "count"), [("1", 1), ("2", 2), ("64", 64)])
def test_a_number_of_workers_is_taken_as_it_is(word: str, count: int) -> None:
    assert worker_count(word) == count


@pytest.mark.parametrize("word", ["0", "-1", "65", "many", "", "2.5", "²"])
def test_what_is_no_number_of_workers_is_refused(word: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        worker_count(word)


@pytest.mark.parametrize(("quota", "count"), [("100000 100000", 1), ("50000 100000", 1)])
def test_a_containers_quota_counts(tmp_path: Path, quota: str, count: int) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(f"{quota}\n")
    assert cores(file) == count


@pytest.mark.parametrize("quota", ["max 100000", "", "nonsense", "1000000000 1000"])
def test_without_a_quota_every_core_counts(tmp_path: Path, quota: str) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    assert cores(file) == len(os.sched_getaffinity(0))


def test_what_processes_cannot_share_is_named(tmp_path: Path) -> None:
    file = f"sqlite:{tmp_path}/x.db"
    assert kept_in_memory(settings_for()) == "STATE"
    shared = settings_for(environment="production")
    for name, left in (("state_url", "ACTIVITIES"), ("activities_url", "")):
        object.__setattr__(shared, name, file)
        assert kept_in_memory(shared) == left


def test_a_port_is_bound_for_either_family_and_only_once() -> None:
    for host in ("127.0.0.1", "::1"):
        with closing(bind(host, 0)) as listener:
            port = listener.getsockname()[1]
            with pytest.raises(PortTaken, match=f":{port} is taken"):
                bind(host, port)


def test_orders_are_read_as_they_are_written() -> None:
    orders = Orders(3, 4, 5, "0")
    assert Orders.read(orders.written()) == orders


# What is loaded


def loaded_by(script: str) -> set[str]:
    """The packages, and the portal's own modules, that a new process has after a script."""
    script += (
        "\nimport sys\nfor name in sys.modules:"
        "\n    print(name if name.startswith('portal.') else name.partition('.')[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PROJECT
    )
    return set(done.stdout.split())


def test_a_supervisor_does_not_carry_what_its_workers_serve_with() -> None:
    loaded = loaded_by("from portal.cli.main import parser; parser('serve')")
    assert "portal.cli.supervisor" in loaded
    assert not loaded & {"portal.asgi", "portal.app", "starlette", "uvicorn", "jinja2", "joserfc"}


def test_a_worker_starts_without_what_only_some_ask_for() -> None:
    loaded = loaded_by("import portal.cli.worker")
    assert {"portal.asgi", "portal.auth.session", "portal.auth.google.provider"} <= loaded
    assert not loaded & {"authlib", "joserfc", "cryptography", "portal.pages.search"}


# The supervisor, with workers that do next to nothing

WORKER = """
import os, signal, sys, time
listener, ready, lifeline, place = sys.argv[1:]
with open(sys.argv[0] + ".places", "a") as places:
    places.write(place)
{before}
os.write(int(ready), b".")
os.close(int(ready))
os.read(int(lifeline), 1)
"""
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


class Workers:
    """A program to be run by a supervisor, which can be changed while it runs."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "worker.py"
        self.change("")

    def change(self, before: str) -> None:
        """What a worker does before it is ready."""
        self.file.write_text(WORKER.format(before=before))

    @property
    def places(self) -> str:
        """The places of all that were started, in their order."""
        return Path(f"{self.file}.places").read_text()


@pytest.fixture
def workers(tmp_path: Path) -> Workers:
    return Workers(tmp_path)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(bind("127.0.0.1", 0)) as made:
        yield made


def supervisor(listener: socket.socket, workers: Workers, count: int = 2) -> Supervisor:
    command = (sys.executable, "-S", "-E", str(workers.file))
    return Supervisor(listener, count, workers.file.parent, command=command)


async def events(log_lines: io.StringIO, name: str, times: int = 1) -> None:
    """Until the log holds an event so often."""
    async with asyncio.timeout(20):
        while log_lines.getvalue().count(f'"{name}"') < times:  # noqa: ASYNC110 # it tells nobody
            await asyncio.sleep(0.01)


async def test_workers_are_replaced_one_by_one_and_when_they_die(
    listener: socket.socket, workers: Workers, log_lines: io.StringIO
) -> None:
    running = asyncio.create_task(supervisor(listener, workers).run())
    await events(log_lines, "workers_started")
    assert sorted(workers.places) == ["0", "1"]
    os.kill(os.getpid(), signal.SIGHUP)
    await events(log_lines, "workers_restarted")
    # The first new one comes while both old ones live; the second takes the place that is free.
    assert workers.places[2:] in ("20", "21")
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(running, 10) == 0
    assert listener.fileno() == -1


async def test_a_worker_that_does_not_come_to_serve_ends_the_restart_and_not_the_service(
    listener: socket.socket, workers: Workers, log_lines: io.StringIO
) -> None:
    running = asyncio.create_task(supervisor(listener, workers).run())
    await events(log_lines, "workers_started")
    workers.change("sys.exit(3)")
    os.kill(os.getpid(), signal.SIGHUP)
    await events(log_lines, "restart_given_up")
    assert log_lines.getvalue().count("worker_ended") == 1
    os.kill(os.getpid(), signal.SIGINT)
    assert await asyncio.wait_for(running, 10) == 0


async def test_a_server_whose_first_workers_do_not_serve_ends_with_an_error(
    listener: socket.socket, workers: Workers, log_lines: io.StringIO
) -> None:
    workers.change("sys.exit(3)")
    assert await asyncio.wait_for(supervisor(listener, workers).run(), 20) == 1
    assert "workers_not_started" in log_lines.getvalue()


async def test_workers_that_do_not_end_are_killed(
    listener: socket.socket,
    workers: Workers,
    log_lines: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portal.cli.supervisor.STOP_SECONDS", 0.1)
    workers.change(DEAF)
    running = asyncio.create_task(supervisor(listener, workers).run())
    await events(log_lines, "workers_started")
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(running, 10) == 0
    assert log_lines.getvalue().count(f'"code":{-signal.SIGKILL}') == 2


async def test_being_asked_twice_ends_everything_at_once(
    listener: socket.socket, workers: Workers, log_lines: io.StringIO
) -> None:
    workers.change(DEAF)
    running = asyncio.create_task(supervisor(listener, workers).run())
    await events(log_lines, "workers_started")
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0)
    assert await asyncio.wait_for(running, 5) == 0
