"""A statement: what was billed, credited and paid between two days, and how old the rest is.

The CRM gives totals per invoice, not movements, so these rules say what moved when. They are
chosen so that a statement to today closes with the sum of `domain.invoices.balance`, and so that
one statement opens with what the one before it closed with:

- Drafts and void invoices are in no statement: the CRM does not say when one was made void.
- An invoice moves on its day of issue. One without that day is counted before every period, and
  named (`Account.undated`). One dated after today counts as of today, because its balance does.
- What was settled is what was billed less the balance. As far as it was paid it moves on
  `paid_date`; without one, on the day of its invoice, and says so (`Note.DAY_UNKNOWN`). That is
  the rule for a partly paid invoice, too, whose several payments the CRM gives as one.
- A payment above the amount settles the amount; the rest is named (`Entry.excess`), not counted.
- What was settled without having been paid (marked paid, but a part missing) is an entry of its
  own. For a paid invoice without any sum, the whole amount counts as paid.
- A credit is an invoice of a negative amount. Until it is used it lowers the balance of the
  account, and stands beside the ageing, not in it: `Ageing.outstanding - Ageing.credit` is the
  closing balance.

Amounts are Decimal in major units; two currencies are never added.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import accumulate
from typing import Final, Protocol

from portal.domain.invoices import CANCELLED, ZERO, Bill, balance, paid_of

NEVER_STATED: Final = CANCELLED | {"draft"}
UNDATED: Final = date.min
FIRST: Final = UNDATED + timedelta(days=1)
"""No period begins before this day, so that what has no day stays before every period."""


class Stated(Bill, Protocol):
    """The fields of an invoice that statements read; `crm.models.Invoice` has them."""

    @property
    def id(self) -> str:
        """The CRM's id."""

    @property
    def invoice_number(self) -> str | None:
        """As printed on it: `INV-2026-001`."""

    @property
    def issued_date(self) -> date | None:
        """The day on which it was billed."""


class EntryKind(StrEnum):
    """What moved the balance."""

    INVOICE = "invoice"
    CREDIT = "credit"
    PAYMENT = "payment"
    CREDIT_USED = "credit_used"
    REFUND = "refund"
    SETTLED = "settled"


class Note(StrEnum):
    """Why an entry stands on its day."""

    DAY_UNKNOWN = "day_unknown"
    DATED_AHEAD = "dated_ahead"


@dataclass(frozen=True)
class Entry:
    """One movement. `amount` is positive when it adds to what the client owes.

    `balance` is that of the account after it. `dated` is the CRM's own day, None when it has none;
    `excess` what was paid beyond what was billed, which is in no figure.
    """

    day: date
    kind: EntryKind
    invoice_id: str
    number: str | None
    amount: Decimal
    due: date | None = None
    dated: date | None = None
    note: Note | None = None
    excess: Decimal = ZERO
    balance: Decimal = ZERO

    @property
    def charged(self) -> Decimal | None:
        """The amount when it adds to what is owed, else None."""
        return self.amount if self.amount >= 0 else None

    @property
    def credited(self) -> Decimal | None:
        """The amount, positive, when it takes from what is owed, else None."""
        return -self.amount if self.amount < 0 else None


