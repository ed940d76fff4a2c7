"""What 500 open pages cost one process: memory, questions to SM API, and how soon they all hear."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from portal.cli.listener import bind
from portal.cli.servers import serving
from portal.sandbox.app import SandboxConfig, create_sandbox
from portal.sandbox.demo import seed
from portal.sandbox.store import Store
from tests.blackbox.tokens import HS256, claims_of, forged
from tests.processes import free_ports, portal_writing_to, project_in, stop

STREAMS: Final = 500
OF_A_SESSION: Final = 4
PEOPLE: Final = STREAMS // OF_A_SESSION
COMPANIES: Final = (1, 25)
INTERVAL: Final = 2
INTERVALS_WATCHED: Final = 10
BAR_MB: Final = 50
SECRETS: Final = {
    name: secrets.token_urlsafe(32)
    for name in (
        *("SESSION_SECRET", "SM_API_CLIENT_ID", "SM_API_CLIENT_SECRET", "SM_API_KEY"),
        *("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"),
    )
}


@dataclass
class Counted:
    """An SM API that counts what it is asked."""

    app: ASGIApp
    asked: Counter[str] = field(default_factory=Counter)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.asked["contacts" if "/contacts" in scope["path"] else "lists"] += 1
        await self.app(scope, receive, send)


@dataclass(frozen=True)
class Cost:
    """What one run measured; memory in MB, questions to SM API for each interval."""

    companies: int
    before: float
    after: float
    lists: float
    contacts: float
    heard: float


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


async def run() -> str:
    """One row for each number of companies, as a section of the report."""
    costs = [await _cost(companies) for companies in COMPANIES]
    most = max(cost.after - cost.before for cost in costs)
    verdict = "both below" if most < BAR_MB else "NOT both below"
    rows = [
        f"| {c.companies} | {c.before:.0f} | {c.after:.0f} | {c.after - c.before:.1f} "
        f"| {(c.after - c.before) * 1000 / STREAMS:.0f} | {c.lists:.1f} | {c.contacts:.1f} "
        f"| {c.heard:.1f} |"
        for c in costs
    ]
    return "\n".join(
        [
            "## Open pages",
            "",
            f"{STREAMS} event streams over HTTP to one process of `portal serve`, of {PEOPLE} "
            f"people with {OF_A_SESSION} pages each, `LIVE_INTERVAL` {INTERVAL} s. Resident memory "
            "after each person has opened a page, and with all streams open "
            f"({INTERVALS_WATCHED} intervals later). The bar is {BAR_MB} MB more: {verdict}. A "
            "list is asked for in pages, engagements, invoices and activities once a company; "
            "contacts at most every 30 s, which is who still has access. Heard: from the change "
            "in the CRM until the last page of its company has been told.",
            "",
            "| companies | MB before | MB with streams | MB more | kB a stream "
            "| list calls an interval | contact calls an interval | heard s |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


async def _cost(companies: int) -> Cost:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sm_api, address = await stack.enter_async_context(_sandbox(folder))
        (port,) = free_ports(1)
        origin = f"http://127.0.0.1:{port}"
        told = {
            **SECRETS,
            "PORTAL_ORIGIN": origin,
            "SM_API_URL": address,
            "LIVE_INTERVAL": str(INTERVAL),
        }
        process = portal_writing_to(
            folder / "log", "serve", "--port", str(port), folder=project_in(folder / "own"), **told
        )
        stack.callback(stop, process)
        crm = await stack.enter_async_context(
            httpx.AsyncClient(base_url=address, headers={"X-SM-Key": SECRETS["SM_API_KEY"]})
        )
        invoices, people = await _people(crm, companies)
        portal = await stack.enter_async_context(httpx.AsyncClient(base_url=origin, timeout=30))
        await _ready(portal)
        for token in people:
            page = await portal.get("/", headers={"Cookie": f"sm_client={token}"})
            page.raise_for_status()
        before = _resident(process.pid)
        streams = await asyncio.gather(
            *(_opened(port, token) for token in people for _ in range(OF_A_SESSION))
        )
        await asyncio.gather(*(_event(reader, b"now") for reader, _ in streams))
        sm_api.asked.clear()
        await asyncio.sleep(INTERVAL * INTERVALS_WATCHED)
        asked, after = sm_api.asked.copy(), _resident(process.pid)
        own = [
            reader for n, (reader, _) in enumerate(streams) if n // OF_A_SESSION % companies == 0
        ]
        started = time.perf_counter()
        answer = await crm.patch(f"/api/invoices/{invoices[0]}", json={"status": "paid"})
        answer.raise_for_status()
        await asyncio.gather(*(_event(reader, b"changed") for reader in own))
        heard = time.perf_counter() - started
        for _, writer in streams:
            writer.close()
    lists, contacts = (asked[kind] / INTERVALS_WATCHED for kind in ("lists", "contacts"))
    return Cost(companies, before, after, lists, contacts, heard)


@asynccontextmanager
async def _sandbox(folder: Path) -> AsyncIterator[tuple[Counted, str]]:
    store = Store(folder / "sandbox.db", utc_now)
    seed(store, utc_now())
    config = SandboxConfig(
        SECRETS["SM_API_CLIENT_ID"], SECRETS["SM_API_CLIENT_SECRET"], SECRETS["SM_API_KEY"]
    )
    counted, listener = Counted(create_sandbox(config, store, utc_now)), bind("127.0.0.1", 0)
    async with serving(counted, listener):
        yield counted, f"http://127.0.0.1:{listener.getsockname()[1]}"
    store.close()


async def _people(crm: httpx.AsyncClient, companies: int) -> tuple[list[str], list[str]]:
    """An invoice for each company, and the session tokens of people, one company after the other
    in turn."""
    owners, invoices = [], []
    for number in range(companies):
        owner = await _made(crm, "companies", name=f"Company {number}", product="mode")
        work = await _made(crm, "engagements", company_id=owner, name="Work", product="mode")
        bill = {"company_id": owner, "engagement_id": work, "amount": 100, "status": "sent"}
        invoices.append(await _made(crm, "invoices", **bill))
        owners.append(owner)
    tokens = []
    for number in range(PEOPLE):
        email = f"person.{number}@example.com"
        contact = await _made(
            crm,
            "contacts",
            email=email,
            company_id=owners[number % companies],
            portal_access=1,
            portal_role="client_admin",
            product="mode",
        )
        tokens.append(forged(HS256, claims_of(contact, email), SECRETS["SESSION_SECRET"]))
    return invoices, tokens


async def _made(crm: httpx.AsyncClient, resource: str, **values: Any) -> str:
    answer = await crm.post(f"/api/{resource}", json=values)
    answer.raise_for_status()
    return str(answer.json()["data"]["id"])


async def _ready(portal: httpx.AsyncClient) -> None:
    for _ in range(600):
        try:
            if (await portal.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.1)
    raise TimeoutError("the portal did not start")


async def _opened(port: int, token: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\n"
        f"Accept-Encoding: gzip, br\r\nCookie: sm_client={token}\r\n"
        "Sec-Fetch-Site: same-origin\r\n\r\n".encode()
    )
    return reader, writer


async def _event(reader: asyncio.StreamReader, name: bytes) -> None:
    async with asyncio.timeout(60):
        await reader.readuntil(b"event: " + name)


def _resident(pid: int) -> float:
    """Resident memory of a process in MB."""
    printed = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], check=True, capture_output=True, text=True
    )
    return int(printed.stdout) * 1024 / 1e6
