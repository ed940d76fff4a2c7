"""Until when: the first moment at which time alone changes something."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from portal.domain.until import ALWAYS, Now, Until, next_midnight, next_minute

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2022, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))
ZONES = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
TICK = timedelta.resolution


def test_it_is_the_first_of_what_it_is_told() -> None:
    until = Until()
    assert until.moment == ALWAYS
    for days in (3, 1, 2):
        until.at_most(NOON + timedelta(days=days))
    assert until.moment == NOON + timedelta(days=1)
    assert Now(NOON).until.moment == Now(NOON, Until()).until.moment == ALWAYS


@given(MOMENTS)
def test_a_minute_is_over_when_a_clock_without_seconds_moves(moment: datetime) -> None:
    over = next_minute(moment)
    shown = moment.strftime("%H:%M")
    assert (over - TICK).strftime("%H:%M") == shown != over.strftime("%H:%M")
    assert over - moment <= timedelta(minutes=1)


@given(MOMENTS, ZONES)
def test_a_day_is_over_at_the_midnight_of_its_zone(moment: datetime, zone: ZoneInfo) -> None:
    today = moment.astimezone(zone).date()
    over = next_midnight(today, zone)
    assert moment < over
    assert (over - TICK).astimezone(zone).date() == today
    assert over.astimezone(zone).date() == today + timedelta(days=1)


def test_a_midnight_that_the_clocks_skip_is_when_they_do() -> None:
    cairo = ZoneInfo("Africa/Cairo")
    over = next_midnight(date(2026, 4, 23), cairo)
    assert over == datetime(2026, 4, 23, 22, tzinfo=UTC)
    assert over.astimezone(cairo) == datetime(2026, 4, 24, 1, tzinfo=cairo)
