"""Which days of a client's work and money belong in their calendar, and which records they are of.

What the viewer may see is decided in `crm.access`; here the records are only read for their days.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from portal.domain.engagements import OVER, Occasion, Work, next_dates
from portal.domain.invoices import Bill, balance, standing
from portal.domain.timeline import Happening

PAST: Final = timedelta(days=365)
"""How long a day that is over stays in the calendar; what is still to be paid stays anyway."""

MILESTONES: Final = frozenset({"milestone", "milestone_reached"})
"""The activity types that mark a day of the work."""

CANCELLED: Final = "cancelled"
"""The status of work that does not take place: none of its days does."""


class DatedBill(Bill, Protocol):
    """The fields of an invoice that the rules read; `crm.models.Invoice` has them."""

    @property
    def id(self) -> str:
        """The record's id."""

    @property
    def invoice_number(self) -> str | None:
        """What the invoice is called."""


class Mark(Happening, Protocol):
    """The fields of an activity that the rules read; `crm.models.Activity` has them."""

    @property
    def id(self) -> str:
        """The record's id."""


class EntryKind(StrEnum):
    """What falls on a day; the value is part of the entry's identity, so it never changes."""

    START = "start"
    END = "end"
    RENEWAL = "renewal"
    MILESTONE = "milestone"
    DUE = "due"


@dataclass(frozen=True)
class Owed:
    """What is left to pay of an invoice, and of how much: major units of one currency."""

    left: Decimal
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Entry:
    """One whole day in the calendar.

    `record_id` is the engagement's, the activity's or the invoice's; `name` the engagement's name,
    the milestone's title or the invoice's number, None when the CRM has none. `work_id` is the
    engagement that it belongs to, `at` the moment of a milestone, `owed` an invoice's alone.
    """

    kind: EntryKind
    on: date
    record_id: str
    name: str | None
    text: str | None = None
    work_id: str | None = None
    at: datetime | None = None
    owed: Owed | None = None

    @property
    def key(self) -> str:
        """The same for the same day of the same record, however often it is moved or renamed."""
        return f"{self.kind.value}-{self.record_id}"


def entries(
    works: Iterable[Work],
    bills: Iterable[DatedBill],
    marks: Iterable[Mark],
    today: date,
    zone: ZoneInfo,
) -> list[Entry]:
    """Every day that belongs in the calendar, the earliest first.

    First and last days, renewals and milestones from a year before `today` on, and the due dates
    of invoices that somebody should still pay. Milestones lie on their day in `zone`.
    """
    found = [
        *_of_works(works, today),
        *(_milestone(mark, zone) for mark in marks if mark.activity_type in MILESTONES),
        *_due(bills, today),
    ]
    kept = [e for e in found if e.kind is EntryKind.DUE or e.on >= today - PAST]
    return sorted(kept, key=lambda entry: (entry.on, entry.key))


_KINDS: Final = {
    Occasion.START: EntryKind.START,
    Occasion.END: EntryKind.END,
    Occasion.RENEWAL: EntryKind.RENEWAL,
}


def _of_works(works: Iterable[Work], today: date) -> list[Entry]:
    """The days of the works. Of work that is over, nothing lies ahead."""
    taking_place = {work.id: work for work in works if work.status != CANCELLED}
    return [
        Entry(_KINDS[day.occasion], day.on, day.work_id, day.name, work_id=day.work_id)
        for day in next_dates(taking_place.values(), today - PAST)
        if day.on <= today or taking_place[day.work_id].status not in OVER
    ]


def _milestone(mark: Mark, zone: ZoneInfo) -> Entry:
    return Entry(
        EntryKind.MILESTONE,
        mark.created_at.astimezone(zone).date(),
        mark.id,
        (mark.title or "").strip() or None,
        text=(mark.description or "").strip() or None,
        work_id=mark.engagement_id,
        at=mark.created_at,
    )


def _due(bills: Iterable[DatedBill], today: date) -> list[Entry]:
    return [
        Entry(
            EntryKind.DUE,
            bill.due_date,
            bill.id,
            (bill.invoice_number or "").strip() or None,
            owed=Owed(balance(bill), bill.amount, bill.currency),
        )
        for bill in bills
        if bill.due_date is not None and standing(bill, today).wants_payment
    ]
