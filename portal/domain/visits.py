"""Since your last visit: what a snapshot keeps of what was shown, and what differs from it.

A visit goes on while the home page is opened again within half an hour. What changed is always
measured from the end of the visit before, so that it stays on the page for the whole of this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from portal.domain.engagements import Work
from portal.domain.invoices import Bill, StandingKind, paid_of, standing

VISIT: Final = timedelta(minutes=30)
"""How long after the last look at the home page a new visit begins."""


class Dated(Protocol):
    """An activity's moment; `crm.models.Activity` has it."""

    @property
    def created_at(self) -> datetime:
        """When, aware."""


class Numbered(Bill, Protocol):
    """An invoice that can be told from others; `crm.models.Invoice` can."""

    @property
    def id(self) -> str:
        """The record's id."""

    @property
    def invoice_number(self) -> str | None:
        """As printed on it."""


class Told(Work, Protocol):
    """An engagement with its sentence; `crm.models.Engagement` is one."""

    @property
    def plain_status(self) -> str | None:
        """How it stands, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What the home page was made of at a moment.

    `invoices` is each invoice's standing and what was paid of it, by id; None for a viewer who
    sees no amounts. `engagements` is each one's status, stages reached, dates and sentence.
    `latest` is the moment of the newest activity.
    """

    at: datetime
    company_id: str
    engagements: dict[str, tuple[str, int, str | None, str | None]]
    invoices: dict[str, tuple[str, str, str | None]] | None = None
    latest: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Visits:
    """What is kept of a person: the latest look, and how the visit before this one ended."""

    latest: Snapshot
    before: Snapshot | None = None


class ChangeKind(StrEnum):
    """What happened to a record, the most pressing first: in this order they are shown."""

    OVERDUE = "overdue"
    NEW_INVOICE = "new_invoice"
    PAID = "paid"
    PARTLY_PAID = "partly_paid"
    VOID = "void"
    DUE_MOVED = "due_moved"
    NEW_WORK = "new_work"
    STATUS = "status"
    STAGE = "stage"
    END_MOVED = "end_moved"
    NEWS = "news"


@dataclass(frozen=True)
class Change:
    """One difference. `name` is the record's own, empty for an invoice without a number."""

    kind: ChangeKind
    record_id: str
    name: str


@dataclass(frozen=True)
class Since:
    """What is different from the end of the visit before, which was at `at`."""

    at: datetime
    changes: tuple[Change, ...]
    activity_count: int

    @property
    def is_quiet(self) -> bool:
        """Whether nothing changed."""
        return not self.changes and not self.activity_count


def snapshot(
    now: datetime,
    today: date,
    company_id: str,
    engagements: Iterable[Told],
    reached: Mapping[str, int],
    invoices: Iterable[Numbered] | None,
    activities: Iterable[Dated],
) -> Snapshot:
    """What is shown now. `reached` are the stages that each engagement has come to, by its id."""
    return Snapshot(
        at=now,
        company_id=company_id,
        engagements={
            e.id: (e.status, reached.get(e.id, 0), _iso(e.end_date), e.plain_status)
            for e in engagements
        },
        invoices=None
        if invoices is None
        else {
            i.id: (standing(i, today).kind.value, str(paid_of(i)), _iso(i.due_date))
            for i in invoices
        },
        latest=max((activity.created_at for activity in activities), default=None),
    )


def end_of_visit_before(kept: Visits | None, now: datetime, company_id: str) -> Snapshot | None:
    """What to compare with at `now`: None on the first visit, and at another company."""
    if kept is None:
        return None
    found = kept.latest if now - kept.latest.at > VISIT else kept.before
    return found if found is not None and found.company_id == company_id else None


def looked(kept: Visits | None, shown: Snapshot) -> Visits:
    """What to keep after `shown` was looked at."""
    return Visits(latest=shown, before=end_of_visit_before(kept, shown.at, shown.company_id))


def since(
    before: Snapshot,
    shown: Snapshot,
    engagements: Iterable[Told],
    invoices: Iterable[Numbered],
    activities: Iterable[Dated],
) -> Since:
    """What differs between the end of the visit before and what is shown now."""
    found = [*_of_invoices(before, shown, invoices), *_of_work(before, shown, engagements)]
    order = list(ChangeKind)
    seen_until = before.latest or before.at
    return Since(
        before.at,
        tuple(sorted(found, key=lambda change: (order.index(change.kind), change.name))),
        sum(activity.created_at > seen_until for activity in activities),
    )


def _of_invoices(
    before: Snapshot, shown: Snapshot, invoices: Iterable[Numbered]
) -> Iterator[Change]:
    if before.invoices is None or shown.invoices is None:
        return
    for invoice in invoices:
        kind = _invoice_change(before.invoices.get(invoice.id), shown.invoices[invoice.id])
        if kind is not None:
            yield Change(kind, invoice.id, invoice.invoice_number or "")


def _invoice_change(
    old: tuple[str, str, str | None] | None, new: tuple[str, str, str | None]
) -> ChangeKind | None:
    if old is None:
        return None if new[0] == StandingKind.VOID else ChangeKind.NEW_INVOICE
    turned = {
        StandingKind.PAID.value: ChangeKind.PAID,
        StandingKind.OVERDUE.value: ChangeKind.OVERDUE,
        StandingKind.VOID.value: ChangeKind.VOID,
    }
    if old[0] != new[0] and new[0] in turned:
        return turned[new[0]]
    if old[1] != new[1]:
        return ChangeKind.PARTLY_PAID
    return ChangeKind.DUE_MOVED if old[2] != new[2] else None


def _of_work(before: Snapshot, shown: Snapshot, engagements: Iterable[Told]) -> Iterator[Change]:
    for engagement in engagements:
        old, new = before.engagements.get(engagement.id), shown.engagements[engagement.id]
        kinds = [ChangeKind.NEW_WORK] if old is None else _work_changes(old, new)
        for kind in kinds:
            yield Change(kind, engagement.id, engagement.name)


def _work_changes(
    old: tuple[str, int, str | None, str | None], new: tuple[str, int, str | None, str | None]
) -> list[ChangeKind]:
    differs = {
        ChangeKind.STATUS: old[0] != new[0],
        ChangeKind.STAGE: new[1] > old[1],
        ChangeKind.END_MOVED: old[2] != new[2],
        ChangeKind.NEWS: old[3] != new[3] and bool(new[3]),
    }
    return [kind for kind, is_so in differs.items() if is_so]


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
