"""What is measured: the portal, its peers, and the upstream behind them, as processes."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench.machine import LOAD_CORE, SERVER_CORE, listening, running
from tests.bench.sessions import SESSION_SECRET, token
from tests.bench.upstream import CLIENT_ID, CLIENT_SECRET
from tests.processes import PROJECT, free_ports

PEERS: Final = Path(__file__).parent / "peers"
LEAST_PAGE_BYTES: Final = 5000
RAW_MARKUP: Final = b"<Discovery>"
"""The first engagement's name holds it: a page that is as we ask for shows it escaped."""

UPSTREAM: Final = "the upstream itself: one round trip"


@dataclass(frozen=True)
class Crm:
    """What the upstream holds and how long it thinks."""

    companies: int
    invoices: int = 12
    delay_ms: float = 0


@dataclass(frozen=True)
class Kind:
    """A kind of server: its name in the tables, how it starts on a port, what else it is told."""

    name: str
    command: Callable[[int], Sequence[str]]
    told: Mapping[str, str] = field(default_factory=dict)
    needs_npm: bool = True


@dataclass(frozen=True)
class Server:
    """One that runs; `encodings` is what its clients ask for as Accept-Encoding, if anything."""

    name: str
    port: int
    pid: int
    encodings: tuple[str, ...] = ()


def workerd(config: str) -> Callable[[int], Sequence[str]]:
    """A configuration of workers.capnp on workerd itself, without npm's wrapper around it."""

    def command(port: int) -> Sequence[str]:
        found = list((PEERS / "node_modules/@cloudflare").glob("workerd-*/bin/workerd*"))
        capnp = str(PEERS / "workers.capnp")
        address = f"--socket-addr=http=127.0.0.1:{port}"
        return [str(found[0]), "serve", capnp, config, address]

    return command


def python(module: str, *words: str) -> Callable[[int], Sequence[str]]:
    """A program of this environment."""
    return lambda port: [sys.executable, "-m", module, *words, "--port", str(port)]


OURS: Final = Kind(
    "the portal",
    python("tests.bench.production", "serve", "--env", "production"),
    needs_npm=False,
)
CONSTANT: Final = Kind(
    "a constant 12 kB from Starlette, on our server",
    python("tests.bench.constant", "serve", "--env", "production"),
    {"CONSTANT_BYTES": "12000"},
    needs_npm=False,
)
CONSTANT_LONG: Final = Kind(
    "the same with as many bytes as our page",
    CONSTANT.command,
    {"CONSTANT_BYTES": "43000"},
    needs_npm=False,
)
GUIDE: Final = Kind("the guide's worker on workerd", workerd("guide"), {"READS": "some"})
GUIDE_ALL: Final = Kind(
    "the guide's worker, reading all that our home page reads", workerd("guide"), {"READS": "all"}
)
TOGETHER: Final = Kind(
    "the worker with `Promise.all`, nothing kept", workerd("tuned"), {"FRESHNESS_MS": "0"}
)
TUNED: Final = Kind(
    "the tuned worker (`Promise.all`, 5 s cache, page memo)",
    workerd("tuned"),
    {"FRESHNESS_MS": "5000"},
)
HONO: Final = Kind("Hono on Node", lambda _port: ["node", str(PEERS / "hono.js")])


def at_hand(kinds: Sequence[Kind]) -> list[Kind]:
    """Those that can be started here: all of them where there is npm, which installs the peers."""
    return [kind for kind in kinds if not kind.needs_npm or _installed()]


def _installed() -> bool:
    """Have npm install the peers, once; whether there is an npm to do it."""
    lock = PEERS / "package-lock.json"
    done = PEERS / "node_modules" / ".package-lock.json"
    if done.exists() and done.stat().st_mtime >= lock.stat().st_mtime:
        return True
    npm = shutil.which("npm")
    if npm is None:
        return False
    subprocess.run([npm, "ci", "--silent", "--no-audit", "--no-fund"], cwd=PEERS, check=True)
    done.touch()
    return True


@contextmanager
def upstream(crm: Crm, folder: Path) -> Iterator[Server]:
    """The upstream on the core of the load."""
    (port,) = free_ports(1)
    words = ("--companies", str(crm.companies), "--invoices", str(crm.invoices))
    command = python("tests.bench.upstream", *words, "--delay-ms", str(crm.delay_ms))(port)
    log = folder / f"{port}.log"
    with running(command, LOAD_CORE, PROJECT, log, {}) as process:
        listening(port, process, log)
        yield Server(UPSTREAM, port, process.pid)


@contextmanager
def serving(kind: Kind, sm_api: Server, folder: Path, *, is_ready: bool = True) -> Iterator[Server]:
    """A server on the core of the servers, listening when it is to be ready."""
    (port,) = free_ports(1)
    own = folder / f"{port}"
    own.mkdir()
    shutil.copy(PROJECT / "wrangler-like.toml", own)
    told = {**variables(port, sm_api.port), **kind.told, "PYTHONPATH": str(PROJECT)}
    log = folder / f"{port}.log"
    with running(kind.command(port), SERVER_CORE, own, log, told) as process:
        if is_ready:
            listening(port, process, log)
        yield Server(kind.name, port, process.pid)


@contextmanager
def all_serving(kinds: Sequence[Kind], crm: Crm, folder: Path) -> Iterator[list[Server]]:
    """Several servers over one upstream, each checked to give a signed-in page."""
    with ExitStack() as stack:
        sm_api = stack.enter_context(upstream(crm, folder))
        found = [stack.enter_context(serving(kind, sm_api, folder)) for kind in kinds]
        for server in found:
            checked(server, crm)
        yield found


def checked(server: Server, crm: Crm) -> int:
    """Bytes of the home page of the last company's person. Raises RuntimeError for less."""
    page = fetched(server, f"/ {token(crm.companies - 1, crm.companies)}")
    if len(page) < LEAST_PAGE_BYTES or RAW_MARKUP in page:
        raise RuntimeError(f"{server.name} answered with too little or unescaped: {page[:500]!r}")
    return len(page)


def fetched(server: Server, request: str) -> bytes:
    """The page that a request, `path token`, is answered with.

    Raises RuntimeError for anything but a page, OSError or HTTPException when nobody answers.
    """
    path, session = request.split()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    headers = {"Cookie": f"sm_client={session}", "Accept": "text/html"}
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{server.name} answered {answer.status} to {path}: {body[:500]!r}")
    return body


def variables(port: int, sm_api: int) -> dict[str, str]:
    """What portal and peers are told: sessions, the upstream, and what the portal insists on."""
    return {
        "PORT": str(port),
        "PORTAL_ORIGIN": f"http://127.0.0.1:{port}",
        "SESSION_SECRET": SESSION_SECRET,
        "SESSION_COOKIE_DOMAIN": "",
        "SESSION_COOKIE_SAMESITE": "lax",
        "SM_API_URL": f"http://127.0.0.1:{sm_api}",
        "SM_API_CLIENT_ID": CLIENT_ID,
        "SM_API_CLIENT_SECRET": CLIENT_SECRET,
        "GOOGLE_CLIENT_ID": "benchmark-google-client",
        "GOOGLE_CLIENT_SECRET": "benchmark-google-secret-of-some-length",
        "SMTP_URL": "smtp://127.0.0.1:9",
    }
