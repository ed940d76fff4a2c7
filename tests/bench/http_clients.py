"""What a call to SM API costs our process, alone and many at a time: httpx2, the client we use."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import httpx2 as httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from portal.cli.servers import bind, serving

CALLS: Final = 2000
CONNECTIONS: Final = (8, 12, 16, 64, 100)
AT_A_TIME: Final = 64


async def answer(_request: Request) -> Response:
    """A small envelope."""
    return JSONResponse({"ok": True, "data": [{"id": f"co_{n}"} for n in range(10)]})


async def run() -> str:
    """CPU of client and server together, for each size of the pool, relative to one connection."""
    listener = bind("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    app = Starlette(routes=[Route("/", answer)])
    async with serving(app, listener):
        await _cost(address, connections=1, at_a_time=1)
        alone = await _cost(address, connections=1, at_a_time=1)
        costs = {
            connections: await _cost(address, connections, AT_A_TIME) for connections in CONNECTIONS
        }
    rows = [
        f"| {connections} | {cost * 1000:.2f} | {cost / alone:.2f} |"
        for connections, cost in costs.items()
    ]
    return "\n".join(
        [
            "## httpx2 under concurrency",
            "",
            f"CPU of one process that is both client and server, {CALLS:,} calls, {AT_A_TIME} at a "
            f"time, by the size of the connection pool; one at a time on one connection: "
            f"{alone * 1000:.2f} ms. The portal's pool has 12.",
            "",
            "| connections | ms of CPU a call | ratio to one at a time |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


async def _cost(address: str, connections: int, at_a_time: int) -> float:
    """Seconds of CPU a call."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    left = iter(range(CALLS))

    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:

        async def work() -> None:
            for _ in left:
                (await client.get(address)).json()

        started = time.process_time()
        await asyncio.gather(*(work() for _ in range(at_a_time)))
        return (time.process_time() - started) / CALLS
