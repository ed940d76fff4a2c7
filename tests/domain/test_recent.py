"""Lately is thirty days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from portal.domain.recent import recent
from portal.domain.until import ALWAYS, Now

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Happening:
    """Something that happened."""

    created_at: datetime


def test_the_last_thirty_days_count_to_the_second() -> None:
    just = Happening(NOW - timedelta(days=30))
    too_old = Happening(NOW - timedelta(days=30, seconds=1))
    assert recent([just, too_old], Now(NOW)) == [just]


@given(st.lists(st.timedeltas(timedelta(days=-40), timedelta(days=1)), max_size=5))
def test_they_are_the_same_until_the_moment_that_is_told(ago: list[timedelta]) -> None:
    happened, now = [Happening(NOW + one) for one in ago], Now(NOW)
    found, until = recent(happened, now), now.until.moment
    if not found:
        assert until == ALWAYS
        return
    assert until > NOW
    assert recent(happened, Now(until - timedelta.resolution)) == found
    assert recent(happened, Now(until)) != found
