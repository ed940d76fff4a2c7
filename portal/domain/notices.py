"""Which invoices a client admin is to be mailed about: new ones, those due soon, overdue ones.

Each invoice is told of once for each of the three kinds, and only while it wants payment: drafts,
void, paid and credit ones never are. What was there before somebody chose to be told is not news:
an invoice is new when it was issued after that, and overdue when it fell due after that. A mail is
never about what is long past, either, so that a record of what was told may one day be dropped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, Generic, Protocol, TypeVar

from portal.domain.invoices import Bill, Standing, StandingKind, standing
from portal.errors import BadInput
from portal.words import msgid

DAYS_AHEAD: Final = (3, 7, 14)
"""The choices of how many days before its due date an invoice is told of."""

USUAL_DAYS: Final = 7
NEWS_FOR: Final = timedelta(days=60)
"""How long after its day an invoice is still news: new after it was issued, overdue after due."""

REMEMBERED_FOR: Final = timedelta(days=400)
"""How long after an invoice's last day it is known what was told of it: longer than news lasts."""

SLACK: Final = timedelta(days=1)
"""Issued dates have no zone: one may be a day behind the day where the reader is."""


class Kind(StrEnum):
    """What a client is told of an invoice; also the name of its check box."""

    OVERDUE = "overdue"
    NEW = "new"
    DUE_SOON = "due_soon"


class Told(Bill, Protocol):
    """The fields of an invoice that notices read; `crm.models.Invoice` has them."""

    @property
    def id(self) -> str:
        """The CRM's id."""

    @property
    def issued_date(self) -> date | None:
        """The day on which it was billed."""


InvoiceT = TypeVar("InvoiceT", bound=Told)


@dataclass(frozen=True)
class Wish:
    """What the form says: which kinds, and how many days ahead (whether DUE_SOON or not)."""

    kinds: frozenset[Kind]
    days_ahead: int = USUAL_DAYS


@dataclass(frozen=True)
class Choice:
    """What somebody chose to be told of; nothing, until they choose.

    A kind counts since the day it was chosen, where they were. `known` are the invoices that were
    on their list by then although they were issued on that day (or the one before, see SLACK).
    """

    new_since: date | None = None
    known: frozenset[str] = frozenset()
    days_ahead: int | None = None
    overdue_since: date | None = None

    @property
    def kinds(self) -> frozenset[Kind]:
        """What is told at all."""
        chosen = {
            Kind.NEW: self.new_since,
            Kind.DUE_SOON: self.days_ahead,
            Kind.OVERDUE: self.overdue_since,
        }
        return frozenset(kind for kind, since in chosen.items() if since is not None)


@dataclass(frozen=True)
class Notice(Generic[InvoiceT]):
    """One invoice in one mail: shown as of its `kind`, told of for all the `kinds` that are due."""

    invoice: InvoiceT
    kind: Kind
    kinds: frozenset[Kind]
    standing: Standing


def read_wish(fields: Mapping[str, str]) -> Wish:
    """The wish from the form's fields. Raises BadInput naming the field."""
    kinds = frozenset(kind for kind in Kind if fields.get(kind.value) == "1")
    days = fields.get("days_ahead", str(USUAL_DAYS))
    if days not in map(str, DAYS_AHEAD):
        raise BadInput(msgid("Please choose a number of days from the list."), field="days_ahead")
    return Wish(kinds, int(days))


def chosen(wish: Wish, before: Choice, today: date, invoices: Iterable[Told]) -> Choice:
    """The choice that a wish makes of the one before: what was on already goes on unbroken.

    `invoices` are those on the reader's list now, `today` is the day where they are.
    """
    since = today - SLACK
    new_since, known = before.new_since, before.known
    if Kind.NEW not in wish.kinds:
        new_since, known = None, frozenset()
    elif new_since is None:
        new_since = since
        known = frozenset(
            bill.id for bill in invoices if bill.issued_date and bill.issued_date >= since
        )
    return Choice(
        new_since=new_since,
        known=known,
        days_ahead=wish.days_ahead if Kind.DUE_SOON in wish.kinds else None,
        overdue_since=(before.overdue_since or today) if Kind.OVERDUE in wish.kinds else None,
    )


def due_notices(
    invoices: Iterable[InvoiceT],
    today: date,
    choice: Choice,
    told: Collection[tuple[str, Kind]],
) -> list[Notice[InvoiceT]]:
    """What is to be told on `today` and was not: overdue first, then new, then due soon.

    `told` has the id and kind of what was. Within a kind, the earliest due date comes first.
    """
    found = []
    for invoice in invoices:
        stands = standing(invoice, today)
        due = {
            kind
            for kind in kinds_due(invoice, stands, today, choice)
            if (invoice.id, kind) not in told
        }
        if due:
            first = next(kind for kind in Kind if kind in due)
            found.append(Notice(invoice, first, frozenset(due), stands))
    order = list(Kind)
    return sorted(
        found,
        key=lambda n: (order.index(n.kind), n.invoice.due_date or date.max, n.invoice.id),
    )


def kinds_due(invoice: Told, stands: Standing, today: date, choice: Choice) -> set[Kind]:
    """The kinds for which an invoice is to be told of today, told before or not."""
    if not stands.wants_payment:
        return set()
    found = set()
    if _is_new(invoice, today, choice):
        found.add(Kind.NEW)
    if _is_due_soon(invoice, today, choice):
        found.add(Kind.DUE_SOON)
    if stands.kind is StandingKind.OVERDUE and _is_fresh(
        invoice.due_date, choice.overdue_since, today
    ):
        found.add(Kind.OVERDUE)
    return found


def remembered_until(invoice: Told, today: date) -> date:
    """How long it must be known what was told of an invoice: well beyond all its days."""
    days = [today, *(day for day in (invoice.issued_date, invoice.due_date) if day)]
    return max(days) + REMEMBERED_FOR


def _is_new(invoice: Told, today: date, choice: Choice) -> bool:
    return invoice.id not in choice.known and _is_fresh(
        invoice.issued_date, choice.new_since, today
    )


def _is_due_soon(invoice: Told, today: date, choice: Choice) -> bool:
    if invoice.due_date is None or choice.days_ahead is None:
        return False
    return 0 <= (invoice.due_date - today).days <= choice.days_ahead


def _is_fresh(day: date | None, since: date | None, today: date) -> bool:
    """Whether something that happened on `day` is news to who wants it `since` then."""
    return day is not None and since is not None and since <= day and today - day <= NEWS_FOR
