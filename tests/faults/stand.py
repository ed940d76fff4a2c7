"""A portal, a fault proxy and a sandbox as real programs on ports, which can be killed."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx

from tests.blackbox.stand import SECRETS
from tests.faults.clients import Client, make_client
from tests.processes import UNHURRIED, free_ports, portal_writing_to, project_in, stop

STARTS_WITHIN: Final = 60.0
LOOK_AGAIN: Final = 0.05
ANSWER_WITHIN: Final = 30.0
IMPATIENT: Final = {**UNHURRIED, "DELIVERY_LEASE": "3"}
"""What was read is asked for anew each time, so that each page meets the faults."""


@dataclass
class Program:
    """One of our programs: started, killed, started again. Each start has a log of its own."""

    words: Sequence[str]
    url: str
    folder: Path
    told: Mapping[str, str]
    starts: int = 0
    process: subprocess.Popen[str] | None = None
    logs: list[Path] = field(default_factory=list)

    def start(self) -> None:
        """Start it; not yet ready."""
        self.starts += 1
        log = self.folder / f"{self.words[0]}-{self.starts}.log"
        self.logs.append(log)
        self.process = portal_writing_to(log, *self.words, folder=self.folder, **self.told)

    def kill(self) -> None:
        """End it at once, as the kernel does when memory runs out."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ask it to end, and wait."""
        if self.process is not None:
            stop(self.process)

    async def ready(self) -> None:
        """Wait until it answers. Raises RuntimeError with its log when it does not."""
        until = time.monotonic() + STARTS_WITHIN
        async with httpx.AsyncClient(verify=False, trust_env=False) as http:
            while time.monotonic() < until:
                assert self.process is not None
                if self.process.poll() is not None:
                    break
                try:
                    await http.get(self.url)
                except httpx.TransportError:
                    await asyncio.sleep(LOOK_AGAIN)
                else:
                    return
        raise RuntimeError(f"{self.words[0]} did not start:\n{self.logs[-1].read_text()}")


@dataclass
class Stand:
    """What stands. `ports` are the proxy's and the sandbox's; nobody listens on the former yet."""

    portal: Program
    sandbox: Program
    origin: str
    proxy_port: int
    sandbox_port: int
    crm: httpx.AsyncClient
    clients: list[Client]

    async def activities(self, company_id: str) -> list[dict[str, Any]]:
        """All that the CRM has of a company's activities."""
        asked: dict[str, str | int] = {"company_id": company_id, "limit": 100_000}
        answer = await self.crm.get("/api/activities", params=asked)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    def browser(self) -> httpx.AsyncClient:
        """Asks the portal as a page of its own would; whoever it asks for brings the cookie."""
        return httpx.AsyncClient(
            base_url=self.origin,
            headers={"Accept": "text/html", "Sec-Fetch-Site": "same-origin"},
            timeout=ANSWER_WITHIN,
            follow_redirects=False,
            verify=False,
            trust_env=False,
        )


@asynccontextmanager
async def standing(folder: Path, clients: int, **told: str) -> AsyncIterator[Stand]:
    """Sandbox and portal started in `folder`, with so many companies; `told` are variables."""
    proxy_port, api, smtp, portal_port = free_ports(4)
    origin, sandbox_origin = _local(portal_port), _local(api)
    home = project_in(folder)
    environ = {
        **SECRETS,
        **IMPATIENT,
        "PORTAL_ORIGIN": origin,
        "SM_API_URL": _local(proxy_port),
        "SMTP_URL": f"smtp://127.0.0.1:{smtp}",
        "GOOGLE_DISCOVERY_URL": f"{sandbox_origin}/google/.well-known/openid-configuration",
        **told,
    }
    words = ("sandbox", "--strict", "--port", str(api), "--smtp-port", str(smtp))
    sandbox = Program(words, f"{sandbox_origin}/", home, environ)
    portal = Program(("serve", "--port", str(portal_port)), f"{origin}/healthz", home, environ)
    async with AsyncExitStack() as stack:
        for program in (sandbox, portal):
            stack.callback(program.stop)
            program.start()
        crm = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=sandbox_origin,
                headers={"X-SM-Key": SECRETS["SM_API_KEY"]},
                timeout=ANSWER_WITHIN,
                verify=False,
                trust_env=False,
            )
        )
        await sandbox.ready()
        secret = SECRETS["SESSION_SECRET"]
        made = [await make_client(crm, number, secret) for number in range(clients)]
        await portal.ready()
        yield Stand(portal, sandbox, origin, proxy_port, api, crm, made)


def _local(port: int) -> str:
    return f"http://127.0.0.1:{port}"
