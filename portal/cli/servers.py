"""Running web apps on ports until the process is asked to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from portal.health import stop_being_ready
from portal.live.stream import end_streams
from portal.whole_answers import WholeAnswers

GRACE_SECONDS: Final = 5
"""For requests that are under way when a server is asked to stop. What goes on after answers has
until `STOP_SECONDS` of `portal.app`, and the whole process 10 seconds."""

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def server_config(app: ASGIApp) -> uvicorn.Config:
    """How each of our servers runs its app."""
    return uvicorn.Config(
        app,
        http=WholeAnswers,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


@asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve `app` inside the block; leaving it finishes the requests under way."""
    server = _Server(server_config(app))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        # uvicorn says that it is ready by this attribute alone.
        while not server.started and not task.done():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        if task.done():
            await task
        yield
    finally:
        stop_being_ready(app)
        end_streams(app)
        server.should_exit = True
        await task


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
