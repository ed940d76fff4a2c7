"""The socket that a server listens on."""

from __future__ import annotations

import socket
from typing import Final

BACKLOG: Final = 2048


class PortTaken(Exception):
    """Another program listens there already."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"{host}:{port} is taken by another program")
        self.port = port


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise PortTaken(host, port) from error
    # asyncio does this for sockets that it makes itself; without it an answer can wait 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
