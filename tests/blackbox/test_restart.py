"""A server of several processes: restarted under load, counted as one, and stopped in time."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from typing import Final

import httpx2 as httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.blackbox.browser import Portal, status_of
from tests.blackbox.stand import SECRETS, Stand, until
from tests.processes import UNHURRIED, free_ports, portal_writing_to, project_in, stop

DELAY: Final = 2
"""Seconds that `single` goes on taking requests."""

STOPPED_BY: Final = 10.0
"""Seconds in which a server has ended, whatever its requests do."""

PAGES: Final = ("/", "/invoices", "/account")
REST: Final = b"jane@acme.test"
PACE: Final = 0.05
"""Seconds between two requests of a visitor, who shares the machine with what is started."""

FAILED: Final = (http.client.HTTPException, OSError)


@contextmanager
def started(stand: Stand, folder: Path, *words: str, **environ: str) -> Iterator[Portal]:
    """`portal serve` at the stand's SM API, perhaps not yet ready; stopped at the end."""
    (port,) = free_ports(1)
    origin, log = f"http://127.0.0.1:{port}", folder.with_suffix(".log")
    told = {
        **SECRETS,
        **UNHURRIED,
        "PORTAL_ORIGIN": origin,
        "SM_API_URL": str(stand.crm.base_url).rstrip("/"),
        # As in production: the pages are asked for, not the sandbox.
        "READ_FRESHNESS": "5",
        "ACCESS_FRESHNESS": "30",
        **environ,
    }
    process = portal_writing_to(
        log, "serve", "--port", str(port), *words, folder=project_in(folder), **told
    )
    try:
        with httpx.Client(base_url=origin, timeout=20, trust_env=False) as client:
            yield Portal(folder.name, origin, port, folder, log, process, client)
    finally:
        stop(process)


def is_well(portal: Portal) -> bool:
    assert portal.process.poll() is None, portal.log.read_text()
    try:
        return bool(asked(portal, "/readyz").json()["ok"])
    except httpx.TransportError:
        return False


def asked(portal: Portal, path: str) -> httpx.Response:
    """The answer on a connection of its own."""
    return httpx.get(f"{portal.origin}{path}", trust_env=False, timeout=20)


@dataclass(frozen=True)
class Servers:
    """One of two processes, and one of one that leaves slowly."""

    pair: Portal
    single: Portal


