"""Greetings go by the viewer's clock."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from portal.domain.daypart import DayPart, day_part


@pytest.mark.parametrize(
    ("hour", "part"),
    [
        (4, DayPart.EVENING),
        (5, DayPart.MORNING),
        (11, DayPart.MORNING),
        (12, DayPart.AFTERNOON),
        (17, DayPart.AFTERNOON),
        (18, DayPart.EVENING),
        (23, DayPart.EVENING),
        (0, DayPart.EVENING),
    ],
)
def test_the_day_has_three_parts(hour: int, part: DayPart) -> None:
    assert day_part(datetime(2026, 7, 1, hour, 59, tzinfo=UTC), ZoneInfo("UTC")) is part


def test_it_is_the_viewers_day() -> None:
    moment = datetime(2026, 7, 1, 9, tzinfo=UTC)
    assert day_part(moment, ZoneInfo("Asia/Tokyo")) is DayPart.EVENING
    assert day_part(moment, ZoneInfo("Europe/Warsaw")) is DayPart.MORNING
