"""One process of the production server: answers requests until it is asked to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Final

import uvicorn
from starlette.applications import Starlette

from portal import asgi
from portal.app import STOP_SECONDS
from portal.cli.collector import collector_off
from portal.cli.servers import server_config
from portal.cli.supervisor import Orders
from portal.edge.diagnostics import ConfigError
from portal.health import stop_being_ready
from portal.live.stream import end_streams
from portal.metrics import share_counts

LINGER_SECONDS: Final = 0.25
"""After the last connection is taken, for those whose request has not arrived yet."""

LAST_SECONDS: Final = STOP_SECONDS + 2
"""After which the process ends whatever it is still doing: a thread may hang, or the loop."""

CLOSE: Final = (b"connection", b"close")


class Server(uvicorn.Server):
    """A server that leaves no request unanswered that reached it, and ends in time.

    Asked to stop, it first says so at `/readyz` and takes requests for `delay` seconds more. With
    `orders`, it tells its supervisor when it serves, and stops when that is gone.
    """

    def __init__(self, app: Starlette, delay: int, orders: Orders | None = None) -> None:
        super().__init__(server_config(app))
        self._app = app
        self._delay = delay
        self._orders = orders

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Be asked to stop. The kernel's own alarm ends a process that does not get to it."""
        if not self.should_exit:
            signal.setitimer(signal.ITIMER_REAL, self._delay + LAST_SECONDS)
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and say so."""
        await super().startup(sockets)
        if self._orders is not None:
            with suppress(BrokenPipeError):
                os.write(self._orders.ready, b".")
            os.close(self._orders.ready)
            asyncio.get_running_loop().add_reader(self._orders.lifeline, self._orphaned)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Turn away, take no more connections, answer what has come, then end."""
        stop_being_ready(self._app, self._delay)
        await asyncio.sleep(self._delay)
        end_streams(self._app)
        self.server_state.default_headers = [*self.server_state.default_headers, CLOSE]
        for server in self.servers:
            server.close()
        await asyncio.sleep(LINGER_SECONDS)
        await super().shutdown(sockets)

    def _orphaned(self) -> None:
        assert self._orders is not None
        asyncio.get_running_loop().remove_reader(self._orders.lifeline)
        self.handle_exit(signal.SIGTERM, None)


def serve(listener: socket.socket, orders: Orders | None = None) -> None:
    """Serve until a signal, or the end of the supervisor. Raises ConfigError."""
    with collector_off():
        app = asgi.app()
    Server(app, app.state.env.settings.shutdown_delay, orders).run([listener])


def main(words: Sequence[str]) -> int:
    """Be a worker under a supervisor. A terminal tells that one, and it tells us."""
    orders = Orders.read(words)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    share_counts(orders.place)
    try:
        serve(socket.socket(fileno=orders.listener), orders)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
