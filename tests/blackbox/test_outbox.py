"""Portals and SM API killed while people do things: what was acknowledged is in the CRM once."""

from __future__ import annotations

import asyncio
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx

from portal.edge.queue import open_queue
from tests.blackbox.stand import SECRETS, until
from tests.blackbox.tokens import HS256, claims_of, forged
from tests.processes import free_ports, portal_writing_to, project_in

WRITERS: Final = 3
KILLING_SECONDS: Final = 6
FEWEST_KILLS: Final = 4
BETWEEN_KILLS: Final = (0.0, 0.4)
PACE: Final = 0.04
EACH_CHANGE: Final = 7
"""One of so many writes is a change of the profile; the others are activities."""

SLOWEST: Final = 0.08
ANSWERS_LOST: Final = 0.15
REFUSED_BUSY: Final = 0.1


@dataclass
class Writer:
    """Somebody who does one thing after another, and remembers what was acknowledged."""

    contact_id: str
    email: str
    portals: list[httpx.Client]
    said: list[int] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)

    def work(self, over: threading.Event) -> None:
        """Go on until it is over; what is not acknowledged is not said again."""
        claims = claims_of(self.contact_id, self.email)
        cookie = f"sm_client={forged(HS256, claims, SECRETS['SESSION_SECRET'])}"
        headers = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
        number = 0
        while not over.wait(PACE):
            number += 1
            portal = random.choice(self.portals)
            try:
                if number % EACH_CHANGE == 0:
                    answer = portal.patch(
                        "/api/profile", json={"title": str(number)}, headers=headers
                    )
                    if answer.status_code in (200, 202):
                        self.changes.append(number)
                else:
                    self.said.append(number)
                    body = {"activity_type": "report_viewed", "metadata": {"number": number}}
                    answer = portal.post("/api/activities", json=body, headers=headers)
                    if answer.status_code == 201:
                        self.acknowledged.append(number)
            except httpx.TransportError:
                continue


