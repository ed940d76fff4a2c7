"""A Redis server for tests, one for each process of pytest; stores on it obey a test's clock."""

from __future__ import annotations

import atexit
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Final
from uuid import uuid4

from redis import Redis

from portal.edge.engine import EngineUnavailable, Unavailable
from portal.edge.kv import KV, open_kv
from portal.edge.queue import Queue, open_queue
from portal.edge.redis_kv import RedisKV
from portal.edge.redis_queue import RedisQueue

Clock = Callable[[], float]
ENGINES: Final = ("sqlite", "redis")
START_SECONDS: Final = 10.0

AGE: Final = """
for _, key in ipairs(redis.call('KEYS', KEYS[1] .. '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then
    redis.call('PEXPIRE', key, left - ARGV[1])
  end
end
"""


class RedisProcess:
    """`redis-server` in a folder, on a socket there; what it is told outlives it, as it should."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "s"
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, prefix: str) -> str:
        """What a binding says to use it, under a prefix."""
        return f"unix://{self.socket}?prefix={prefix}"

    def client(self) -> Redis:
        """A client that a test looks at it with."""
        return Redis(unix_socket_path=str(self.socket))

    def start(self) -> None:
        """Start it, and return once it answers."""
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "no",
            "maxmemory-policy": "noeviction",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen(
            ["redis-server", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, "redis-server ended at once"
            assert time.monotonic() < deadline, "redis-server does not answer"

    def stop(self) -> None:
        """Stop it, and return once it has ended; what it was told stays in its folder."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=START_SECONDS)
            self._process = None

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as wire:
            try:
                wire.connect(str(self.socket))
                wire.sendall(b"PING\r\n")
                return wire.recv(16).startswith(b"+PONG")
            except OSError:
                return False


@contextmanager
def running_redis() -> Iterator[RedisProcess]:
    """A server of one's own; stopped at the end, and forgotten."""
    # A socket's path is short: what pytest would give us may be too long for one.
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        made = RedisProcess(Path(folder))
        made.start()
        try:
            yield made
        finally:
            made.stop()


@cache
def redis_process() -> RedisProcess:
    """This process' own server, started when first asked for and stopped at the end."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(running_redis())


def redis_url() -> str:
    """A URL of this process' server, under a prefix that nobody has used."""
    return redis_process().url(uuid4().hex)


class ClockedKV(RedisKV):
    """A store on Redis to which time passes as a test's clock says, not only as it does.

    Before each question what is in it is aged by as much as the clock was moved.
    """

    def __init__(
        self, url: str, clock: Clock, unavailable: Unavailable = EngineUnavailable
    ) -> None:
        super().__init__(url, unavailable)
        self._clock = clock
        self._seen = clock()

    async def _age(self) -> None:
        passed, self._seen = self._clock() - self._seen, self._clock()
        if passed:
            await self._server.script(AGE, self._keys[:1], round(passed * 1000))

    async def get(self, key: str) -> bytes | None:
        """See `KV`."""
        await self._age()
        return await super().get(key)

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """See `KV`."""
        await self._age()
        return await super().get_many(keys)

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """See `KV`."""
        await self._age()
        await super().put(key, value, ttl)

    async def add(self, key: str, value: bytes, ttl: float | None = None) -> bool:
        """See `KV`."""
        await self._age()
        return await super().add(key, value, ttl)

    async def increment(self, key: str, ttl: float) -> int:
        """See `KV`."""
        await self._age()
        return await super().increment(key, ttl)

    async def list(self, prefix: str = "") -> list[str]:
        """See `KV`."""
        await self._age()
        return await super().list(prefix)


def new_url(engine: str) -> str:
    """A URL of an empty store or queue on an engine."""
    return "sqlite::memory:" if engine == "sqlite" else redis_url()


def new_kv(
    engine: str, clock: Clock = time.time, unavailable: Unavailable = EngineUnavailable
) -> KV:
    """An empty store on an engine, on a test's clock."""
    if engine == "redis":
        return ClockedKV(redis_url(), clock, unavailable)
    return open_kv(new_url(engine), clock, unavailable)


def new_queue(
    engine: str, clock: Clock = time.time, unavailable: Unavailable = EngineUnavailable
) -> Queue:
    """An empty queue on an engine, on a test's clock."""
    if engine == "redis":
        return RedisQueue(redis_url(), unavailable, clock)
    return open_queue(new_url(engine), clock, unavailable)