@dataclass(frozen=True)
class Ageing:
    """What is outstanding by how long it is past due, and the credit not yet used.

    All are zero or positive. `current` is not yet due, or has no due date.
    """

    current: Decimal = ZERO
    days_1_30: Decimal = ZERO
    days_31_60: Decimal = ZERO
    days_61_90: Decimal = ZERO
    over_90: Decimal = ZERO
    credit: Decimal = ZERO

    @property
    def overdue(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """What is past due, the youngest first."""
        return (self.days_1_30, self.days_31_60, self.days_61_90, self.over_90)

    @property
    def outstanding(self) -> Decimal:
        """What is owed in all, before any credit."""
        return sum(self.overdue, self.current)


@dataclass(frozen=True)
class Account:
    """The statement of one currency. A negative balance is in the client's favour.

    `opening` is the balance before the first day, `closing` that of the end of the last.
    `undated` are invoices without a day of issue, which `opening` holds.
    """

    currency: str
    opening: Decimal
    entries: tuple[Entry, ...]
    closing: Decimal
    ageing: Ageing
    undated: tuple[Entry, ...] = ()

    @property
    def charged(self) -> Decimal:
        """What was added between the two days."""
        return sum((entry.charged or ZERO for entry in self.entries), ZERO)

    @property
    def credited(self) -> Decimal:
        """What was taken off between the two days, positive."""
        return sum((entry.credited or ZERO for entry in self.entries), ZERO)


def statement(bills: Iterable[Stated], since: date, until: date, today: date) -> list[Account]:
    """The accounts by currency, in the order of its code, from `since` to `until` inclusive.

    `today` is the calendar day where the viewer is; `until` is at most that. A currency in which
    nothing moved and nothing was left is left out.
    """
    by_currency: dict[str, list[Stated]] = {}
    for bill in bills:
        if bill.status not in NEVER_STATED:
            by_currency.setdefault(bill.currency.upper(), []).append(bill)
    accounts = (
        _account(currency, by_currency[currency], max(since, FIRST), until, today)
        for currency in sorted(by_currency)
    )
    return [one for one in accounts if one.entries or one.opening or one.ageing.outstanding]


def movements(bill: Stated, today: date) -> list[Entry]:
    """What an invoice moved so far: itself, and what settled it. Their sum is its balance."""
    ahead = bill.issued_date is not None and bill.issued_date > today
    issued = Entry(
        day=min(bill.issued_date or UNDATED, today),
        kind=EntryKind.CREDIT if bill.amount < 0 else EntryKind.INVOICE,
        invoice_id=bill.id,
        number=bill.invoice_number,
        amount=bill.amount,
        due=None if bill.amount < 0 else bill.due_date,
        dated=bill.issued_date,
        note=Note.DATED_AHEAD if ahead else None,
    )
    return [issued, *_settlements(bill, issued, today)]


def _settlements(bill: Stated, issued: Entry, today: date) -> Iterator[Entry]:
    settled, paid = bill.amount - balance(bill), paid_of(bill)
    # Never past what was settled, and never the other way.
    counted = min(paid, settled) if settled > 0 else max(paid, settled)
    counted = counted if counted * settled > 0 else ZERO
    day = min(bill.paid_date, today) if bill.paid_date else issued.day
    moved = replace(issued, day=day, due=None, dated=bill.paid_date, note=None)
    if counted:
        note = None if bill.paid_date else Note.DAY_UNKNOWN
        if bill.paid_date and bill.paid_date > today:
            note = Note.DATED_AHEAD
        excess = abs(paid - counted) if abs(paid) > abs(counted) else ZERO
        kind = _kind_of_settlement(bill, counted)
        yield replace(moved, kind=kind, amount=-counted, note=note, excess=excess)
    if settled != counted:
        yield replace(moved, kind=EntryKind.SETTLED, amount=counted - settled)


def _kind_of_settlement(bill: Stated, paid: Decimal) -> EntryKind:
    if paid > 0:
        return EntryKind.PAYMENT
    return EntryKind.CREDIT_USED if bill.amount < 0 else EntryKind.REFUND


_AFTER: Final = {EntryKind.INVOICE: 0, EntryKind.CREDIT: 0, EntryKind.SETTLED: 2}


def _order(entry: Entry) -> tuple[date, str, str, int]:
    """By day; of one day by invoice, and each invoice before what settled it."""
    return (entry.day, entry.number or "", entry.invoice_id, _AFTER.get(entry.kind, 1))


def _account(currency: str, bills: list[Stated], since: date, until: date, today: date) -> Account:
    moved = [(bill, movements(bill, today)) for bill in bills]
    entries = sorted((entry for _, some in moved for entry in some), key=_order)
    opening = sum((entry.amount for entry in entries if entry.day < since), ZERO)
    within = [entry for entry in entries if since <= entry.day <= until]
    balances = list(accumulate((entry.amount for entry in within), initial=opening))
    return Account(
        currency=currency,
        opening=opening,
        entries=tuple(
            replace(entry, balance=after) for entry, after in zip(within, balances[1:], strict=True)
        ),
        closing=balances[-1],
        ageing=_ageing(moved, until),
        undated=tuple(
            entry
            for entry in entries
            if entry.day == UNDATED and entry.kind in (EntryKind.INVOICE, EntryKind.CREDIT)
        ),
    )


def _ageing(moved: Iterable[tuple[Stated, list[Entry]]], until: date) -> Ageing:
    found = dict.fromkeys(
        ("current", "days_1_30", "days_31_60", "days_61_90", "over_90", "credit"), ZERO
    )
    for bill, entries in moved:
        left = sum((entry.amount for entry in entries if entry.day <= until), ZERO)
        if left < 0:
            found["credit"] -= left
        else:
            found[_age(bill.due_date, until)] += left
    return Ageing(**found)


def _age(due: date | None, until: date) -> str:
    late = (until - due).days if due else 0
    ages = ((0, "current"), (30, "days_1_30"), (60, "days_31_60"), (90, "days_61_90"))
    return next((name for last, name in ages if late <= last), "over_90")
