"""The load generator where wrk is missing: keep-alive connections that ask as fast as they can.

python -m tests.bench.generator http://127.0.0.1:8787 FILE CONNECTIONS SECONDS [ACCEPT-ENCODING]

It prints what load.lua prints. It costs more CPU than most servers here: its figures are lower.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

import uvloop


@dataclass
class Tally:
    """What all connections saw together; seconds."""

    until: float
    headers: str = "Accept: text/html\r\n"
    bytes: int = 0
    failed: int = 0
    taken: list[float] = field(default_factory=list)


async def ask(host: str, port: int, lines: Iterator[str], tally: Tally) -> None:
    """One connection, one request after the other until the time is over."""
    reader, writer = await asyncio.open_connection(host, port)
    while time.perf_counter() < tally.until:
        path, token = next(lines).split()
        started = time.perf_counter()
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{tally.headers}"
            f"Cookie: sm_client={token}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        tally.bytes += len(head) + await body_of(reader, head)
        tally.failed += int(head.split(b" ", 2)[1]) >= 400
        tally.taken.append(time.perf_counter() - started)
    writer.close()


async def body_of(reader: asyncio.StreamReader, head: bytes) -> int:
    """Read the body to its end; its length. A body is counted or chunked (RFC 9112 §6)."""
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    if found:
        return len(await reader.readexactly(int(rest.partition(b"\r\n")[0])))
    total = 0
    while size := int((await reader.readline()).strip(), 16):
        total += len(await reader.readexactly(size + 2))
    await reader.readline()
    return total


async def load(
    address: str, requests: list[str], connections: int, seconds: float, *encodings: str
) -> str:
    """All connections at once; what load.lua prints of them."""
    target = urlsplit(address)
    lines = cycle(requests)
    started = time.perf_counter()
    tally = Tally(started + seconds)
    tally.headers += "".join(f"Accept-Encoding: {encoding}\r\n" for encoding in encodings)
    host, port = target.hostname or "127.0.0.1", target.port or 80
    await asyncio.gather(*(ask(host, port, lines, tally) for _ in range(connections)))
    return "RESULT " + json.dumps(
        {
            "requests": len(tally.taken),
            "seconds": time.perf_counter() - started,
            "bytes": tally.bytes,
            "failed": tally.failed,
            "p50_ms": statistics.median(tally.taken) * 1000,
            "p99_ms": statistics.quantiles(tally.taken, n=100)[98] * 1000,
        }
    )


if __name__ == "__main__":
    url, file, count, duration, *accepted = sys.argv[1:]
    asked = Path(file).read_text(encoding="ascii").splitlines()
    print(uvloop.run(load(url, asked, int(count), float(duration), *accepted)))
