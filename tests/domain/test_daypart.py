"""Greetings go by the viewer's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.daypart import DayPart, day_part, day_part_until

MOMENTS = st.datetimes(datetime(2022, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))
ZONES = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)


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


@given(MOMENTS, ZONES)
def test_it_is_the_same_until_it_ends(moment: datetime, zone: ZoneInfo) -> None:
    part, ends = day_part(moment, zone), day_part_until(moment, zone)
    assert moment < ends
    assert day_part(moment + (ends - moment) / 2, zone) is part
    assert day_part(ends - timedelta.resolution, zone) is part
    assert day_part(ends, zone) is not part
