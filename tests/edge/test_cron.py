"""Schedules: what an expression means, when it runs next, and that a wrong one is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.edge.cron import next_run, parse_cron
from portal.edge.diagnostics import Diagnostics
from portal.edge.schema import CRON


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "after", "comes"),
    [
        ("* * * * *", "2026-11-24T15:30:00", "2026-11-24T15:31:00"),
        ("* * * * *", "2026-11-24T15:30:59.999999", "2026-11-24T15:31:00"),
        ("*/30 * * * *", "2026-11-24T15:30:00", "2026-11-24T16:00:00"),
        ("45 * * * *", "2026-11-24T23:45:00", "2026-11-25T00:45:00"),
        ("50/5 * * * *", "2026-11-24T15:51:00", "2026-11-24T15:55:00"),
        ("10-20/5 * * * *", "2026-11-24T15:16:00", "2026-11-24T15:20:00"),
        ("5,50 9,17 * * *", "2026-11-24T09:51:00", "2026-11-24T17:05:00"),
        # Cloudflare's own examples: 1 is Sunday.
        ("0 17 * * sun", "2026-11-24T15:30:00", "2026-11-29T17:00:00"),
        ("0 17 * * 1", "2026-11-24T15:30:00", "2026-11-29T17:00:00"),
        ("10 7 * * MON-FRI", "2026-11-27T08:00:00", "2026-11-30T07:10:00"),
        ("10 7 * * 2-6", "2026-11-27T08:00:00", "2026-11-30T07:10:00"),
        ("0 15 1 * *", "2026-11-24T15:30:00", "2026-12-01T15:00:00"),
        ("0 0 1 jan *", "2026-11-24T15:30:00", "2027-01-01T00:00:00"),
        ("0 0 31 * *", "2026-11-24T00:00:00", "2026-12-31T00:00:00"),
        # A day that comes once in four years, and once in eight.
        ("0 0 29 2 *", "2026-11-24T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 29 2 *", "2096-03-01T00:00:00", "2104-02-29T00:00:00"),
        # Both days narrowed: either is enough (the 26th is a Thursday, the 27th a Friday).
        ("0 0 26 * fri", "2026-11-24T00:00:00", "2026-11-26T00:00:00"),
        ("0 0 26 * fri", "2026-11-26T00:00:00", "2026-11-27T00:00:00"),
        ("0 0 30 2 fri", "2027-01-31T00:00:00", "2027-02-05T00:00:00"),
    ],
)
def test_a_schedule_runs_next_when_it_says(expression: str, after: str, comes: str) -> None:
    assert parse_cron(expression).next_run(moment(after)) == moment(comes)


def test_times_are_utc_wherever_the_question_comes_from() -> None:
    in_new_york = datetime(2026, 11, 24, 10, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert parse_cron("0 16 * * *").next_run(in_new_york) == moment("2026-11-24T16:00:00")


def test_of_several_schedules_the_first_to_come_counts() -> None:
    crons = parse_cron("0 18 * * *"), parse_cron("10 16 * * *")
    assert next_run(crons, moment("2026-11-24T15:30:00")) == moment("2026-11-24T16:10:00")
    with pytest.raises(ValueError, match=r"."):
        next_run((), moment("2026-11-24T15:30:00"))


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", "it has 0 fields"),
        ("hourly", "it has 1 fields"),
        ("@daily", "it has 1 fields"),
        ("* * * *", "it has 4 fields"),
        ("0 * * * * *", "it has 6 fields"),
        ("60 * * * *", '"60" is no minute; those are 0 to 59'),
        ("* 24 * * *", '"24" is no hour'),
        ("* * 0 * *", '"0" is no day of the month'),
        ("* * * 13 *", '"13" is no month'),
        ("* * * * 0", r'"0" is no weekday; those are 1 to 7 \(1 is Sunday\)'),
        ("* * * * 8", '"8" is no weekday'),
        ("* * * mon *", '"mon" is no month'),
        ("* * L * *", '"l" is no day of the month'),
        ("* * * * fri#2", '"fri#2" is no weekday'),
        ("5-1 * * * *", '"5-1" runs backwards'),
        ("*/0 * * * *", "a step of nothing"),
        ("1,, * * * *", '"" is no minute'),
        ("-5 * * * *", '"-5" is no minute'),
        ("\u0665 * * * *", "is no minute"),
        ("0 0 30 2 *", "it would never run"),
        ("0 0 31 4,6 *", "it would never run"),
    ],
)
def test_what_is_no_schedule_is_refused_with_the_reason(expression: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_cron(expression)


def test_the_configuration_says_which_schedule_is_wrong_and_why() -> None:
    found = Diagnostics()
    CRON.check("61 * * * *", "triggers.crons[0]", found)
    CRON.check(5, "triggers.crons[1]", found)
    CRON.check("10 7 * * mon-fri", "triggers.crons[2]", found)
    assert [d.message for d in found.found] == [
        '"triggers.crons[0]" is no schedule: "61 * * * *": "61" is no minute; those are 0 to 59.',
        'Expected "triggers.crons[1]" to be of type string of five cron fields but got 5.',
    ]


FIELD_TEXTS = st.sampled_from(["*", "*/7", "1", "2-5", "3,6", "4/2"])


@settings(deadline=None)
@given(
    st.lists(FIELD_TEXTS, min_size=5, max_size=5),
    st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
)
def test_the_next_run_is_the_first_minute_that_fits(pieces: list[str], after: datetime) -> None:
    cron = parse_cron(" ".join(pieces))
    comes = cron.next_run(after)
    assert comes > after
    assert (comes.second, comes.microsecond) == (0, 0)
    assert comes.minute in cron.minutes
    assert comes.hour in cron.hours
    assert cron.runs_on(comes.date())
    # Nothing in between would have done.
    between = after + (comes - after) / 2
    assert cron.next_run(between) == comes
