"""Workload W5: signing in, from the button of the magic link to the first page."""

from __future__ import annotations

import asyncio
import secrets
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench.generator import body_of
from tests.bench.machine import cpu_seconds
from tests.bench.report import Section, section
from tests.bench.rounds import Effort
from tests.bench.servers import OURS, Crm, Server, checked, serving, upstream

CRM: Final = Crm(companies=100_000)
AT_A_TIME: Final = (1, 8)


@dataclass
class Tally:
    """What was measured of all sign-ins: seconds of the button, and of the page after it."""

    until: float
    button: list[float] = field(default_factory=list)
    page: list[float] = field(default_factory=list)


async def run(effort: Effort) -> Section:
    """Sign-ins a second, what each costs, and how long its two requests take."""
    rows = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sm_api = stack.enter_context(upstream(CRM, folder))
        server = stack.enter_context(serving(OURS, sm_api, folder))
        checked(server, CRM)
        for at_a_time in AT_A_TIME:
            rows.append(await _row(server, at_a_time, effort.rounds * effort.seconds))
    heading = [
        "| at a time | sign-ins/s | ms of CPU each | button p50 ms | p95 ms "
        "| first page p50 ms | p95 ms |",
        "|---|---|---|---|---|---|---|",
    ]
    return section(
        "W5 signing in",
        "POST of the magic link's button, a session, the first page; each time another person of "
        "another company, upstream at 0 ms. The client is a Python program on any core. Reported, "
        "no bar; `python -m tests.bench profile w5` says what bounds it.",
        [*heading, *rows],
    )


async def signed_in(server: Server, seconds: float, at_a_time: int) -> Tally:
    """Sign in for some seconds, so many at a time."""
    tally = Tally(time.perf_counter() + seconds)
    await asyncio.gather(*(_person(server.port, tally) for _ in range(at_a_time)))
    return tally


async def _row(server: Server, at_a_time: int, seconds: float) -> str:
    started, before = time.perf_counter(), cpu_seconds(server.pid)
    tally = await signed_in(server, seconds, at_a_time)
    cpu = cpu_seconds(server.pid) - before
    count = len(tally.page)
    cells = [
        str(at_a_time),
        f"{count / (time.perf_counter() - started):.0f}",
        f"{cpu * 1000 / count:.1f}",
        *(f"{value * 1000:.1f}" for value in (*_p50_p95(tally.button), *_p50_p95(tally.page))),
    ]
    return f"| {' | '.join(cells)} |"


def _p50_p95(taken: list[float]) -> tuple[float, float]:
    return statistics.median(taken), statistics.quantiles(taken, n=20)[18]


async def _person(port: int, tally: Tally) -> None:
    """One after the other over one connection, each with a link of their own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < tally.until:
        started = time.perf_counter()
        # Whose link it is follows from its hash: the upstream takes every token.
        form = f"token={secrets.token_urlsafe(32)}&confirm=1"
        writer.write(
            f"POST /auth/magic/verify HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/html\r\n"
            "Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(form)}\r\n\r\n{form}".encode()
        )
        head = await _answered(reader, 303)
        pressed = time.perf_counter()
        _, _, cookie = head.partition("sm_client=")
        session = cookie.partition(";")[0]
        writer.write(
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/html\r\n"
            f"Cookie: sm_client={session}\r\n\r\n".encode()
        )
        await _answered(reader, 200)
        tally.button.append(pressed - started)
        tally.page.append(time.perf_counter() - pressed)
    writer.close()


async def _answered(reader: asyncio.StreamReader, status: int) -> str:
    """The head of an answer that has been read whole. Raises RuntimeError for another status."""
    head = await reader.readuntil(b"\r\n\r\n")
    await body_of(reader, head)
    if int(head.split(b" ", 2)[1]) != status:
        raise RuntimeError(head.decode("latin-1"))
    return head.decode("latin-1")