class Slow(BaseHTTPRequestHandler):
    """The way to SM API: slow, at times too busy, and some answers to writes are lost on it."""

    upstream: httpx.Client
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        is_write = self.command != "GET"
        if is_write:
            time.sleep(random.uniform(0, SLOWEST))
            if random.random() < REFUSED_BUSY:
                self._answer(503, b"", "text/plain")
                return
        named = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        try:
            answer = self.upstream.request(self.command, self.path, headers=named, content=content)
        except httpx.TransportError:
            self.close_connection = True
            return
        if is_write and random.random() < ANSWERS_LOST:
            self.close_connection = True
            return
        self._answer(answer.status_code, answer.content, answer.headers["content-type"])

    def _answer(self, status: int, content: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = _pass_on  # noqa: N815 # the names that the server looks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """One whose callers are killed now and then, which is no error here."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def slow_way_to(upstream: str) -> Iterator[str]:
    """The address of a way to `upstream` that is not to be relied on."""
    client = httpx.Client(base_url=upstream, timeout=10, trust_env=False)
    handler = type("SlowTo", (Slow,), {"upstream": client})
    with client, Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@dataclass
class Program:
    """A program that can be killed and started again."""

    start: Callable[[], subprocess.Popen[str]]
    http: httpx.Client
    process: subprocess.Popen[str]

    def is_up(self) -> bool:
        """Whether it answers."""
        try:
            return self.http.get("/").status_code < 500
        except httpx.TransportError:
            return False

    def end(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def kill(self) -> None:
        """End it so, and start it again."""
        self.end()
        self.process = self.start()


class Place:
    """A sandbox, and two portals that share one folder, so one queue."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.home = project_in(folder / "portal")
        self.folder = folder
        self._stack = stack
        api, smtp, first, second = free_ports(4)
        origin = f"http://127.0.0.1:{first}"
        told = {**SECRETS, "PORTAL_ORIGIN": origin, "SMTP_URL": f"smtp://127.0.0.1:{smtp}"}
        words = ("sandbox", "--strict", "--port", str(api), "--smtp-port", str(smtp))
        self.crm = self._program(f"http://127.0.0.1:{api}", words, told, {})
        self.crm.http.headers["X-SM-Key"] = SECRETS["SM_API_KEY"]
        way = stack.enter_context(slow_way_to(f"http://127.0.0.1:{api}"))
        told |= {"SM_API_URL": way, "DELIVERY_LEASE": "3"}
        host = {"Host": origin.partition("//")[2]}
        self.portals = [
            self._program(f"http://127.0.0.1:{port}", ("serve", "--port", str(port)), told, host)
            for port in (first, second)
        ]
        for program in (self.crm, *self.portals):
            until(program.is_up, seconds=60)

    def _program(
        self, url: str, words: tuple[str, ...], told: dict[str, str], headers: dict[str, str]
    ) -> Program:
        log = self.folder / f"{url.rpartition(':')[2]}.log"
        environ = dict(told)

        def start() -> subprocess.Popen[str]:
            return portal_writing_to(log, *words, folder=self.home, **environ)

        client = httpx.Client(base_url=url, headers=headers, timeout=10, trust_env=False)
        program = Program(start, self._stack.enter_context(client), start())
        self._stack.callback(program.end)
        return program

    def waiting(self) -> int:
        """How much of the queue is not in the CRM, dead letters included."""

        async def ask() -> int:
            queue = open_queue(f"sqlite:{self.home / '.portal' / 'activities.db'}")
            depth = await queue.depth()
            await queue.close()
            assert depth.dead == 0, "a dead letter"
            return depth.waiting

        return asyncio.run(ask())

    def writer(self, number: int) -> Writer:
        """A new contact at Acme."""
        email = f"writer{number}@acme.com"
        body = {
            "email": email,
            "full_name": "Wren Writer",
            "company_id": "co_abc123",
            "portal_access": 1,
            "portal_role": "client_admin",
            "product": "mode",
        }
        answer = self.crm.http.post("/api/contacts", json=body)
        assert answer.status_code == 201, answer.text
        clients = [portal.http for portal in self.portals]
        return Writer(answer.json()["data"]["id"], email, clients)

    def arrived(self, writer: Writer) -> list[int]:
        """The numbers of a writer's activities in the CRM, first to last."""
        asked: dict[str, Any] = {"contact_id": writer.contact_id, "limit": 5000}
        answer = self.crm.http.get("/api/activities", params=asked)
        assert answer.status_code == 200, answer.text
        found = [one for one in answer.json()["data"] if one["activity_type"] == "report_viewed"]
        return [one["metadata"]["number"] for one in reversed(found)]


def have_got_on(writers: list[Writer], goal: list[int]) -> bool:
    """Whether each writer has had so many acknowledgements."""
    return all(len(one.acknowledged) >= count for one, count in zip(writers, goal, strict=True))


def kill_for_a_while(place: Place, writers: list[Writer]) -> None:
    """Kill the portals in turn, and SM API once, each time while the writers get on."""
    ends, kills = time.monotonic() + KILLING_SECONDS, 0
    while time.monotonic() < ends or kills < FEWEST_KILLS:
        goal = [len(writer.acknowledged) + 1 for writer in writers]
        victim = place.crm if kills == 1 else place.portals[kills % 2]
        until(victim.is_up, seconds=60)
        until(partial(have_got_on, writers, goal), seconds=60)
        time.sleep(random.uniform(*BETWEEN_KILLS))
        victim.kill()
        kills += 1
    until(place.crm.is_up, seconds=60)


def test_killed_at_any_instant_nothing_acknowledged_is_lost_or_doubled_or_out_of_order(
    tmp_path: Path,
) -> None:
    with ExitStack() as stack:
        place = Place(tmp_path, stack)
        writers = [place.writer(number) for number in range(WRITERS)]
        over = threading.Event()
        threads = [threading.Thread(target=writer.work, args=(over,)) for writer in writers]
        for thread in threads:
            thread.start()
        kill_for_a_while(place, writers)
        over.set()
        for thread in threads:
            thread.join()
        until(lambda: place.waiting() == 0, seconds=60)
        for writer in writers:
            arrived = place.arrived(writer)
            assert len(writer.acknowledged) > FEWEST_KILLS
            assert not set(writer.acknowledged) - set(arrived), "lost"
            assert max(Counter(arrived).values()) == 1, "doubled"
            assert arrived == sorted(arrived), "out of order"
            assert set(arrived) <= set(writer.said)
            contact = place.crm.http.get(f"/api/contacts/{writer.contact_id}").json()["data"]
            assert int(contact["title"] or 0) >= max(writer.changes, default=0)