@pytest.fixture(scope="module")
def servers(stand: Stand, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("servers")
    with (
        started(stand, folder / "pair", "--workers", "2") as pair,
        started(stand, folder / "single", SHUTDOWN_DELAY=str(DELAY)) as single,
    ):
        for portal in (pair, single):
            until(partial(is_well, portal), seconds=60)
        yield Servers(pair, single)


@pytest.fixture
def pair(servers: Servers) -> Portal:
    return servers.pair


@pytest.fixture
def cookie(stand: Stand) -> str:
    """The Cookie header of somebody who is signed in."""
    return f"sm_client={stand.token(stand.person())}"


@dataclass
class Visitor:
    """Asks for pages one after another, on one connection or on a new one each time."""

    port: int
    cookie: str
    keeps_alive: bool
    answers: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    repeated: int = 0

    def visit(self, until_set: Event) -> None:
        connection, used = self._connection(), False
        while not until_set.wait(PACE):
            path = PAGES[len(self.answers) % len(PAGES)]
            try:
                self.answers.append(self._ask(connection, path))
            except FAILED as error:
                connection.close()
                if used:
                    # As every client does: the server had closed what it thought was idle.
                    self.repeated += 1
                    used = False
                else:
                    self.failures.append(f"{path}: {error!r}")
                continue
            used = self.keeps_alive and connection.sock is not None
            if not used:
                connection.close()
        connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def _ask(self, connection: http.client.HTTPConnection, path: str) -> int:
        headers = {"Cookie": self.cookie, "Accept": "text/html", "Sec-Fetch-Site": "none"}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        assert answer.read()
        return answer.status


def workers_of(portal: Portal) -> frozenset[int]:
    """The processes that answer, as the kernel knows them."""
    children = Path(f"/proc/{portal.process.pid}/task/{portal.process.pid}/children")
    return frozenset(int(word) for word in children.read_text().split())


def test_a_restart_under_load_drops_no_request(pair: Portal, cookie: str) -> None:
    before, over = workers_of(pair), Event()
    visitors = [Visitor(pair.port, cookie, keeps_alive=n % 2 == 0) for n in range(4)]
    with ThreadPoolExecutor(len(visitors)) as threads:
        visits = [threads.submit(visitor.visit, over) for visitor in visitors]
        try:
            until(lambda: all(visitor.answers for visitor in visitors))
            restarts = pair.log.read_text().count("workers_restarted")
            pair.process.send_signal(signal.SIGHUP)
            until(lambda: pair.log.read_text().count("workers_restarted") > restarts, seconds=60)
            counts = [len(visitor.answers) for visitor in visitors]
            until(lambda: all(len(v.answers) > n for v, n in zip(visitors, counts, strict=True)))
        finally:
            over.set()
        for visit in visits:
            visit.result()
    assert len(before) == len(workers_of(pair)) == 2
    assert not before & workers_of(pair)
    assert [visitor.failures for visitor in visitors] == [[]] * len(visitors)
    assert {status for visitor in visitors for status in visitor.answers} == {200}
    assert max(visitor.repeated for visitor in visitors) <= 2


def requests_counted(portal: Portal, route: str) -> float:
    scraped = asked(portal, "/metrics")
    assert scraped.status_code == 200
    return sum(
        sample.value
        for family in text_string_to_metric_families(scraped.text)
        for sample in family.samples
        if sample.name == "portal_requests_total" and sample.labels["route"] == route
    )


def asked_until_both_answer(portal: Portal, path: str) -> int:
    """Ask on new connections until each of the two processes had one; how often that was."""
    before, times = cpu_of(portal), 0

    def both() -> bool:
        nonlocal times
        for _ in range(20):
            assert asked(portal, path).status_code == 200
            times += 1
        now = cpu_of(portal)
        return all(now[pid] > before[pid] for pid in before)

    until(both)
    return times


def cpu_of(portal: Portal) -> dict[int, int]:
    """How much each worker has run so far, by the kernel's clock."""
    return {
        pid: sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
        for pid in workers_of(portal)
    }


def test_a_scrape_of_any_process_gives_the_sum_also_of_those_that_ended(pair: Portal) -> None:
    before = requests_counted(pair, "login")
    times = asked_until_both_answer(pair, "/auth/login")
    for _ in range(8):
        assert requests_counted(pair, "login") == before + times
    died = min(workers_of(pair))
    os.kill(died, signal.SIGKILL)
    until(lambda: died not in workers_of(pair) and len(workers_of(pair)) == 2)
    until(lambda: is_well(pair))
    for _ in range(8):
        assert requests_counted(pair, "login") == before + times
    scraped = asked(pair, "/metrics").text
    assert len(re.findall(r"^portal_activities_queued \d", scraped, re.MULTILINE)) == 1
    assert len(re.findall(r"^portal_sm_api_open ", scraped, re.MULTILINE)) <= 1


def hanging(portal: Portal) -> socket.socket:
    """A request whose body does not come."""
    wire = socket.create_connection(("127.0.0.1", portal.port), timeout=20)
    head = (
        f"POST /auth/magic HTTP/1.1\r\nHost: {portal.host}\r\nSec-Fetch-Site: same-origin\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 20\r\n\r\nemail="
    )
    wire.sendall(head.encode())
    return wire


def refuses(portal: Portal) -> bool:
    try:
        socket.create_connection(("127.0.0.1", portal.port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_stopped_server_answers_what_it_has_and_ends_in_time_though_a_request_hangs(
    servers: Servers,
) -> None:
    both = (servers.pair, servers.single)
    with ExitStack() as stack:
        for portal in both:
            for _ in range(3):
                stack.enter_context(hanging(portal))
        slow = [stack.enter_context(hanging(portal)) for portal in both]
        for portal in both:
            assert asked(portal, "/healthz").status_code == 200
        began = time.monotonic()
        for portal in both:
            portal.process.send_signal(signal.SIGTERM)
        # A balancer is told before requests are refused.
        until(lambda: asked(servers.single, "/readyz").status_code == 503)
        said = asked(servers.single, "/readyz").json()
        assert said == {"ok": False, "status": "stopping", "reasons": {}}
        assert asked(servers.single, "/auth/login").status_code == 200
        assert time.monotonic() - began < DELAY
        for portal, wire in zip(both, slow, strict=True):
            until(partial(refuses, portal))
            wire.sendall(REST)
            assert status_of(wire.recv(65_536)) == 303
        for portal, given in ((servers.pair, 0), (servers.single, DELAY)):
            portal.process.wait(timeout=20)
            assert time.monotonic() - began < STOPPED_BY + given
