"""Killed at any moment, the sandbox comes back with every write that it acknowledged, once each."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx2 as httpx
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from portal.sandbox.app import SandboxConfig, create_sandbox
from portal.sandbox.store import Store
from tests.sandbox.setup import API_KEY

ROUNDS: Final = 100
WRITERS: Final = 4
MOST_WRITES: Final = 12


def serve(path: Path, listener: socket.socket) -> None:
    """What the killed process does: the whole sandbox, on a file and a real port."""

    def clock() -> datetime:
        return datetime.now(UTC)

    app = create_sandbox(SandboxConfig("i", "s", API_KEY), Store(path, clock), clock)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        loop="asyncio",
        http=HttpToolsProtocol,
    )
    uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def sandbox(path: Path, listener: socket.socket) -> Iterator[multiprocessing.process.BaseProcess]:
    """A sandbox in a process of its own, killed at the end at the latest."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=serve, args=(path, listener))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        process.close()


@dataclass
class Writes:
    """What was sent under which key, and what was acknowledged."""

    acknowledged: dict[str, str] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)
    made: int = 0

    def next_key(self) -> str:
        """A write whose answer never came, to be sent again; else a new one."""
        if self.unsure:
            return self.unsure.pop()
        self.made += 1
        return f"write-{self.made}"


async def write_until_killed(
    api: httpx.AsyncClient, writes: Writes, server: multiprocessing.process.BaseProcess, after: int
) -> None:
    """Write, several at a time; kill the server once `after` writes are acknowledged."""
    acknowledged = 0

    async def write() -> None:
        nonlocal acknowledged
        while server.is_alive():
            key = writes.next_key()
            try:
                response = await api.post(
                    "/api/activities",
                    json={"activity_type": "note", "title": key},
                    headers={"Idempotency-Key": key},
                )
            except httpx.TransportError:
                writes.unsure.append(key)
                return
            assert response.status_code == 201
            writes.acknowledged[key] = response.json()["data"]["id"]
            acknowledged += 1
            if acknowledged == after:
                server.kill()
                # Until it is dead, others would wait on a socket that nobody serves any more.
                server.join()

    await asyncio.gather(*(write() for _ in range(WRITERS)))


async def kept(api: httpx.AsyncClient) -> dict[str, str]:
    """Every activity's id, by the key under which it was written."""
    records = (await api.get("/api/activities", params={"limit": 5000})).json()["data"]
    assert len({record["title"] for record in records}) == len(records)
    return {record["title"]: record["id"] for record in records}


def client(address: str) -> httpx.AsyncClient:
    headers = {"X-SM-Key": API_KEY}
    return httpx.AsyncClient(base_url=address, headers=headers, timeout=2, verify=False)


async def test_no_acknowledged_write_is_lost_and_none_is_made_twice(tmp_path: Path) -> None:
    path, writes, chance = tmp_path / "sandbox.db", Writes(), random.Random(7)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # As `portal sandbox` does: without it an answer can wait 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        for _ in range(ROUNDS):
            with sandbox(path, listener) as server:
                async with client(address) as api:
                    assert writes.acknowledged.items() <= (await kept(api)).items()
                    await write_until_killed(api, writes, server, chance.randint(1, MOST_WRITES))
        with sandbox(path, listener):
            async with client(address) as api:
                found = await kept(api)
    store = Store(path, lambda: datetime.now(UTC))
    with store.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    store.close()
    assert writes.acknowledged.items() <= found.items()
    assert set(found) <= set(writes.acknowledged) | set(writes.unsure)
    assert len(found) >= ROUNDS
