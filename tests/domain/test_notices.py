"""Which invoices somebody is to be mailed about, by their choice and by what they were told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.notices import (
    DAYS_AHEAD,
    NEWS_FOR,
    Choice,
    Kind,
    Wish,
    chosen,
    due_notices,
    read_wish,
    remembered_until,
)
from portal.errors import BadInput

TODAY = date(2026, 11, 24)
EVERYTHING = Wish(frozenset(Kind), 7)
SINCE = date(2026, 11, 1)
ALL_ON = Choice(new_since=SINCE, days_ahead=7, overdue_since=SINCE)


@dataclass(frozen=True)
class Bill:
    """An invoice of the tests: issued long ago, due far ahead, not paid."""

    id: str = "inv_1"
    amount: Decimal = Decimal(100)
    amount_paid: Decimal = Decimal(0)
    currency: str = "USD"
    status: str = "sent"
    issued_date: date | None = date(2026, 1, 1)
    due_date: date | None = date(2027, 6, 1)
    paid_date: date | None = None


NEW = Bill("inv_new", issued_date=TODAY)
SOON = Bill("inv_soon", due_date=TODAY + timedelta(days=7))
LATE = Bill("inv_late", due_date=TODAY - timedelta(days=1))


def told_of(*bills: Bill, choice: Choice = ALL_ON, today: date = TODAY) -> list[tuple[str, Kind]]:
    return [(n.invoice.id, n.kind) for n in due_notices(bills, today, choice, ())]


# What is told


def test_one_list_has_what_is_overdue_then_what_is_new_then_what_is_due_soon() -> None:
    assert told_of(SOON, NEW, LATE, Bill()) == [
        ("inv_late", Kind.OVERDUE),
        ("inv_new", Kind.NEW),
        ("inv_soon", Kind.DUE_SOON),
    ]


def test_within_a_kind_the_earliest_due_date_comes_first() -> None:
    sooner = replace(SOON, id="inv_zz", due_date=TODAY)
    assert [invoice_id for invoice_id, _ in told_of(SOON, sooner)] == ["inv_zz", "inv_soon"]


@pytest.mark.parametrize(
    ("kind", "bill"), [(Kind.NEW, NEW), (Kind.DUE_SOON, SOON), (Kind.OVERDUE, LATE)]
)
def test_only_what_was_chosen_is_told(kind: Kind, bill: Bill) -> None:
    only = chosen(Wish(frozenset({kind}), 7), Choice(), SINCE, ())
    assert told_of(NEW, SOON, LATE, choice=only) == [(bill.id, kind)]
    assert told_of(NEW, SOON, LATE, choice=Choice()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "draft"},
        {"status": "void"},
        {"status": "cancelled"},
        {"status": "paid"},
        {"amount_paid": Decimal(100)},
        {"amount": Decimal(-100)},
        {"amount": Decimal(0)},
    ],
)
def test_what_wants_no_payment_is_never_told(changes: dict[str, Any]) -> None:
    assert told_of(*(replace(bill, **changes) for bill in (NEW, SOON, LATE))) == []


def test_what_is_paid_in_part_is_told() -> None:
    assert told_of(replace(LATE, amount_paid=Decimal(99))) == [("inv_late", Kind.OVERDUE)]


def test_an_invoice_without_dates_is_no_news() -> None:
    assert told_of(Bill(issued_date=None, due_date=None)) == []


@pytest.mark.parametrize(
    ("ahead", "days", "is_told"),
    [(3, 4, False), (3, 3, True), (3, 0, True), (14, 14, True), (14, 15, False), (14, -1, False)],
)
def test_due_soon_is_from_the_chosen_days_before_to_the_day_itself(
    ahead: int, days: int, is_told: bool
) -> None:
    bill = Bill(due_date=TODAY + timedelta(days=days))
    assert told_of(bill, choice=Choice(days_ahead=ahead)) == [("inv_1", Kind.DUE_SOON)] * is_told


def test_a_late_invoice_is_told_from_the_day_after_it_was_due() -> None:
    bill = Bill(due_date=TODAY)
    overdue_only = Choice(overdue_since=SINCE)
    assert told_of(bill, choice=overdue_only) == []
    tomorrow = TODAY + timedelta(days=1)
    assert told_of(bill, choice=overdue_only, today=tomorrow) == [("inv_1", Kind.OVERDUE)]


# Once


def test_what_was_told_is_not_told_again_for_the_same_reason() -> None:
    told = {("inv_new", Kind.NEW), ("inv_soon", Kind.DUE_SOON)}
    [left] = due_notices((NEW, SOON, LATE), TODAY, ALL_ON, told)
    assert left.invoice is LATE


def test_an_invoice_told_as_new_is_told_again_when_it_is_due_soon_and_when_it_is_late() -> None:
    bill, told = Bill(issued_date=TODAY, due_date=TODAY + timedelta(days=30)), set[Any]()
    seen = []
    for ahead in range(NEWS_FOR.days + 31):
        for notice in due_notices((bill,), TODAY + timedelta(days=ahead), ALL_ON, told):
            seen.append((ahead, notice.kind))
            told |= {(notice.invoice.id, kind) for kind in notice.kinds}
    assert seen == [(0, Kind.NEW), (23, Kind.DUE_SOON), (31, Kind.OVERDUE)]


def test_an_invoice_that_is_new_and_due_soon_is_one_line_and_told_for_both() -> None:
    [notice] = due_notices((replace(NEW, due_date=TODAY),), TODAY, ALL_ON, ())
    assert (notice.kind, notice.kinds) == (Kind.NEW, frozenset({Kind.NEW, Kind.DUE_SOON}))


@settings(deadline=None)
@given(
    issued=st.none() | st.dates(date(2026, 8, 1), date(2027, 2, 1)),
    due=st.none() | st.dates(date(2026, 8, 1), date(2027, 2, 1)),
    ahead=st.sampled_from(DAYS_AHEAD),
)
def test_whatever_its_dates_an_invoice_is_told_once_for_each_kind_at_most(
    issued: date | None, due: date | None, ahead: int
) -> None:
    bill = Bill(issued_date=issued, due_date=due)
    choice = Choice(new_since=SINCE, days_ahead=ahead, overdue_since=SINCE)
    told: dict[tuple[str, Kind], date] = {}
    for days in range(450):
        today = SINCE + timedelta(days=days)
        live = {key for key, until in told.items() if until > today}
        for notice in due_notices((bill,), today, choice, live):
            for kind in notice.kinds:
                # Also after it was forgotten what was told.
                assert (bill.id, kind) not in told
                told[bill.id, kind] = remembered_until(bill, today)


# What a choice counts from


def test_what_was_there_before_the_choice_is_never_told() -> None:
    old_news = Bill("inv_old", issued_date=TODAY - timedelta(days=2))
    seen_today = Bill("inv_seen", issued_date=TODAY)
    long_late = Bill("inv_late", due_date=TODAY - timedelta(days=1))
    choice = chosen(EVERYTHING, Choice(), TODAY, (old_news, seen_today, long_late))
    for ahead in range(100):
        today = TODAY + timedelta(days=ahead)
        assert told_of(old_news, seen_today, long_late, choice=choice, today=today) == []


def test_what_is_issued_later_on_the_day_of_the_choice_is_new() -> None:
    choice = chosen(EVERYTHING, Choice(), TODAY, (Bill("inv_seen", issued_date=TODAY),))
    assert told_of(NEW, choice=choice) == [("inv_new", Kind.NEW)]


def test_a_date_that_is_a_day_behind_where_the_reader_is_still_counts() -> None:
    choice = chosen(EVERYTHING, Choice(), TODAY, ())
    assert told_of(replace(NEW, issued_date=TODAY - timedelta(days=1)), choice=choice)


def test_an_invoice_of_before_is_told_when_it_becomes_due() -> None:
    choice = chosen(EVERYTHING, Choice(), TODAY, (SOON,))
    assert told_of(SOON, choice=choice) == [("inv_soon", Kind.DUE_SOON)]
    due = SOON.due_date
    assert due
    after = due + timedelta(days=1)
    assert told_of(SOON, choice=choice, today=after) == [("inv_soon", Kind.OVERDUE)]


def test_choosing_one_more_kind_does_not_begin_the_others_anew() -> None:
    before = chosen(Wish(frozenset({Kind.NEW})), Choice(), SINCE, ())
    after = chosen(EVERYTHING, before, TODAY, (NEW,))
    assert (after.new_since, after.known) == (before.new_since, before.known)
    assert (after.days_ahead, after.overdue_since) == (7, TODAY)
    assert told_of(NEW, choice=after) == [("inv_new", Kind.NEW)]


def test_a_kind_that_is_chosen_again_begins_anew() -> None:
    off = chosen(Wish(frozenset()), ALL_ON, TODAY, ())
    assert off == Choice()
    assert told_of(NEW, choice=chosen(EVERYTHING, off, TODAY, (NEW,))) == []


def test_what_is_long_past_is_no_news_even_when_no_task_ran() -> None:
    much_later = TODAY + NEWS_FOR + timedelta(days=1)
    assert told_of(NEW, replace(LATE, due_date=TODAY), today=much_later) == []


# The form


def test_the_form_says_which_kinds_and_how_early() -> None:
    assert read_wish({}) == Wish(frozenset(), 7)
    assert read_wish({"new": "1", "overdue": "1", "days_ahead": "14"}) == Wish(
        frozenset({Kind.NEW, Kind.OVERDUE}), 14
    )
    assert read_wish({"new": "0", "due_soon": "on"}).kinds == frozenset()


@pytest.mark.parametrize("days", ["", "5", "-3", "07", "3.0", "٣", "many"])
def test_only_the_offered_days_can_be_chosen(days: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_wish({"due_soon": "1", "days_ahead": days})
    assert refused.value.field == "days_ahead"
