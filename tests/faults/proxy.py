"""A proxy between the portal and SM API that makes faults, as it is told in-process or over HTTP.

python -m tests.faults.proxy --port 8799 --upstream 8788 --control 8798
curl -X PUT localhost:8798/rules -d '[{"kind": "latency", "path": "/api/invoices", "seconds": 3}]'
curl localhost:8798/figures
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Final

import msgspec

from tests.faults.messages import Message, answer, read_message
from tests.faults.rules import Kind, Rule, drawn

LOCAL: Final = "127.0.0.1"
AT_ONCE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER so that closing sends a reset."""

PIECES: Final = 50
"""That a dripping answer comes in."""

JSON: Final = "application/json"
PAGE: Final = b"<!doctype html><title>Maintenance</title><h1>We will be right back</h1>"
ERRORS: Final = {Kind.ERROR_500: 500, Kind.ERROR_502: 502, Kind.ERROR_503: 503}


class FaultProxy:
    """Passes calls on to a port of this machine, but for what the rules say."""

    def __init__(self, port: int, upstream: int, seed: int = 0) -> None:
        self.port = port
        self.upstream = upstream
        self.made: Counter[str] = Counter()
        self.passed_on = 0
        self._rules: tuple[Rule, ...] = ()
        self._chance = Random(seed)
        self._held: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What is done to calls at this moment."""
        return self._rules

    async def obey(self, rules: Sequence[Rule]) -> None:
        """From now on these rules, and no others, hold; none: everything is passed on."""
        self._rules = tuple(rules)
        if any(rule.kind is Kind.REFUSED for rule in rules):
            if self._server is not None:
                self.made[Kind.REFUSED] += 1
            await self.refuse()
        elif self._server is None:
            await self.listen()

    async def listen(self) -> None:
        """Take connections."""
        held, self._held = self._held or _bound(self.port), None
        self._server = await asyncio.start_server(self._connected, sock=held, backlog=1024)

    async def refuse(self) -> None:
        """Take none, and break off those there are. The port stays ours, without a listener."""
        await self._close()
        if self._held is None:
            self._held = _bound(self.port)

    async def close(self) -> None:
        """End everything."""
        await self._close()
        if self._held is not None:
            self._held.close()

    async def _close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while (request := await read_message(reader)) is not None:
                if not await self._answered(request, writer):
                    break
        except (OSError, EOFError, asyncio.CancelledError):
            _reset(writer)
        finally:
            self._open.discard(task)
            writer.close()

    async def _answered(self, request: Message, writer: asyncio.StreamWriter) -> bool:
        """Answer one call; False when the connection is over with that."""
        method, target, _ = request.start.split(" ")
        rule = drawn(self._rules, method, target.partition("?")[0], self._chance)
        if rule is None:
            self.passed_on += 1
            writer.write((await self._passed(request)).encoded())
            await writer.drain()
            return True
        self.made[rule.kind] += 1
        return await self._spoiled(rule, request, writer)

    async def _spoiled(self, rule: Rule, request: Message, writer: asyncio.StreamWriter) -> bool:
        if rule.kind is Kind.RESET:
            _reset(writer)
            return False
        if rule.kind is Kind.LATENCY:
            await asyncio.sleep(rule.takes)
        said = instead(rule) or await self._passed(request)
        if rule.kind is Kind.DRIP:
            return await _drip(said, rule.takes, writer)
        if rule.kind in (Kind.LOST, Kind.CUT):
            if rule.kind is Kind.CUT:
                writer.write(said.head(len(said.body)) + said.body[: len(said.body) // 2])
                await writer.drain()
            _reset(writer)
            return False
        if rule.kind is Kind.HALF:
            said = Message(said.start, said.headers, said.body[: len(said.body) // 2])
        elif rule.kind is Kind.CONTENT_TYPE:
            said = said.having("Content-Type", "text/plain; charset=utf-8")
        writer.write(said.encoded())
        await writer.drain()
        return True

    async def _passed(self, request: Message) -> Message:
        """What SM API answers. Raises OSError, EOFError when it does not."""
        reader, writer = await asyncio.open_connection(LOCAL, self.upstream)
        try:
            writer.write(request.having("Connection", "close").encoded())
            found = await read_message(reader)
        finally:
            writer.close()
        if found is None:
            raise EOFError
        return found.having("Connection", "keep-alive")


def instead(rule: Rule) -> Message | None:
    """The answer that some faults give in SM API's place; None: SM API is asked."""
    if rule.kind in ERRORS:
        return answer(ERRORS[rule.kind], "text/html", PAGE)
    if rule.kind is Kind.BUSY:
        wait = ("Retry-After", f"{rule.takes:.0f}")
        return answer(429, JSON, b'{"ok": false, "error": "Too many requests"}', wait)
    if rule.kind is Kind.HTML:
        return answer(200, "text/html; charset=utf-8", PAGE)
    if rule.kind is Kind.LOGIN:
        login = ("Location", "https://login.example/cdn-cgi/access/login")
        return answer(302, "text/html; charset=utf-8", PAGE, login)
    return None


async def _drip(said: Message, seconds: float, writer: asyncio.StreamWriter) -> bool:
    """A few bytes at a time, so that no pause between two of them is long."""
    writer.write(said.head(len(said.body)))
    starts = range(0, len(said.body), size := max(1, len(said.body) // PIECES))
    for start in starts:
        await asyncio.sleep(seconds / len(starts))
        writer.write(said.body[start : start + size])
        await writer.drain()
    return True


def _reset(writer: asyncio.StreamWriter) -> None:
    held = writer.get_extra_info("socket")
    with suppress(OSError):
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    writer.transport.abort()


def _bound(port: int) -> socket.socket:
    """A socket that has the port and does not listen: connections are refused."""
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((LOCAL, port))
    return held


@asynccontextmanager
async def proxying(port: int, upstream: int, seed: int = 0) -> AsyncIterator[FaultProxy]:
    """A proxy that listens inside the block."""
    proxy = FaultProxy(port, upstream, seed)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()


@asynccontextmanager
async def controlled(proxy: FaultProxy, port: int) -> AsyncIterator[None]:
    """Control calls on a port: `GET` and `PUT /rules`, `GET /figures`."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError):
            while (request := await read_message(reader)) is not None:
                writer.write((await _obeyed(proxy, request)).encoded())
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, LOCAL, port)
    try:
        yield
    finally:
        server.close()


async def _obeyed(proxy: FaultProxy, request: Message) -> Message:
    method, path, _ = request.start.split(" ")
    if (method, path) == ("PUT", "/rules"):
        try:
            await proxy.obey(msgspec.json.decode(request.body, type=list[Rule]))
        except msgspec.MsgspecError as error:
            return answer(422, JSON, msgspec.json.encode({"ok": False, "error": str(error)}))
    elif (method, path) == ("GET", "/figures"):
        figures = {"made": dict(proxy.made), "passed_on": proxy.passed_on}
        return answer(200, JSON, msgspec.json.encode(figures))
    elif (method, path) != ("GET", "/rules"):
        return answer(404, JSON, b'{"ok": false, "error": "Not found"}')
    return answer(200, JSON, msgspec.json.encode(proxy.rules))


async def run(port: int, upstream: int, control: int, seed: int) -> None:
    """Until the process ends."""
    async with proxying(port, upstream, seed) as proxy, controlled(proxy, control):
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.faults.proxy")
    for name in ("--port", "--upstream", "--control"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    with suppress(KeyboardInterrupt):
        asyncio.run(run(**vars(parser.parse_args())))
