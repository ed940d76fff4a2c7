"""Since your last visit: when a visit begins, and what counts as a change."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from portal.domain.visits import (
    ChangeKind,
    Snapshot,
    Visits,
    end_of_visit_before,
    looked,
    since,
    snapshot,
)

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
TODAY = NOW.date()


@dataclass(frozen=True)
class Bill:
    """An invoice as the rules read it."""

    id: str = "inv_1"
    invoice_number: str | None = "INV-1"
    amount: Decimal = Decimal(100)
    amount_paid: Decimal = Decimal(0)
    currency: str = "USD"
    status: str = "sent"
    due_date: date | None = date(2026, 12, 1)
    paid_date: date | None = None


@dataclass(frozen=True)
class Work:
    """An engagement as the rules read it."""

    id: str = "eng_1"
    name: str = "Retainer"
    status: str = "active"
    start_date: date | None = None
    end_date: date | None = date(2027, 1, 1)
    contract_renewal_date: date | None = None
    plain_status: str | None = "On track."


@dataclass(frozen=True)
class Happening:
    """An activity's moment."""

    created_at: datetime


@dataclass(frozen=True)
class World:
    """All that the home page reads."""

    bills: tuple[Bill, ...] = (Bill(),)
    works: tuple[Work, ...] = (Work(),)
    happenings: tuple[Happening, ...] = (Happening(NOW - timedelta(days=3)),)
    reached: dict[str, int] = field(default_factory=lambda: {"eng_1": 2})
    company_id: str = "co_1"
    sees_money: bool = True

    def shown(self, at: datetime = NOW) -> Snapshot:
        """What the page shows of it at a moment."""
        bills = self.bills if self.sees_money else None
        day = at.date()
        return snapshot(at, day, self.company_id, self.works, self.reached, bills, self.happenings)

    def kinds_since(self, before: Snapshot, at: datetime = NOW) -> list[ChangeKind]:
        """What changed."""
        shown = self.shown(at)
        found = since(before, shown, self.works, self.bills, self.happenings)
        return [change.kind for change in found.changes]


OLD = World().shown(NOW - timedelta(days=1))


def test_the_first_visit_has_nothing_to_compare_with() -> None:
    assert end_of_visit_before(None, NOW, "co_1") is None


def test_within_half_an_hour_it_is_the_same_visit() -> None:
    kept = looked(None, OLD)
    later = NOW
    kept = looked(kept, World().shown(later))
    for _ in range(5):
        assert end_of_visit_before(kept, later, "co_1") == OLD
        later += timedelta(minutes=30)
        kept = looked(kept, World().shown(later))
    assert kept.before == OLD


def test_after_half_an_hour_the_last_look_ends_the_visit_before() -> None:
    kept = Visits(latest=World().shown(NOW), before=OLD)
    at = NOW + timedelta(minutes=30, seconds=1)
    assert end_of_visit_before(kept, at, "co_1") == World().shown(NOW)


def test_what_was_seen_at_another_company_is_never_compared() -> None:
    assert end_of_visit_before(Visits(latest=OLD), NOW, "co_2") is None
    assert looked(Visits(latest=OLD), replace(World(), company_id="co_2").shown()).before is None


def test_nothing_changed_is_quiet() -> None:
    world = World()
    found = since(OLD, world.shown(), world.works, world.bills, world.happenings)
    assert found.is_quiet
    assert found.at == OLD.at


@pytest.mark.parametrize(
    ("bill", "kind"),
    [
        (Bill(id="inv_2"), ChangeKind.NEW_INVOICE),
        (Bill(status="paid"), ChangeKind.PAID),
        (Bill(amount_paid=Decimal(100)), ChangeKind.PAID),
        (Bill(amount_paid=Decimal(40)), ChangeKind.PARTLY_PAID),
        (Bill(status="void"), ChangeKind.VOID),
        (Bill(due_date=date(2026, 12, 8)), ChangeKind.DUE_MOVED),
        (Bill(due_date=date(2026, 11, 23)), ChangeKind.OVERDUE),
    ],
)
def test_what_happened_to_an_invoice(bill: Bill, kind: ChangeKind) -> None:
    assert World(bills=(bill,)).kinds_since(OLD) == [kind]


def test_an_invoice_becomes_overdue_by_the_mere_day() -> None:
    at = datetime(2026, 12, 2, 9, tzinfo=UTC)
    assert World().kinds_since(OLD, at) == [ChangeKind.OVERDUE]


def test_a_void_invoice_that_was_never_seen_is_no_news() -> None:
    assert World(bills=(Bill(), Bill(id="inv_2", status="void"))).kinds_since(OLD) == []


@pytest.mark.parametrize(
    ("work", "reached", "kinds"),
    [
        (Work(id="eng_2"), 0, [ChangeKind.NEW_WORK]),
        (Work(status="paused"), 2, [ChangeKind.STATUS]),
        (Work(), 3, [ChangeKind.STAGE]),
        (Work(), 1, []),
        (Work(end_date=None), 2, [ChangeKind.END_MOVED]),
        (Work(plain_status="Late."), 2, [ChangeKind.NEWS]),
        (Work(plain_status=None), 2, []),
        (
            Work(status="completed", plain_status="Done."),
            7,
            [
                ChangeKind.STATUS,
                ChangeKind.STAGE,
                ChangeKind.NEWS,
            ],
        ),
    ],
)
def test_what_happened_to_an_engagement(work: Work, reached: int, kinds: list[ChangeKind]) -> None:
    assert World(works=(work,), reached={work.id: reached}).kinds_since(OLD) == kinds


def test_entries_of_the_activity_are_counted_from_the_newest_that_was_seen() -> None:
    seen = Happening(NOW - timedelta(days=3))
    fresh = Happening(NOW - timedelta(days=2))
    world = World(happenings=(fresh, seen))
    found = since(OLD, world.shown(), world.works, world.bills, world.happenings)
    assert found.activity_count == 1


def test_without_any_activity_those_after_the_visit_count() -> None:
    before = World(happenings=()).shown(NOW - timedelta(days=1))
    world = World(happenings=(Happening(NOW), Happening(NOW - timedelta(days=2))))
    found = since(before, world.shown(), world.works, world.bills, world.happenings)
    assert found.activity_count == 1


def test_who_saw_no_money_then_or_sees_none_now_is_told_of_no_invoice() -> None:
    paid = World(bills=(Bill(status="paid"), Bill(id="inv_2")))
    unseen = replace(World(), sees_money=False).shown(NOW - timedelta(days=1))
    assert paid.kinds_since(unseen) == []
    assert replace(paid, sees_money=False).kinds_since(OLD) == []


def test_the_most_pressing_comes_first() -> None:
    world = World(
        bills=(Bill(due_date=date(2026, 11, 1)), Bill(id="inv_2", invoice_number="INV-2")),
        works=(Work(status="paused"),),
    )
    assert world.kinds_since(OLD) == [
        ChangeKind.OVERDUE,
        ChangeKind.NEW_INVOICE,
        ChangeKind.STATUS,
    ]
