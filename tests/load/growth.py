"""How memory grows with requests: a line through what was measured after the warm-up."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Final, NamedTuple

REQUESTS: Final = 10_000
WARM_UP: Final = 1 / 3
"""The part of a run in which caches fill, which is no growth."""


class Sample(NamedTuple):
    """After so many requests the portal was so large."""

    requests: int
    resident_mb: float


def after_warm_up(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Those of the rest of the run."""
    return samples[int(len(samples) * WARM_UP) :]


def growth(samples: Sequence[Sample]) -> float:
    """MB for each 10,000 requests, by least squares. Raises StatisticsError for under two."""
    line = statistics.linear_regression(
        [sample.requests for sample in samples], [sample.resident_mb for sample in samples]
    )
    return line.slope * REQUESTS
