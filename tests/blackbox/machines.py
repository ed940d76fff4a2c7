"""Two portals on one Redis and one sandbox, behind a proxy that gives them requests in turn."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from itertools import cycle
from pathlib import Path
from subprocess import Popen
from typing import Any, Final

import httpx2 as httpx

from tests.blackbox.browser import Portal
from tests.blackbox.stand import SECRETS, Stand, until
from tests.processes import free_ports, portal_writing_to, project_in
from tests.redis import RedisProcess, running_redis

ASKS: Final = 3
"""How many mails a minute an address gets here."""


class RoundRobin(socketserver.ThreadingTCPServer):
    """Gives each connection to the next process that takes it, as a load balancer does."""

    daemon_threads = True

    def __init__(self, port: int, behind: Sequence[int]) -> None:
        self._behind = cycle(behind)
        self._count = len(behind)
        self._turn = threading.Lock()
        super().__init__(("127.0.0.1", port), Passing)

    def next(self) -> socket.socket:
        """A connection to whose turn it is. Raises OSError when nobody takes it."""
        refused: OSError | None = None
        for _ in range(self._count):
            with self._turn:
                port = next(self._behind)
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=30)
            except OSError as error:
                refused = error
        assert refused is not None
        raise refused


class Passing(socketserver.BaseRequestHandler):
    """One connection, passed on both ways until both sides have ended."""

    server: RoundRobin

    def handle(self) -> None:
        """Copy what comes to the other side."""
        with suppress(OSError), self.server.next() as other:
            there = threading.Thread(target=_copy, args=(self.request, other))
            there.start()
            _copy(other, self.request)
            there.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@dataclass(frozen=True)
class Balanced(Portal):
    """The portal as clients see it: what it logs is in the logs of the processes behind it."""

    behind: list[Portal]

    def entries(self, request_id: str) -> list[dict[str, Any]]:
        """What either logged under a request id so far."""
        return [entry for one in self.behind for entry in one.entries(request_id)]


class Machines:
    """Everything that runs, and may be stopped and started again."""

    def __init__(self, stack: ExitStack, folder: Path, redis: RedisProcess) -> None:
        self.redis = redis
        self._stack = stack
        self._folder = folder
        self._api, self._smtp, self._front, *self._ports = free_ports(5)
        self._starts = 0
        self.home = project_in(folder / "home")
        self._use_redis(self.home / "wrangler-like.toml")
        self.sandbox = self.start_sandbox()
        self.portals = [self.start_portal(0), self.start_portal(1)]
        proxy = RoundRobin(self._front, self._ports)
        threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
        stack.callback(proxy.server_close)
        stack.callback(proxy.shutdown)
        for portal in self.portals:
            until(partial(_is_ready, portal), seconds=60)
        first, second = self.portals
        http = self._client(self._front, Connection="close")
        front = Balanced(
            "front",
            first.origin,
            self._front,
            self.home,
            first.log,
            first.process,
            http,
            self.portals,
        )
        crm = self._client(self._api)
        crm.headers["X-SM-Key"] = SECRETS["SM_API_KEY"]
        self.stand = Stand(front, first, second, crm, self.home)

    def start_sandbox(self) -> Popen[str]:
        """The CRM, with what it had before."""
        words = ("sandbox", "--strict", "--port", str(self._api), "--smtp-port", str(self._smtp))
        environ = {**SECRETS, "PORTAL_ORIGIN": f"http://127.0.0.1:{self._front}"}
        return self._start("sandbox", *words, **environ)

    def start_portal(self, number: int) -> Portal:
        """One of the two; not yet ready."""
        port, origin = self._ports[number], f"http://127.0.0.1:{self._front}"
        api = f"http://127.0.0.1:{self._api}"
        environ = {
            **SECRETS,
            "PORTAL_ORIGIN": origin,
            "SM_API_URL": api,
            "SMTP_URL": f"smtp://127.0.0.1:{self._smtp}",
            "GOOGLE_DISCOVERY_URL": f"{api}/google/.well-known/openid-configuration",
            "ASK_LIMIT_ADDRESS": f"{ASKS}/minute",
            "ASK_LIMIT_CLIENT": "1000/minute",
            "ACCESS_FRESHNESS": "1",
        }
        name = f"portal-{number}"
        process = self._start(name, "serve", "--port", str(port), **environ)
        log = self._log(name)
        made = Portal(name, origin, port, self.home, log, process, self._client(port))
        made.http.headers["Host"] = made.host
        return made

    def kill(self, number: int) -> None:
        """End a portal as a machine ends that loses its power."""
        _end(self.portals[number].process)

    def holds_nothing(self) -> bool:
        """Whether nobody is about to deliver an activity."""
        with self.redis.client() as redis:
            held: dict[str, Any] = redis.xpending("mode:queue:log", "portal")
            return not held["pending"]

    def _start(self, name: str, *words: str, **environ: str) -> Popen[str]:
        self._starts += 1
        process = portal_writing_to(self._log(name), *words, folder=self.home, **environ)
        self._stack.callback(_end, process)
        return process

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}-{self._starts}.log"

    def _use_redis(self, file: Path) -> None:
        text = file.read_text()
        for name in ("state", "activities"):
            text = text.replace(f"sqlite:.portal/{name}.db", f"unix://{self.redis.socket}")
        file.write_text(text)

    def _client(self, port: int, **headers: str) -> httpx.Client:
        return self._stack.enter_context(
            httpx.Client(
                base_url=f"http://127.0.0.1:{port}",
                headers={"Accept": "application/json", **headers},
                # Cookies are the test browsers' own: one client speaks for all of them.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
                timeout=20,
                trust_env=False,
            )
        )


@contextmanager
def running_machines(folder: Path) -> Iterator[Machines]:
    """All of it, ready; stopped at the end."""
    with running_redis() as redis, ExitStack() as stack:
        yield Machines(stack, folder, redis)


def _end(process: Popen[str]) -> None:
    process.kill()
    process.wait(timeout=10)


def _is_ready(portal: Portal) -> bool:
    assert portal.process.poll() is None, portal.log.read_text()
    try:
        return bool(portal.http.get("/readyz").json()["ok"])
    except httpx.TransportError:
        return False
