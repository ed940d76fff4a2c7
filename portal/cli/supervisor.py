"""Several workers on one listening socket: replaced when they end, and one by one on SIGHUP.

The socket is the supervisor's and stays open: whoever connects while workers come and go waits in
its line, and is answered by the next that is free.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Final

import structlog

from portal.metrics import forget_state

COMMAND: Final = (sys.executable, "-m", "portal.cli.start_worker")
READY_SECONDS: Final = 60.0
"""That a worker is given to begin to serve."""

STOP_SECONDS: Final = 9.7
"""That workers are given to end, which they do by themselves before that."""

PAUSE_SECONDS: Final = 1.0
"""Before a worker is started in the place of one that never served."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Orders:
    """What a worker is given: file descriptors, and the name of its place among the counts.

    A byte goes to `ready` once requests are served; `lifeline` ends when the supervisor does.
    """

    listener: int
    ready: int
    lifeline: int
    place: str

    @classmethod
    def read(cls, words: Sequence[str]) -> Orders:
        """From the words of a command line."""
        listener, ready, lifeline, place = words
        return cls(int(listener), int(ready), int(lifeline), place)

    def written(self) -> tuple[str, ...]:
        """As the words of a command line."""
        return tuple(str(value) for value in astuple(self))


@dataclass(eq=False)
class _Worker:
    """A process, the place that it counts in, and our end of its lifeline."""

    process: asyncio.subprocess.Process
    place: int
    lifeline: int
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Supervisor:
    """Keeps `count` workers serving. `folder` is where they count; `delay` as SHUTDOWN_DELAY."""

    def __init__(
        self,
        listener: socket.socket,
        count: int,
        folder: Path,
        delay: int = 0,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._listener = listener
        self._count = count
        self._folder = folder
        self._delay = delay
        self._command = command
        self._workers: list[_Worker] = []
        self._free_places = set(range(2 * count + 1))
        self._burials: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._restart_asked = False
        self._stop_asked = asyncio.Event()

    async def run(self) -> int:
        """Until SIGTERM or SIGINT, a second of which ends it at once; 1 when nothing ever served.

        SIGHUP starts a worker for each and ends the old one once the new one serves.
        """
        with self._signals():
            return await self._run()

    async def _run(self) -> int:
        keeping = asyncio.create_task(self._keep())
        asked = asyncio.create_task(self._stop_asked.wait())
        await asyncio.wait({keeping, asked}, return_when=asyncio.FIRST_COMPLETED)
        failed = keeping.done()
        keeping.cancel()
        asked.cancel()
        await asyncio.gather(keeping, asked, return_exceptions=True)
        ends = (self._end(worker) for worker in tuple(self._workers))
        await asyncio.gather(self._close_listener(), *ends)
        return 1 if failed else 0

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        asked = {
            signal.SIGTERM: self._ask_to_stop,
            signal.SIGINT: self._ask_to_stop,
            signal.SIGHUP: self._ask_to_restart,
        }
        for number, then in asked.items():
            loop.add_signal_handler(number, then)
        try:
            yield
        finally:
            for number in asked:
                loop.remove_signal_handler(number)

    async def _close_listener(self) -> None:
        """When the workers close theirs: then nobody waits in line for an answer any more."""
        await asyncio.sleep(self._delay)
        self._listener.close()

    def _ask_to_stop(self) -> None:
        if self._stop_asked.is_set():
            for worker in self._workers:
                _signal(worker, signal.SIGKILL)
        self._stop_asked.set()

    def _ask_to_restart(self) -> None:
        self._restart_asked = True
        self._news.set()

    async def _keep(self) -> None:
        """For ever; returns when not even the first workers can be started."""
        if not all(await asyncio.gather(*(self._start() for _ in range(self._count)))):
            log.error("workers_not_started")
            return
        log.info("workers_started", workers=self._count)
        while True:
            await self._news.wait()
            self._news.clear()
            if self._restart_asked:
                self._restart_asked = False
                await self._restart()
            while len(self._workers) < self._count:
                if await self._start() is None:
                    await asyncio.sleep(PAUSE_SECONDS)

    async def _restart(self) -> None:
        """A new worker for each, one after another. Given up when one does not come to serve."""
        for old in tuple(self._workers):
            if await self._start() is None:
                log.error("restart_given_up")
                return
            await self._end(old)
        log.info("workers_restarted")

    async def _start(self) -> _Worker | None:
        """A worker that serves; None when it ended before that, or was too slow."""
        ready, tell = os.pipe()
        held, lifeline = os.pipe()
        place = min(self._free_places)
        self._free_places.remove(place)
        orders = Orders(self._listener.fileno(), tell, held, str(place))
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, *orders.written(), pass_fds=(orders.listener, tell, held)
            )
        finally:
            os.close(tell)
            os.close(held)
        worker = _Worker(process, place, lifeline)
        self._workers.append(worker)
        burial = asyncio.create_task(self._bury(worker))
        self._burials.add(burial)
        burial.add_done_callback(self._burials.discard)
        if await _is_told(ready):
            return worker
        log.error("worker_not_started", pid=process.pid)
        _signal(worker, signal.SIGKILL)
        await worker.ended.wait()
        return None

    async def _bury(self, worker: _Worker) -> None:
        """See a worker end. Who comes into its place counts on from there."""
        code = await worker.process.wait()
        log.info("worker_ended", pid=worker.process.pid, code=code)
        self._workers.remove(worker)
        os.close(worker.lifeline)
        forget_state(str(self._folder), str(worker.place))
        self._free_places.add(worker.place)
        worker.ended.set()
        self._news.set()

    async def _end(self, worker: _Worker) -> None:
        """Ask a worker to end; kill one that does not."""
        _signal(worker, signal.SIGTERM)
        try:
            async with asyncio.timeout(self._delay + STOP_SECONDS):
                await worker.ended.wait()
        except TimeoutError:
            _signal(worker, signal.SIGKILL)
            await worker.ended.wait()


def _signal(worker: _Worker, number: signal.Signals) -> None:
    if not worker.ended.is_set() and worker.process.returncode is None:
        worker.process.send_signal(number)


async def _is_told(pipe: int) -> bool:
    """Whether a byte comes, in time, before the other end is closed. Closes this one."""
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()
    loop.add_reader(pipe, arrived.set)
    try:
        async with asyncio.timeout(READY_SECONDS):
            await arrived.wait()
        return bool(os.read(pipe, 1))
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(pipe)
        os.close(pipe)
