"""Timing calls in turn, so that a noisy machine is noisy for all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """What a call took, in milliseconds."""

    median: float
    p95: float


async def in_turn(
    calls: Mapping[str, Callable[[], Awaitable[object]]], rounds: int
) -> dict[str, Timing]:
    """Each call once a round, after one round that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            started = time.perf_counter()
            await call()
            if number:
                taken[name].append((time.perf_counter() - started) * 1000)
    return {name: _timing(times) for name, times in taken.items()}


def _timing(times: list[float]) -> Timing:
    return Timing(statistics.median(times), statistics.quantiles(times, n=20)[18])
