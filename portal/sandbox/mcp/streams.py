"""Streams that stay open until the client leaves, ended in good order when the server stops.

A server that is asked to stop waits for the answers under way, and these would never be over.
"""

from __future__ import annotations

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Streams:
    """The open streams of one server."""

    def __init__(self) -> None:
        self._ending = anyio.Event()

    def end(self) -> None:
        """End them all, and those that are opened from now on."""
        self._ending.set()

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Run `app`, which answers with a stream; to it the end looks as if the client had left."""
        unfinished = False

        async def watch(message: Message) -> None:
            nonlocal unfinished
            unfinished = message.get("more_body", True)
            await send(message)

        async def left() -> Message:
            message: Message = {"type": "http.disconnect"}

            async def receive_one() -> None:
                nonlocal message
                message = await receive()
                group.cancel_scope.cancel()

            async with anyio.create_task_group() as group:
                group.start_soon(receive_one)
                await self._ending.wait()
                group.cancel_scope.cancel()
            return message

        await app(scope, left, watch)
        if unfinished and self._ending.is_set():
            await send({"type": "http.response.body", "body": b"", "more_body": False})
