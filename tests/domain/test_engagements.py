"""Engagements: how far the time has run, the next date, the order, and the deliverables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.engagements import (
    Deliverable,
    NextDate,
    Occasion,
    Phase,
    Progress,
    deliverables,
    next_date,
    ordered,
    place,
    progress,
)


@dataclass(frozen=True)
class Work:
    """The fields of an engagement."""

    name: str = "Retainer"
    status: str = "active"
    start_date: date | None = None
    end_date: date | None = None
    contract_renewal_date: date | None = None


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


@pytest.mark.parametrize(
    ("moment", "start", "end", "found"),
    [
        (date(2026, 1, 1), date(2026, 1, 1), date(2026, 1, 5), 0.0),
        (date(2026, 1, 3), date(2026, 1, 1), date(2026, 1, 5), 0.5),
        (date(2026, 1, 5), date(2026, 1, 1), date(2026, 1, 5), 1.0),
        (date(2026, 1, 6), date(2026, 1, 1), date(2026, 1, 5), None),
        (date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 5), None),
        (date(2026, 1, 1), date(2026, 1, 1), date(2026, 1, 1), None),
        (date(2026, 1, 3), date(2026, 1, 5), date(2026, 1, 1), None),
        (date(2026, 1, 3), None, date(2026, 1, 5), None),
        (date(2026, 1, 3), date(2026, 1, 1), None, None),
    ],
)
def test_where_a_day_lies_between_two(
    moment: date, start: date | None, end: date | None, found: float | None
) -> None:
    assert place(moment, start, end) == found


def test_the_next_date_is_the_nearest_from_today_on() -> None:
    today = date(2026, 11, 24)
    works = [
        Work("Past", start_date=date(2026, 1, 1), end_date=date(2026, 11, 23)),
        Work("Renewing", contract_renewal_date=date(2026, 12, 24)),
        Work("Ending", end_date=date(2026, 12, 1)),
    ]
    assert next_date(works, today) == NextDate(date(2026, 12, 1), Occasion.END, "Ending")
    starts_today = Work("Starting", start_date=today)
    assert next_date([*works, starts_today], today) == NextDate(today, Occasion.START, "Starting")
    assert next_date(works[:1], today) is None


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
