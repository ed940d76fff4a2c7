"""The calendar: which days are in it, on which day they lie, and that each keeps its identity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.calendar import Entry, EntryKind, Owed, entries

TODAY = date(2026, 11, 24)
NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True)
class Work:
    """The fields of an engagement."""

    id: str = "eng_1"
    name: str = "Retainer"
    status: str = "active"
    start_date: date | None = None
    end_date: date | None = None
    contract_renewal_date: date | None = None


@dataclass(frozen=True)
class Bill:
    """The fields of an invoice."""

    id: str = "inv_1"
    invoice_number: str | None = "INV-1"
    amount: Decimal = Decimal("100.00")
    amount_paid: Decimal = Decimal(0)
    currency: str = "USD"
    status: str = "sent"
    due_date: date | None = TODAY
    paid_date: date | None = None


@dataclass(frozen=True)
class Mark:
    """The fields of an activity."""

    id: str = "act_1"
    activity_type: str = "milestone"
    title: str | None = "Go-live"
    description: str | None = None
    created_at: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)
    engagement_id: str | None = "eng_1"


def of(*found: Work | Bill | Mark, zone: ZoneInfo = NEW_YORK) -> list[Entry]:
    """The entries of these records."""
    works = [one for one in found if isinstance(one, Work)]
    bills = [one for one in found if isinstance(one, Bill)]
    marks = [one for one in found if isinstance(one, Mark)]
    return entries(works, bills, marks, TODAY, zone)


def days(*found: Work | Bill | Mark) -> list[tuple[str, date]]:
    return [(entry.kind.value, entry.on) for entry in of(*found)]


def test_a_work_has_its_first_and_last_day_and_its_renewal() -> None:
    work = Work(
        start_date=date(2026, 3, 1),
        end_date=date(2027, 2, 28),
        contract_renewal_date=date(2027, 1, 31),
    )
    assert days(work) == [
        ("start", date(2026, 3, 1)),
        ("renewal", date(2027, 1, 31)),
        ("end", date(2027, 2, 28)),
    ]


def test_a_day_that_is_over_stays_for_a_year() -> None:
    last_year = TODAY - timedelta(days=365)
    earlier = last_year - timedelta(days=1)
    assert days(Work(start_date=last_year)) == [("start", last_year)]
    assert days(Work(start_date=earlier)) == []
    old = Mark(created_at=datetime(2025, 11, 23, 12, tzinfo=UTC))
    assert of(old) == []
    assert len(of(replace(old, created_at=datetime(2025, 11, 24, 12, tzinfo=UTC)))) == 1


def test_nothing_lies_ahead_of_work_that_is_over() -> None:
    ahead, gone = TODAY + timedelta(days=1), TODAY - timedelta(days=90)
    work = Work(status="completed", start_date=gone, end_date=TODAY, contract_renewal_date=ahead)
    assert days(work) == [("start", gone), ("end", TODAY)]


def test_work_that_is_cancelled_has_no_day() -> None:
    assert days(Work(status="cancelled", start_date=TODAY, end_date=TODAY)) == []


@pytest.mark.parametrize("status", ["active", "paused", "a word that nobody knows"])
def test_work_that_is_not_over_keeps_what_lies_ahead(status: str) -> None:
    ahead = TODAY + timedelta(days=40)
    assert days(Work(status=status, contract_renewal_date=ahead)) == [("renewal", ahead)]


@pytest.mark.parametrize(
    ("bill", "is_in"),
    [
        (Bill(), True),
        (Bill(status="overdue", due_date=date(2024, 1, 1)), True),
        (Bill(amount_paid=Decimal(40)), True),
        (Bill(status="paid"), False),
        (Bill(amount_paid=Decimal(100)), False),
        (Bill(status="void"), False),
        (Bill(status="draft"), False),
        (Bill(amount=Decimal(-5)), False),
        (Bill(due_date=None), False),
    ],
    ids=["open", "long overdue", "partly", "paid", "settled", "void", "draft", "credit", "undated"],
)
def test_an_invoice_is_in_it_as_long_as_somebody_should_pay(bill: Bill, is_in: bool) -> None:
    assert bool(of(bill)) is is_in


def test_an_invoice_says_what_is_left_and_of_how_much() -> None:
    (entry,) = of(Bill(amount_paid=Decimal(40), currency="EUR"))
    assert (entry.kind, entry.name, entry.record_id) == (EntryKind.DUE, "INV-1", "inv_1")
    assert entry.owed == Owed(Decimal("60.00"), Decimal("100.00"), "EUR")


def test_only_an_invoice_has_an_amount() -> None:
    work = Work(start_date=TODAY, end_date=TODAY, contract_renewal_date=TODAY)
    assert all(entry.owed is None for entry in of(work, Mark()))


def test_a_milestone_lies_on_its_day_where_the_reader_is() -> None:
    late = Mark(created_at=datetime(2026, 11, 21, 3, tzinfo=UTC))
    assert of(late)[0].on == date(2026, 11, 20)
    assert of(late, zone=ZoneInfo("Asia/Tokyo"))[0].on == date(2026, 11, 21)


@pytest.mark.parametrize("kind", ["scan_completed", "portal_login", "invoice_sent", "note"])
def test_what_is_no_milestone_is_not_in_it(kind: str) -> None:
    assert of(Mark(activity_type=kind)) == []


def test_blank_words_count_as_none() -> None:
    (mark,) = of(Mark(title="  ", description=" \n"))
    assert (mark.name, mark.text) == (None, None)
    assert of(Bill(invoice_number=" "))[0].name is None


def test_an_entry_keeps_its_key_when_its_record_is_moved_and_renamed() -> None:
    before = Work(contract_renewal_date=TODAY)
    after = replace(before, name="Other", contract_renewal_date=TODAY + timedelta(days=9))
    assert of(before)[0].key == of(after)[0].key == "renewal-eng_1"


@given(
    st.lists(
        st.builds(
            Work,
            id=st.uuids().map(str),
            status=st.sampled_from(["active", "paused", "completed", "cancelled"]),
            start_date=st.none() | st.dates(date(2025, 1, 1), date(2028, 1, 1)),
            end_date=st.none() | st.dates(date(2025, 1, 1), date(2028, 1, 1)),
            contract_renewal_date=st.none() | st.dates(date(2025, 1, 1), date(2028, 1, 1)),
        ),
        max_size=5,
    )
)
def test_no_two_entries_share_a_key_and_the_earliest_come_first(works: list[Work]) -> None:
    found = of(*works)
    assert len({entry.key for entry in found}) == len(found)
    assert [entry.on for entry in found] == sorted(entry.on for entry in found)
