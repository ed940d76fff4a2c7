"""The queue of a worker: what is sent is on disk, and handed out until someone confirms it.

Messages of one key go in order, one at a time; those of different keys do not wait for each other.
A message that cannot be delivered is buried as a dead letter: out of the way, kept and listable.
While the engine is away every method raises what `open_queue` was given as `unavailable`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from portal.edge.engine import EngineUnavailable, Unavailable, is_redis
from portal.edge.messages import DeadLetter, Depth, Message
from portal.edge.sqlite_queue import SqliteQueue

__all__ = ["DeadLetter", "Depth", "Message", "Queue", "open_queue"]


class Queue(Protocol):
    """A durable queue. Answers about a hand-out that was since given to another change nothing."""

    async def send(self, body: bytes, *, key: str, id: str) -> None:  # noqa: A002
        """Take a message in; it is on disk when this returns.

        The same `id` again is the same message, as long as the queue holds it.
        """

    async def receive(self, batch: int, lease_seconds: float) -> list[Message]:
        """Up to `batch` messages that are due, oldest first, at most one of each key.

        Each comes back to the line unless it is answered within `lease_seconds`.
        """

    async def ack(self, message: Message) -> None:
        """It was delivered: forget it."""

    async def retry(self, message: Message, delay: float, detail: str) -> None:
        """It could not be delivered now: hand it out again after `delay` seconds."""

    async def bury(self, message: Message, detail: str) -> None:
        """It cannot be delivered: keep it as a dead letter and let the next of its key go."""

    async def dead(self) -> list[DeadLetter]:
        """The dead letters, in the order in which they were sent."""

    async def replay(self, message_id: str) -> bool:
        """Put a dead letter back in its old place in line; False when there is none of that id."""

    async def depth(self) -> Depth:
        """How full the queue is."""

    async def close(self) -> None:
        """Let go of the queue; what is in it stays there."""


def open_queue(
    url: str,
    clock: Callable[[], float] = time.time,
    unavailable: Unavailable = EngineUnavailable,
) -> Queue:
    """The queue that `url` names; nothing is asked of a server yet.

    `clock` gives seconds since the epoch, for SQLite; on Redis the server's own counts, which all
    machines share. Raises ValueError for an engine that is not known or not installed.
    """
    if not is_redis(url):
        return SqliteQueue(url, clock, unavailable)
    # Only whoever uses this engine installs its client.
    from portal.edge.redis_queue import RedisQueue

    return RedisQueue(url, unavailable)
