"""Log lines written together: those of one turn of the event loop in one go.

To hand a line to the kernel took as long as all the rest of answering a page that is kept. None is
late: a turn is over before the next request is read. A process that is killed loses those of one.
"""

from __future__ import annotations

import asyncio
import atexit
from contextlib import suppress
from threading import Lock
from typing import TextIO


class GatheredLines:
    """What a logger writes to, in front of a stream. Outside of an event loop nothing waits."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = Lock()
        self._waiting: list[str] = []
        self._is_due = False
        atexit.register(self._write)

    def write(self, text: str) -> int:
        """Take a line."""
        self._waiting.append(text)
        return len(text)

    def flush(self) -> None:
        """Have what was taken written at the end of this turn, or now where there is no loop."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._write()
            return
        if not self._is_due:
            self._is_due = True
            loop.call_soon(self._write)

    def _write(self) -> None:
        self._is_due = False
        # Whoever reads the log may be gone; that must not stop anything.
        with self._lock, suppress(OSError, ValueError):
            waiting, self._waiting = self._waiting, []
            self._stream.write("".join(waiting))
            self._stream.flush()
