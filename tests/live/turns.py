"""Letting time pass turn by turn, without waiting for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass
class Turns:
    """A pause that lasts until the test gives the next turn."""

    lengths: list[float] = field(default_factory=list)
    _paused: asyncio.Event = field(default_factory=asyncio.Event)
    _go: asyncio.Event = field(default_factory=asyncio.Event)

    async def pause(self, seconds: float) -> None:
        self.lengths.append(seconds)
        self._paused.set()
        await self._go.wait()
        self._go.clear()

    async def done(self) -> None:
        """The turn under way is over."""
        async with asyncio.timeout(5):
            await self._paused.wait()

    def last(self) -> None:
        """Let the pause end; nothing has to follow it."""
        self._go.set()

    async def next(self, times: int = 1) -> None:
        """Let that many turns pass."""
        for _ in range(times):
            await self.done()
            self._paused.clear()
            self._go.set()
            await self.done()
