"""Engagements: how far the time has run, the next date, the order, and the deliverables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.engagements import (
    Days,
    Deliverable,
    Delivered,
    Group,
    NextDate,
    Occasion,
    Phase,
    Progress,
    State,
    TimeBar,
    days_run,
    deliverables,
    delivered,
    group,
    next_dates,
    ordered,
    progress,
    state,
    team_by_role,
    time_bar,
)


@dataclass(frozen=True)
class Work:
    """The fields of an engagement."""

    name: str = "Retainer"
    id: str = "eng_1"
    status: str = "active"
    start_date: date | None = None
    end_date: date | None = None
    contract_renewal_date: date | None = None


@dataclass(frozen=True)
class Seat:
    """The field of a team member."""

    role: str


def work(start: str | None, end: str | None) -> Work:
    return Work(
        start_date=date.fromisoformat(start) if start else None,
        end_date=date.fromisoformat(end) if end else None,
    )


@pytest.mark.parametrize(
    ("start", "end", "today", "found"),
    [
        ("2026-01-01", "2026-01-10", "2026-01-01", Progress(Phase.RUNNING, 10, 9)),
        ("2026-01-01", "2026-01-10", "2026-01-05", Progress(Phase.RUNNING, 50, 5)),
        ("2026-01-01", "2026-01-10", "2026-01-10", Progress(Phase.RUNNING, 100, 0)),
        ("2026-01-01", "2026-01-10", "2026-01-11", Progress(Phase.ENDED, 100, 1)),
        ("2026-01-01", "2026-01-10", "2025-12-31", Progress(Phase.NOT_STARTED, 0, 1)),
        ("2026-01-01", "2026-01-01", "2026-01-01", Progress(Phase.RUNNING, 100, 0)),
        # A leap day counts; so does each day of months of any length.
        ("2028-02-28", "2028-03-01", "2028-02-29", Progress(Phase.RUNNING, 66, 1)),
        ("2026-02-28", "2026-03-01", "2026-02-28", Progress(Phase.RUNNING, 50, 1)),
        ("2028-01-01", "2028-12-31", "2028-12-30", Progress(Phase.RUNNING, 99, 1)),
        ("2026-01-31", "2026-02-28", "2026-02-28", Progress(Phase.RUNNING, 100, 0)),
        # An end before the start is a slip of the pen, and the same as none.
        ("2026-05-01", "2026-04-01", "2026-05-11", Progress(Phase.OPEN_ENDED, None, 10)),
        ("2026-05-01", "2026-04-01", "2026-04-21", Progress(Phase.NOT_STARTED, None, 10)),
        ("2026-05-01", None, "2026-05-01", Progress(Phase.OPEN_ENDED, None, 0)),
        ("2026-05-01", None, "2026-04-30", Progress(Phase.NOT_STARTED, None, 1)),
        (None, "2026-05-01", "2026-05-01", Progress(Phase.UNDATED, None, 0)),
        (None, "2026-05-01", "2026-05-02", Progress(Phase.ENDED, None, 1)),
        (None, None, "2026-05-02", Progress(Phase.UNDATED)),
    ],
)
def test_how_far_the_time_has_run(
    start: str | None, end: str | None, today: str, found: Progress
) -> None:
    assert progress(work(start, end), date.fromisoformat(today)) == found


days = st.dates(date(2020, 1, 1), date(2032, 12, 31))


@given(days, days, days)
@settings(deadline=None)
def test_progress_never_goes_back_and_is_whole_only_on_the_last_day(
    one: date, other: date, today: date
) -> None:
    dated = Work(start_date=min(one, other), end_date=max(one, other))
    now, next_day = progress(dated, today), progress(dated, today + timedelta(days=1))
    assert now.percent is not None
    assert next_day.percent is not None
    assert 0 <= now.percent <= next_day.percent <= 100
    assert (now.percent == 100) == (today >= max(one, other))
    assert now.days is not None
    assert now.days >= 0


TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("status", "start", "end", "found", "heading"),
    [
        ("active", "2026-11-24", None, State.ACTIVE, Group.CURRENT),
        ("active", None, None, State.ACTIVE, Group.CURRENT),
        # Active in the CRM, but nobody has begun.
        ("active", "2026-11-25", None, State.PLANNED, Group.PLANNED),
        ("active", "2026-11-25", "2026-12-31", State.PLANNED, Group.PLANNED),
        ("active", "2026-01-01", "2026-11-24", State.ACTIVE, Group.CURRENT),
        ("active", "2026-01-01", "2026-11-23", State.OVERDUE, Group.CURRENT),
        ("active", None, "2026-11-23", State.OVERDUE, Group.CURRENT),
        ("paused", "2026-12-01", None, State.PAUSED, Group.CURRENT),
        ("completed", "2026-01-01", "2027-01-01", State.COMPLETED, Group.EARLIER),
        ("cancelled", "2027-01-01", None, State.CANCELLED, Group.EARLIER),
        ("on hold", "2026-01-01", None, State.OTHER, Group.CURRENT),
        ("planned", "2026-01-01", None, State.OTHER, Group.CURRENT),
    ],
)
def test_how_work_stands_goes_by_its_status_and_its_dates(
    status: str, start: str | None, end: str | None, found: State, heading: Group
) -> None:
    dated = replace(work(start, end), status=status)
    assert state(dated, TODAY) is found
    assert group(found) is heading


@pytest.mark.parametrize(
    ("start", "end", "renewal", "today", "found"),
    [
        ("2026-01-01", "2026-01-10", None, "2026-01-05", TimeBar(50.0, 50.0, 100.0, None)),
        ("2026-01-01", "2026-01-10", "2026-01-08", "2026-01-01", TimeBar(10.0, 10.0, 100.0, 80.0)),
        # The renewal after the last day makes the line longer, and the last day a place on it.
        ("2026-01-01", "2026-01-10", "2026-01-20", "2026-01-05", TimeBar(25.0, 25.0, 50.0, 100.0)),
        ("2026-01-01", None, "2026-01-20", "2026-01-05", TimeBar(25.0, 25.0, None, 100.0)),
        ("2026-01-01", "2026-01-10", None, "2025-12-31", TimeBar(0.0, None, 100.0, None)),
        ("2026-01-01", "2026-01-10", None, "2026-01-11", TimeBar(100.0, None, 100.0, None)),
        ("2026-01-01", "2026-01-10", "2025-06-01", "2026-01-05", TimeBar(50.0, 50.0, 100.0, None)),
        ("2026-01-01", "2026-01-01", None, "2026-01-01", TimeBar(100.0, 100.0, 100.0, None)),
        ("2028-02-28", "2028-03-01", None, "2028-02-29", TimeBar(66.67, 66.67, 100.0, None)),
        # An end before the start is a slip of the pen, and no end of a line.
        ("2026-05-01", "2026-04-01", None, "2026-05-11", None),
        ("2026-05-01", None, None, "2026-05-11", None),
        (None, "2026-05-01", "2026-05-02", "2026-05-11", None),
    ],
)
def test_where_days_lie_on_the_time_bar(
    start: str | None, end: str | None, renewal: str | None, today: str, found: TimeBar | None
) -> None:
    renews = date.fromisoformat(renewal) if renewal else None
    dated = replace(work(start, end), contract_renewal_date=renews)
    assert time_bar(dated, date.fromisoformat(today)) == found


@given(days, days, st.none() | days, days)
@settings(deadline=None)
def test_the_time_bar_holds_everything_in_order_and_agrees_with_the_progress(
    one: date, other: date, renewal: date | None, today: date
) -> None:
    start, end = min(one, other), max(one, other)
    dated = Work(start_date=start, end_date=end, contract_renewal_date=renewal)
    bar = time_bar(dated, today)
    assert bar is not None
    assert bar.end is not None
    places = [place for place in (bar.run, bar.today, bar.end, bar.renewal) if place is not None]
    assert all(0 <= place <= 100 for place in places)
    assert bar.today in (None, bar.run)
    assert (bar.today is None) == (today < start or today > max(end, renewal or end))
    if renewal is not None and bar.renewal is not None:
        assert (bar.renewal >= bar.end) == (renewal >= end) or abs(bar.renewal - bar.end) < 0.02
    if renewal is None or renewal <= end:
        # The bar is rounded to a hundredth, the percentage down to a whole one.
        percent = progress(dated, today).percent
        assert percent is not None
        assert percent <= bar.run <= percent + 1


def test_the_dates_ahead_come_nearest_first() -> None:
    works = [
        Work("Past", "eng_p", start_date=date(2026, 1, 1), end_date=date(2026, 11, 23)),
        Work("Renewing", "eng_r", contract_renewal_date=date(2026, 12, 24)),
        Work("Ending", "eng_e", end_date=date(2026, 12, 1)),
        Work("Starting", "eng_s", start_date=TODAY),
    ]
    assert next_dates(works, TODAY) == [
        NextDate(TODAY, Occasion.START, "eng_s", "Starting"),
        NextDate(date(2026, 12, 1), Occasion.END, "eng_e", "Ending"),
        NextDate(date(2026, 12, 24), Occasion.RENEWAL, "eng_r", "Renewing"),
    ]
    assert next_dates(works[:1], TODAY) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, Delivered(0, None)),
        ("Audit; Roadmap", Delivered(2, None)),
        ("[x] Audit\n[ ] Roadmap\nTraining", Delivered(3, 1)),
        ("[ ] Audit\n[ ] Roadmap", Delivered(2, 0)),
    ],
)
def test_what_is_delivered_is_counted_where_the_text_marks_it(
    text: str | None, found: Delivered
) -> None:
    assert delivered(deliverables(text)) == found


def test_the_team_is_told_by_role() -> None:
    roles = ["Engagement lead", "AI engineer", " AI engineer ", "", "Designer", "AI engineer"]
    found = team_by_role([Seat(role) for role in roles])
    assert found == [("Engagement lead", 1), ("AI engineer", 3), ("Designer", 1)]
    assert team_by_role([]) == []


def test_active_work_comes_first_and_the_newest_of_it() -> None:
    works = [
        Work("unknown", status="mystery"),
        Work("cancelled", status="cancelled"),
        Work("done", status="completed"),
        Work("paused", status="paused"),
        Work("undated"),
        Work("old", start_date=date(2025, 1, 1)),
        Work("new", start_date=date(2026, 1, 1)),
    ]
    names = ["new", "old", "undated", "paused", "done", "cancelled", "unknown"]
    assert [w.name for w in ordered(works)] == names


@pytest.mark.parametrize(
    ("text", "items"),
    [
        (None, []),
        ("", []),
        (" \n\n ", []),
        ("Audit", [Deliverable("Audit")]),
        ("Audit; Roadmap ;Training", [Deliverable(x) for x in ("Audit", "Roadmap", "Training")]),
        (
            "- Audit\n* Roadmap\n• Training",
            [Deliverable(x) for x in ("Audit", "Roadmap", "Training")],
        ),
        ("1. Audit\n2) Roadmap", [Deliverable("Audit"), Deliverable("Roadmap")]),
        ("1.5 days of training\nC++", [Deliverable("1.5 days of training"), Deliverable("C++")]),
        ("a; b\nc", [Deliverable("a; b"), Deliverable("c")]),
        ("- [x] Audit\n- [ ] Roadmap", [Deliverable("Audit", True), Deliverable("Roadmap", False)]),
        (
            "[X] Audit\n✓ Map\n☐ Plan",
            [Deliverable("Audit", True), Deliverable("Map", True), Deliverable("Plan", False)],
        ),
        ("[x]\n-  \nAudit\r\n", [Deliverable("Audit")]),
        (";;", []),
    ],
)
def test_free_text_is_read_as_deliverables(text: str | None, items: list[Deliverable]) -> None:
    assert deliverables(text) == items


@given(st.text())
@settings(deadline=None)
def test_no_text_breaks_the_deliverables_or_yields_an_empty_one(text: str) -> None:
    for item in deliverables(text):
        assert item.text == item.text.strip()
        assert item.text


@pytest.mark.parametrize(
    ("start", "end", "today", "days"),
    [
        ("2026-01-01", "2026-01-10", "2026-01-01", Days(1, 10)),
        ("2026-01-01", "2026-01-10", "2026-01-10", Days(10, 10)),
        ("2026-01-01", "2026-01-10", "2025-12-31", Days(0, 10)),
        ("2026-01-01", "2026-01-10", "2026-02-01", Days(10, 10)),
        ("2028-02-28", "2028-03-01", "2028-02-29", Days(2, 3)),
        ("2026-01-01", None, "2026-01-05", None),
        (None, "2026-01-10", "2026-01-05", None),
        ("2026-01-10", "2026-01-01", "2026-01-05", None),
    ],
)
def test_days_run_from_the_first_to_the_last_both_whole(
    start: str | None, end: str | None, today: str, days: Days | None
) -> None:
    assert days_run(work(start, end), date.fromisoformat(today)) == days
