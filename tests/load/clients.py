"""Signed-in clients, each with a connection and pages of their own, for as long as it takes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from tests.bench.generator import body_of

OK: Final = 200
SAMPLES_EVERY: Final = 1.0
LONGEST_ANSWER: Final = 30.0


@dataclass
class Tally:
    """What all of them saw together; `seconds` of each answer."""

    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    bytes: int = 0

    @property
    def errors(self) -> int:
        """Requests that were not answered with 200."""
        return sum(self.statuses.values()) - self.statuses[OK] + sum(self.failures.values())


@dataclass(frozen=True)
class Visit:
    """What one client does: asks for one of these, `path token`, and reads for a while, until it
    is `over`. `reads` is how many seconds on the average; 0: the next page at once."""

    requests: Sequence[str]
    reads: float
    over: Callable[[], bool]
    chance: Random

    async def pay(self, port: int, tally: Tally) -> None:
        """On one connection while it holds, then on another."""
        while not self.over():
            # Who reads for longer than a server keeps a connection comes back on another.
            await asyncio.sleep(self.chance.uniform(0, 2 * self.reads))
            if self.over():
                return
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    await self._browse(reader, writer, port, tally)
                finally:
                    writer.close()
            except (OSError, EOFError) as error:
                tally.failures[type(error).__name__] += 1

    async def _browse(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        port: int,
        tally: Tally,
    ) -> None:
        while True:
            async with asyncio.timeout(LONGEST_ANSWER):
                await _ask(reader, writer, port, self.chance.choice(self.requests), tally)
            if self.reads or self.over():
                return


async def _ask(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    port: int,
    request: str,
    tally: Tally,
) -> None:
    path, token = request.split()
    started = time.monotonic()
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/html\r\n"
        f"Accept-Encoding: gzip\r\nCookie: sm_client={token}\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    tally.bytes += len(head) + await body_of(reader, head)
    tally.statuses[int(head.split(b" ", 2)[1])] += 1
    tally.seconds.append(time.monotonic() - started)


async def watched(look: Callable[[], None], over: Callable[[], bool]) -> None:
    """Look once a second."""
    while not over():
        await asyncio.sleep(SAMPLES_EVERY)
        look()
