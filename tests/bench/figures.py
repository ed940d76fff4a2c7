"""Figures of several rounds: their median, how far they spread, and ratios round by round."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """What several rounds measured: the median, the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Raises ValueError without values."""
        if not values:
            raise ValueError("no round was measured")
        return cls(statistics.median(values), min(values), max(values))

    def shown(self, digits: int = 2) -> str:
        """`2.51 (2.40-2.60)`, thousands set apart."""
        median, low, high = (f"{value:,.{digits}f}" for value in (self.median, self.low, self.high))
        return f"{median} ({low}-{high})"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Ours divided by theirs, round by round: both were measured in the same noise."""
    return Spread.of([one / other for one, other in zip(ours, theirs, strict=True)])


@dataclass(frozen=True)
class Bar:
    """What must be true of a figure: at least, or at most, `limit`."""

    limit: float
    at_least: bool = True

    def is_met(self, *values: float) -> bool:
        """Whether every one of the values is on the right side."""
        if self.at_least:
            return all(value >= self.limit for value in values)
        return all(value <= self.limit for value in values)

    def verdict(self, *values: float) -> str:
        """The bar and what came of it, as a cell of a table."""
        sign = "≥" if self.at_least else "≤"
        return f"{sign} {self.limit:g}: {'met' if self.is_met(*values) else '**not met**'}"
