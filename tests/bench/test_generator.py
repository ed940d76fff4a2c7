"""Our own generator of load counts what it is answered."""

from __future__ import annotations

import asyncio
import json

from tests.bench.generator import body_of, load

ANSWERS = {
    b"/good": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"/bad": b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
}


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server of two pages."""
    while head := await reader.read(4096):
        writer.write(ANSWERS[head.split()[1]])
    writer.close()


async def test_it_tells_requests_bytes_and_failures() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        printed = await load(address, ["/good t", "/bad t"], 2, 0.05, "gzip")
    told = json.loads(printed.removeprefix("RESULT "))
    assert told["requests"] > 2
    assert abs(told["failed"] - told["requests"] / 2) <= 1
    assert told["bytes"] > told["requests"] * 40
    assert 0 < told["p50_ms"] <= told["p99_ms"]


async def test_a_body_is_read_to_its_end_whether_counted_or_chunked() -> None:
    for page, length in ((b"/good", 5), (b"/bad", 4)):
        reader = asyncio.StreamReader()
        reader.feed_data(ANSWERS[page] + b"next")
        head = await reader.readuntil(b"\r\n\r\n")
        assert await body_of(reader, head) == length
        assert await reader.read(4) == b"next"
