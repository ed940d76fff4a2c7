"""A chaos run from its start to the verdict."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final

import httpx2 as httpx

from tests.chaos.disorder import Disorder
from tests.chaos.ledger import Ledger
from tests.chaos.people import Visitor
from tests.faults.clients import Person
from tests.faults.page_table import RECOVERS_WITHIN
from tests.faults.pages import AS_OF, UNAVAILABLE
from tests.faults.stand import LOOK_AGAIN, Stand, standing
from tests.processes import PROJECT, free_ports

COMPANIES: Final = 4
EMPTY_WITHIN: Final = 90.0
QUEUED: Final = "portal_activities_queued"
DEAD: Final = "portal_activities_dead"


async def run(folder: Path, seconds: float, seed: int, companies: int = COMPANIES) -> Ledger:
    """Disorder for so long, then order, then the verdict. Its breaches are what went wrong."""
    ledger, over = Ledger(), asyncio.Event()
    async with AsyncExitStack() as stack:
        stand = await stack.enter_async_context(standing(folder, companies))
        control = await stack.enter_async_context(_proxy(stand, seed))
        disorder = Disorder(stand, control, ledger)
        visitors = [
            Visitor(
                client,
                person,
                await stack.enter_async_context(stand.browser()),
                ledger,
                Random(f"{seed} {person.email}"),
                lambda: stand.portal.starts,
            )
            for client in stand.clients
            for person in client.people
        ]
        await asyncio.gather(*(visitor.arrive() for visitor in visitors))
        async with asyncio.TaskGroup() as group:
            for visitor in visitors:
                group.create_task(visitor.stay(over))
            await disorder.reign(Random(seed), seconds)
            await disorder.obey(())
            await asyncio.gather(stand.sandbox.ready(), stand.portal.ready())
            over.set()
        dead = await _emptied(stand)
        ledger.faults.update((await control.get("/figures")).json()["made"])
        ledger.judge(await _held(stand), dead)
        await _see_well(stand, ledger)
    return ledger


@asynccontextmanager
async def _proxy(stand: Stand, seed: int) -> AsyncIterator[httpx.AsyncClient]:
    """The fault proxy as a program of its own; what is given tells it what to do."""
    (control,) = free_ports(1)
    words = ("--port", stand.proxy_port, "--upstream", stand.sandbox_port, "--control", control)
    command = [sys.executable, "-m", "tests.faults.proxy", "--seed", str(seed), *map(str, words)]
    process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT)
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{control}", verify=False, trust_env=False
        ) as told:
            while process.returncode is None:
                try:
                    await told.get("/rules")
                except httpx.TransportError:
                    await asyncio.sleep(LOOK_AGAIN)
                else:
                    break
            yield told
    finally:
        process.terminate()
        await process.wait()


async def _emptied(stand: Stand) -> int:
    """Wait until the outbox is empty; how many dead letters there are. Raises TimeoutError."""
    until = time.monotonic() + EMPTY_WITHIN
    async with stand.browser() as browser:
        while time.monotonic() < until:
            text = (await browser.get("/metrics")).text
            if _metric(text, QUEUED) == 0:
                return _metric(text, DEAD)
            await asyncio.sleep(LOOK_AGAIN)
    raise TimeoutError("the outbox did not become empty")


def _metric(text: str, name: str) -> int:
    lines = (line for line in text.splitlines() if line.startswith(f"{name} "))
    return int(float(next(lines).split()[1]))


async def _held(stand: Stand) -> list[str]:
    """The texts of what people wrote, as the CRM has them."""
    found = []
    for client in stand.clients:
        for one in await stand.activities(client.company_id):
            if one["activity_type"] in ("support_request", "feedback"):
                found.append(str(one["description"]))
    return found


async def _see_well(stand: Stand, ledger: Ledger) -> None:
    """Soon everybody's home page is as ever."""
    until = time.monotonic() + RECOVERS_WITHIN
    async with stand.browser() as browser:
        for client in stand.clients:
            for person in client.people:
                while not await _is_well(browser, person):
                    if time.monotonic() > until:
                        ledger.breaches.append(f"{person.email} is not well in the end")
                        break
                    await asyncio.sleep(LOOK_AGAIN)


async def _is_well(browser: httpx.AsyncClient, person: Person) -> bool:
    answer = await browser.get("/", headers={"Cookie": person.cookie})
    is_whole = not UNAVAILABLE.search(answer.text) and AS_OF not in answer.text
    return answer.status_code == httpx.codes.OK and is_whole
