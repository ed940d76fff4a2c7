"""The timeline: by the viewer's calendar day, whatever the clocks did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.timeline import KINDS, Kind, by_day, entry, kind_of

ZONES = ["UTC", "Europe/Warsaw", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago"]
# St John's set its clocks back at one minute past midnight until 2011.
ZONES += ["Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"]


@dataclass(frozen=True)
class Activity:
    """The fields of an activity."""

    created_at: datetime
    activity_type: str = "milestone"
    title: str | None = "Milestone"
    description: str | None = None
    engagement_id: str | None = None


def at(text: str) -> Activity:
    return Activity(datetime.fromisoformat(text))


def days_in(zone: str, *moments: str) -> list[tuple[date, int]]:
    return [(d.day, len(d.entries)) for d in by_day(map(at, moments), ZoneInfo(zone))]


def test_one_moment_falls_on_the_day_it_has_where_the_viewer_is() -> None:
    moment = "2026-11-24T23:30:00+00:00"
    assert days_in("America/New_York", moment) == [(date(2026, 11, 24), 1)]
    assert days_in("Europe/Warsaw", moment) == [(date(2026, 11, 25), 1)]


def test_days_of_23_and_25_hours_keep_what_is_theirs() -> None:
    spring = ("2026-03-29T22:30:00+00:00", "2026-03-29T21:30:00+00:00", "2026-03-28T23:00:00+00:00")
    assert days_in("Europe/Warsaw", *spring) == [(date(2026, 3, 30), 1), (date(2026, 3, 29), 2)]
    autumn = ("2026-10-24T22:00:00+00:00", "2026-10-25T22:59:00+00:00", "2026-10-25T23:00:00+00:00")
    assert days_in("Europe/Warsaw", *autumn) == [(date(2026, 10, 26), 1), (date(2026, 10, 25), 2)]


def test_clocks_set_back_over_midnight_do_not_split_the_day() -> None:
    # 00:00:30 of the 7th, then 23:30 of the 6th again, then 00:30 of the 7th again.
    moments = (
        "2010-11-07T02:30:30+00:00",
        "2010-11-07T03:00:00+00:00",
        "2010-11-07T04:00:00+00:00",
    )
    assert days_in("America/St_Johns", *moments) == [(date(2010, 11, 7), 2), (date(2010, 11, 6), 1)]


moments = st.datetimes(datetime(2009, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC))
nearby = moments.flatmap(
    lambda first: st.lists(
        st.integers(0, 200_000).map(lambda s: first + timedelta(seconds=s)), max_size=12
    )
)


@given(nearby, st.sampled_from(ZONES))
@settings(deadline=None)
def test_every_activity_is_there_once_under_its_own_day_latest_first(
    found: list[datetime], zone: str
) -> None:
    arranged = by_day([Activity(moment) for moment in found], ZoneInfo(zone))
    assert sorted(e.at for d in arranged for e in d.entries) == sorted(found)
    days = [d.day for d in arranged]
    assert days == sorted(set(days), reverse=True)
    for day in arranged:
        assert all(e.at.astimezone(ZoneInfo(zone)).date() == day.day for e in day.entries)
        assert [e.at for e in day.entries] == sorted((e.at for e in day.entries), reverse=True)


@pytest.mark.parametrize(
    ("activity_type", "label"),
    [
        ("roof_inspected", "Roof inspected"),
        ("kick-off__held ", "Kick off held"),
        ("___", "___"),
        ("AI_review", "AI review"),
    ],
)
def test_an_unknown_kind_is_named_by_its_own_words(activity_type: str, label: str) -> None:
    assert kind_of(activity_type) == Kind(label, "dot", known=False)


def test_a_known_kind_has_its_own_name_and_icon() -> None:
    assert kind_of("scan_completed") == KINDS["scan_completed"]
    assert kind_of("scan_completed").known


def test_blank_texts_count_as_none() -> None:
    shown = entry(Activity(datetime(2026, 1, 1, tzinfo=UTC), title="  ", description="\n"))
    assert (shown.title, shown.description) == (None, None)
