"""Lately is thirty days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from portal.domain.recent import recent

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Happening:
    """Something that happened."""

    created_at: datetime


def test_the_last_thirty_days_count_to_the_second() -> None:
    just = Happening(NOW - timedelta(days=30))
    too_old = Happening(NOW - timedelta(days=30, seconds=1))
    assert recent([just, too_old], NOW) == [just]
