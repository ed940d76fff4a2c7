"""What a call to SM API costs our process, one at a time and many: httpx2's client, and ours."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

import httpx2 as httpx

from portal.crm.transport import Connections
from tests.bench.servers import Crm, upstream
from tests.bench.upstream import ROUND_TRIP

CALLS: Final = 1000
ROUNDS: Final = 5
AT_A_TIME: Final = (1, 32)
POOLS: Final = (12, 64)

Call = Callable[[], Awaitable[object]]
Client = Callable[[str], AbstractAsyncContextManager[Call]]


async def run() -> str:
    """CPU of the client alone for a small answer, in turn, and how many times ours it is."""
    clients: dict[str, Client] = {
        **{f"httpx2, a pool of {size}": httpx2_of(size) for size in POOLS},
        "`portal/crm/transport.py`": ours,
    }
    costs: dict[tuple[str, int], list[float]] = {
        (name, at_a_time): [] for name in clients for at_a_time in AT_A_TIME
    }
    with tempfile.TemporaryDirectory() as folder, upstream(Crm(companies=1), Path(folder)) as api:
        origin = f"http://127.0.0.1:{api.port}"
        for _ in range(ROUNDS):
            for name, at_a_time in costs:
                costs[name, at_a_time].append(await _cost(clients[name], origin, at_a_time))
    return "\n".join(
        [
            "## A call to SM API",
            "",
            f"CPU of the client for {CALLS:,} small answers of an upstream in a process of its "
            f"own, {ROUNDS} rounds in turn: median microseconds a call, and the median of the "
            "ratios to ours round by round.",
            "",
            "| client | calls at a time | µs of CPU a call | ÷ ours |",
            "|---|---|---|---|",
            *(_row(name, at_a_time, costs) for name, at_a_time in costs),
            "",
        ]
    )


def _row(name: str, at_a_time: int, costs: dict[tuple[str, int], list[float]]) -> str:
    own, ours_then = costs[name, at_a_time], costs["`portal/crm/transport.py`", at_a_time]
    ratio = statistics.median(one / two for one, two in zip(own, ours_then, strict=True))
    return f"| {name} | {at_a_time} | {statistics.median(own) * 1e6:.0f} | {ratio:.1f} |"


def httpx2_of(connections: int) -> Client:
    """httpx2's client with a pool of so many connections."""

    @asynccontextmanager
    async def opened(origin: str) -> AsyncIterator[Call]:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        async with httpx.AsyncClient(
            base_url=origin, limits=limits, timeout=60, trust_env=False
        ) as client:
            yield lambda: client.get(ROUND_TRIP)

    return opened


@asynccontextmanager
async def ours(origin: str) -> AsyncIterator[Call]:
    """The connections that `SMApi` has."""
    connections = Connections(origin, [("Accept", "application/json")])
    try:
        yield lambda: connections.exchange("GET", ROUND_TRIP, [], None)
    finally:
        await connections.close()


async def _cost(client: Client, origin: str, at_a_time: int) -> float:
    """Seconds of CPU a call, after as many that do not count as are made at a time."""
    async with client(origin) as call:
        await asyncio.gather(*(call() for _ in range(at_a_time)))
        left = iter(range(CALLS))

        async def work() -> None:
            for _ in left:
                await call()

        started = time.process_time()
        await asyncio.gather(*(work() for _ in range(at_a_time)))
        return (time.process_time() - started) / CALLS
