"""Explaining a figure: the very records that make it, what each adds, and from when to when.

The sum of the parts is the figure. The pages' own figures come from `domain.invoices` and
`domain.billing_year`; a test holds both equal to the cent on random ledgers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, Generic, TypeVar

from portal.domain.billing_year import DatedBill, counts, months_until
from portal.domain.invoices import ZERO, StandingKind, balance, paid_of, standing

BillT = TypeVar("BillT", bound=DatedBill)


class MoneyFigure(StrEnum):
    """The figures that are sums of invoices, in one currency each."""

    OWED = "owed"
    OVERDUE = "overdue"
    CREDIT = "credit"
    INVOICED = "invoiced"
    PAID = "paid"


class WorkFigure(StrEnum):
    """The figures that count work or time."""

    UNDER_WAY = "under-way"
    UPDATES = "updates"
    PROGRESS = "progress"


BY_MONTH: Final = frozenset({MoneyFigure.INVOICED, MoneyFigure.PAID})
"""The figures of twelve months, which can be asked for one of them."""


@dataclass(frozen=True)
class Part(Generic[BillT]):
    """One invoice and what it adds to the figure; `on` is the day by which it counts, if one."""

    bill: BillT
    amount: Decimal
    on: date | None = None


@dataclass(frozen=True)
class Explanation(Generic[BillT]):
    """A figure in one currency, its parts in the order of their days, and the months it covers.

    `months` are first days; empty for a figure of today.
    """

    figure: MoneyFigure
    currency: str
    parts: tuple[Part[BillT], ...]
    months: tuple[date, ...] = ()

    @property
    def total(self) -> Decimal:
        """The figure."""
        return sum((part.amount for part in self.parts), ZERO)


def explanations(
    figure: MoneyFigure, bills: Iterable[BillT], today: date, month: date | None = None
) -> list[Explanation[BillT]]:
    """The figure in each currency that has a part in it, by the currencies' codes.

    `today` is a day where the viewer is. A figure by months covers the twelve up to today, or the
    one whose first day is `month`.
    """
    months = _months(figure, today, month)
    by_currency: dict[str, list[Part[BillT]]] = {}
    for bill in bills:
        part = _RULES[figure](bill, today, months)
        if part is not None:
            found = Part(bill, *part)
            by_currency.setdefault(bill.currency.upper(), []).append(found)
    return [
        Explanation(figure, currency, tuple(sorted(by_currency[currency], key=_order)), months)
        for currency in sorted(by_currency)
    ]


def month_of(text: str) -> date | None:
    """`2026-05` as the first day of that month; None for anything else."""
    try:
        return date.fromisoformat(f"{text}-01") if len(text) == len("2026-05") else None
    except ValueError:
        return None


def _months(figure: MoneyFigure, today: date, month: date | None) -> tuple[date, ...]:
    if figure not in BY_MONTH:
        return ()
    return months_until(today) if month is None else (month,)


def _order(part: Part[BillT]) -> tuple[date, str]:
    return (part.on or date.min, str(part.amount))


Counted = tuple[Decimal, date | None]
Months = tuple[date, ...]
Rule = Callable[[DatedBill, date, Months], Counted | None]


def _owed(bill: DatedBill, _today: date, _months: Months) -> Counted | None:
    left = balance(bill)
    return (left, bill.due_date) if left > 0 else None


def _overdue(bill: DatedBill, today: date, months: Months) -> Counted | None:
    late = standing(bill, today).kind is StandingKind.OVERDUE
    return _owed(bill, today, months) if late else None


def _credit(bill: DatedBill, _today: date, _months: Months) -> Counted | None:
    left = balance(bill)
    return (-left, bill.issued_date) if left < 0 else None


def _invoiced(bill: DatedBill, _today: date, months: Months) -> Counted | None:
    on = bill.issued_date
    lies_in = on is not None and on.replace(day=1) in months
    return (bill.amount, on) if counts(bill) and lies_in else None


def _paid(bill: DatedBill, _today: date, months: Months) -> Counted | None:
    on = bill.paid_date
    lies_in = on is not None and on.replace(day=1) in months
    paid = paid_of(bill)
    return (paid, on) if counts(bill) and lies_in and paid else None


_RULES: Final[dict[MoneyFigure, Rule]] = {
    MoneyFigure.OWED: _owed,
    MoneyFigure.OVERDUE: _overdue,
    MoneyFigure.CREDIT: _credit,
    MoneyFigure.INVOICED: _invoiced,
    MoneyFigure.PAID: _paid,
}
