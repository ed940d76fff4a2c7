"""Running web apps on ports until the process is asked to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from portal.live.stream import end_streams

GRACE_SECONDS: Final = 8
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class PortTaken(Exception):
    """Another program listens there already."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"{host}:{port} is taken by another program")
        self.port = port


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises PortTaken."""
    try:
        listener = socket.create_server((host, port), reuse_port=False)
    except OSError as error:
        raise PortTaken(host, port) from error
    # asyncio does this for sockets that it makes itself; without it an answer can wait 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve `app` inside the block; leaving it finishes the requests under way."""
    config = uvicorn.Config(
        app,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        # uvicorn says that it is ready by this attribute alone.
        while not server.started and not task.done():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        if task.done():
            await task
        yield
    finally:
        end_streams(app)
        server.should_exit = True
        await task


def before_stopping(call: Callable[[], None]) -> None:
    """Have `call` run on this loop when the process is asked to stop, then what was to run before.

    A server tells its app only once every answer has ended, and some end only when told.
    """
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        signal.signal(number, _first(call, loop, signal.getsignal(number)))


def _first(
    call: Callable[[], None], loop: asyncio.AbstractEventLoop, then: object
) -> Callable[[int, FrameType | None], None]:
    def stop(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(call)
        if callable(then):
            then(number, frame)

    return stop


@contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """An event that is set when the process is asked to stop; a second request ends it at once."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        asked.set()
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, ask)
    try:
        yield asked
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


class _Server(uvicorn.Server):
    """A server among several in one process, which owns the signals itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
