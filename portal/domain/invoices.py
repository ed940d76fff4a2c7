"""What an invoice's figures mean: its balance, how it stands today, and what is owed in all.

The rules go by dates and amounts, not by the CRM's `status: overdue`, which somebody has to
remember to set. Amounts are Decimal in major units; two currencies are never added.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol

ZERO: Final = Decimal(0)
CANCELLED: Final = frozenset({"void", "voided", "cancelled", "canceled"})


class Bill(Protocol):
    """The figures of an invoice that the rules read; `crm.models.Invoice` has them."""

    @property
    def amount(self) -> Decimal:
        """What was billed in all; negative for a credit."""

    @property
    def amount_paid(self) -> Decimal:
        """What has been paid of it."""

    @property
    def currency(self) -> str:
        """ISO 4217 code."""

    @property
    def status(self) -> str:
        """The CRM's word: draft, sent, paid, overdue, void."""

    @property
    def due_date(self) -> date | None:
        """The last day on which payment is in time."""

    @property
    def paid_date(self) -> date | None:
        """The day of payment."""


class StandingKind(StrEnum):
    """How an invoice stands, in the order in which the rules are asked."""

    VOID = "void"
    DRAFT = "draft"
    CREDIT = "credit"
    PAID = "paid"
    OVERDUE = "overdue"
    DUE_TODAY = "due_today"
    PARTLY_PAID = "partly_paid"
    OPEN = "open"


@dataclass(frozen=True)
class Standing:
    """How an invoice stands today.

    `days` counts to the due date for OPEN and PARTLY_PAID, from it for OVERDUE, and is None when
    there is no due date. `on` is the day of payment of a PAID one, when known. `partly` says that
    some of it has been paid, whatever the kind.
    """

    kind: StandingKind
    days: int | None = None
    on: date | None = None
    partly: bool = False

    @property
    def wants_payment(self) -> bool:
        """Whether somebody should still pay this."""
        return self.kind in _PAYABLE


_PAYABLE: Final = frozenset(
    {StandingKind.OVERDUE, StandingKind.DUE_TODAY, StandingKind.PARTLY_PAID, StandingKind.OPEN}
)


def balance(bill: Bill) -> Decimal:
    """What is left to settle: positive is owed by the client, negative is theirs to use.

    Nothing is left on a paid, void or draft invoice. A payment above the amount leaves zero.
    """
    if bill.status in CANCELLED or bill.status in ("draft", "paid"):
        return ZERO
    left = bill.amount - bill.amount_paid
    return min(left, ZERO) if bill.amount < 0 else max(left, ZERO)


def paid_of(bill: Bill) -> Decimal:
    """What was paid of an invoice: all of it when the CRM calls it paid and names no sum."""
    if bill.status == "paid" and bill.amount_paid == 0:
        return bill.amount
    return bill.amount_paid


def standing(bill: Bill, today: date) -> Standing:
    """How the invoice stands on `today` (a calendar day where the viewer is)."""
    if bill.status in CANCELLED:
        return Standing(StandingKind.VOID)
    if bill.status == "draft":
        return Standing(StandingKind.DRAFT)
    if bill.amount < 0:
        return Standing(StandingKind.CREDIT)
    if balance(bill) == 0:
        return Standing(StandingKind.PAID, on=bill.paid_date)
    return _unpaid(bill, today)


def _unpaid(bill: Bill, today: date) -> Standing:
    partly = bill.amount_paid > 0
    waiting = StandingKind.PARTLY_PAID if partly else StandingKind.OPEN
    if bill.due_date is None:
        return Standing(waiting, partly=partly)
    days = (bill.due_date - today).days
    if days < 0:
        return Standing(StandingKind.OVERDUE, days=-days, partly=partly)
    if days == 0:
        return Standing(StandingKind.DUE_TODAY, days=0, partly=partly)
    return Standing(waiting, days=days, partly=partly)


@dataclass(frozen=True)
class Totals:
    """What stands open in one currency. All amounts are zero or positive.

    `owed` includes `overdue`; `credit` is what the client may set against it. `next_due` is the
    earliest day on which something not yet overdue falls due.
    """

    currency: str
    owed: Decimal = ZERO
    overdue: Decimal = ZERO
    credit: Decimal = ZERO
    open_count: int = 0
    overdue_count: int = 0
    next_due: date | None = None


def totals(bills: Iterable[Bill], today: date) -> list[Totals]:
    """What is open by currency, the one with the most overdue, then owed, first.

    A currency in which nothing is open and no credit stands is left out.
    """
    by_currency: dict[str, list[Bill]] = {}
    for bill in bills:
        if balance(bill) != 0:
            by_currency.setdefault(bill.currency.upper(), []).append(bill)
    found = [_total(currency, bills, today) for currency, bills in by_currency.items()]
    return sorted(found, key=lambda t: (-t.overdue_count, -t.open_count, t.currency))


def _total(currency: str, bills: list[Bill], today: date) -> Totals:
    stands = [(balance(bill), standing(bill, today), bill) for bill in bills]
    owed = [(left, stand, bill) for left, stand, bill in stands if left > 0]
    late = [left for left, stand, _ in owed if stand.kind is StandingKind.OVERDUE]
    ahead = [
        bill.due_date
        for _, stand, bill in owed
        if bill.due_date is not None and stand.kind is not StandingKind.OVERDUE
    ]
    return Totals(
        currency=currency,
        owed=sum((left for left, _, _ in owed), ZERO),
        overdue=sum(late, ZERO),
        credit=-sum((left for left, _, _ in stands if left < 0), ZERO),
        open_count=len(owed),
        overdue_count=len(late),
        next_due=min(ahead, default=None),
    )


def safe_payment_link(url: str | None) -> str | None:
    """The payment address when a browser may be sent there: https only, else None."""
    return url if url is not None and url.lower().startswith("https://") else None
