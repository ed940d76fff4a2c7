"""A real SMTP listener: what the portal mails arrives in the mailbox."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session

from portal.sandbox.mail import keep_letter, parse_letter
from portal.sandbox.store import Store

MOST_BYTES: Final = 5 * 1024 * 1024


class Postbox:
    """Takes every message, for whomever it is."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        """Store the message; the reply says so only afterwards."""
        content = envelope.content
        assert isinstance(content, bytes)
        letter = parse_letter(content, envelope.mail_from or "")
        keep_letter(self._store, letter, envelope.rcpt_tos)
        return "250 Message accepted for delivery"


@asynccontextmanager
async def listening(store: Store, listener: socket.socket) -> AsyncIterator[None]:
    """Receive mail on `listener` inside the block, in the running event loop."""
    loop = asyncio.get_running_loop()
    postbox = Postbox(store)
    open_transports: set[asyncio.BaseTransport] = set()

    class Connection(SMTP):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            open_transports.add(transport)
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            open_transports.discard(self.transport)
            super().connection_lost(error)

    def protocol() -> SMTP:
        return Connection(
            postbox,
            hostname="sandbox.localhost",
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            loop=loop,
        )

    server = await loop.create_server(protocol, sock=listener)
    try:
        yield
    finally:
        server.close()
        for transport in tuple(open_transports):
            transport.close()
        await server.wait_closed()
