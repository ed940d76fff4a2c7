"""What a queue hands out, gives up and says of itself, whatever its engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """One hand-out of a message. `attempts` counts this one; `lease` tells hand-outs apart."""

    id: str
    key: str
    body: bytes
    attempts: int
    lease: int = 0


@dataclass(frozen=True)
class DeadLetter:
    """A message that was given up: why, and when in seconds since the epoch."""

    id: str
    key: str
    body: bytes
    attempts: int
    detail: str
    buried_at: float


@dataclass(frozen=True)
class Depth:
    """How much waits, handed out or not; how much is dead; how long the first has waited."""

    waiting: int
    dead: int
    oldest_age_seconds: float
