"""Work that goes on after the answer has left: a worker's `ctx.waitUntil`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger(__name__)


class Context:
    """Holds what is under way, so that it is neither lost nor forgotten at shutdown."""

    def __init__(self) -> None:
        # The loop itself refers to its tasks weakly: one that nobody holds can vanish half-way.
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False

    @property
    def is_stopping(self) -> bool:
        """Whether the process is about to end: long work ends at its next resting place."""
        return self._is_stopping

    def stop(self) -> None:
        """Ask work that can go on elsewhere to end; what is short is still waited for."""
        self._is_stopping = True

    def wait_until(self, work: Coroutine[Any, Any, object]) -> None:
        """Start the work and go on. What it raises is logged, and reaches nobody."""
        task = asyncio.create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, seconds: float) -> None:
        """Wait for everything, and for what that starts in turn; cancel what takes too long."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self._tasks and (left := deadline - loop.time()) > 0:
            await asyncio.wait(self._tasks, timeout=left)
        abandoned = list(self._tasks)
        for task in abandoned:
            log.warning("background_work_cancelled", seconds=seconds)
            task.cancel()
        await asyncio.gather(*abandoned, return_exceptions=True)


async def _logged(work: Coroutine[Any, Any, object]) -> None:
    try:
        await work
    except Exception:
        log.exception("background_work_failed", work=getattr(work, "__qualname__", "?"))
