"""A year of billing: what was invoiced and what was paid in each of twelve months, by currency.

An invoice counts in the month of its issue, a payment in the month in which it was made. Drafts
and void invoices count nowhere. Amounts are Decimal in major units; currencies are never added.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final, NamedTuple, Protocol

from portal.domain.invoices import CANCELLED, ZERO, Bill, paid_of

MONTHS: Final = 12
STEPS: Final = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
"""What the steps of a scale may be, times a power of ten."""

ROUGHLY: Final = 3
"""How many steps a scale has from nothing to its furthest amount, at most."""


class DatedBill(Bill, Protocol):
    """The figures of an invoice, and when it was issued; `crm.models.Invoice` has them."""

    @property
    def issued_date(self) -> date | None:
        """The day of issue."""


BAR_WIDTH: Final = 2.6
BAR_GAP: Final = 0.5
"""In percent of the chart's width."""

_PLACE: Final = 100 / MONTHS
_FIRST: Final = (_PLACE - 2 * BAR_WIDTH - BAR_GAP) / 2
LEFTS: Final = tuple(
    (
        round(_PLACE * number + _FIRST, 2),
        round(_PLACE * number + _FIRST + BAR_WIDTH + BAR_GAP, 2),
    )
    for number in range(MONTHS)
)
"""Where the two bars of each month begin, so that they stand in the middle of its place."""


# Tuples: a cold page makes a hundred of these, and a frozen dataclass takes 2.4 times as long.
class Month(NamedTuple):
    """One month by its first day. A credit makes `invoiced` less, and so may make it negative."""

    first: date
    invoiced: Decimal = ZERO
    paid: Decimal = ZERO


@dataclass(frozen=True)
class BillingYear:
    """Twelve months in one currency, the oldest first.

    `undated_paid` was paid on invoices that do not say when, so that no month has it.
    """

    currency: str
    months: tuple[Month, ...]
    undated_paid: Decimal = ZERO

    @property
    def invoiced(self) -> Decimal:
        """What was invoiced in the twelve months."""
        return sum((month.invoiced for month in self.months), ZERO)

    @property
    def paid(self) -> Decimal:
        """What was paid in the twelve months."""
        return sum((month.paid for month in self.months), ZERO)

    @property
    def years(self) -> tuple[int, ...]:
        """The calendar years that the months lie in, the oldest first."""
        return tuple(sorted({month.first.year for month in self.months}))


def months_until(today: date) -> tuple[date, ...]:
    """The first days of the month that `today` lies in and of the eleven before it, in order."""
    last = today.year * 12 + today.month - 1
    return tuple(date(n // 12, n % 12 + 1, 1) for n in range(last - MONTHS + 1, last + 1))


def counts(bill: Bill) -> bool:
    """Whether an invoice was ever meant to be paid: neither a draft nor void."""
    return bill.status != "draft" and bill.status not in CANCELLED


def billing_years(bills: Iterable[DatedBill], today: date) -> list[BillingYear]:
    """The twelve months up to `today` (a day where the viewer is), one for each currency.

    The currency of most invoices first. One in which nothing was invoiced or paid in these months
    is left out.
    """
    by_currency: dict[str, list[DatedBill]] = {}
    for bill in bills:
        if counts(bill):
            by_currency.setdefault(bill.currency.upper(), []).append(bill)
    most_first = sorted(by_currency, key=lambda currency: (-len(by_currency[currency]), currency))
    found = [_year(currency, by_currency[currency], today) for currency in most_first]
    return [year for year in found if any(m.invoiced or m.paid for m in year.months)]


def _year(currency: str, bills: list[DatedBill], today: date) -> BillingYear:
    invoiced = dict.fromkeys(months_until(today), ZERO)
    paid = dict(invoiced)
    undated = ZERO
    for bill in bills:
        if bill.issued_date is not None and (month := bill.issued_date.replace(day=1)) in invoiced:
            invoiced[month] += bill.amount
        if bill.paid_date is None:
            undated += paid_of(bill)
        elif (month := bill.paid_date.replace(day=1)) in paid:
            paid[month] += paid_of(bill)
    months = tuple(Month(first, invoiced[first], paid[first]) for first in invoiced)
    return BillingYear(currency, months, undated)


class Bar(NamedTuple):
    """A bar from nothing to an amount, in percent of the chart's width and height."""

    left: float
    top: float
    width: float
    height: float


class Columns(NamedTuple):
    """The two bars of one month."""

    month: Month
    invoiced: Bar
    paid: Bar


@dataclass(frozen=True)
class Chart:
    """The bars of a year and the scale beside them.

    `ticks` are the amounts of the scale, from its upper to its lower end at equal distances;
    `zero` is where nothing lies, in percent from above.
    """

    year: BillingYear
    columns: tuple[Columns, ...]
    ticks: tuple[Decimal, ...]
    zero: float

    @property
    def lines(self) -> tuple[float, ...]:
        """Where each tick lies, in percent from above."""
        return tuple(round(n * 100 / (len(self.ticks) - 1), 2) for n in range(len(self.ticks)))


def chart(year: BillingYear) -> Chart:
    """The year as bars on a scale that holds all of it, and nothing."""
    amounts = [amount for month in year.months for amount in (month.invoiced, month.paid)]
    highest, lowest = max(ZERO, *amounts), min(ZERO, *amounts)
    step = _step(max(highest, -lowest))
    upper = (highest / step).to_integral_value(ROUND_CEILING)
    lower = (lowest / step).to_integral_value(ROUND_FLOOR)
    ticks = tuple(step * n for n in range(max(int(upper), int(lower) + 1), int(lower) - 1, -1))
    top, whole = ticks[0], ticks[0] - ticks[-1]

    # Each amount once: most months of a currency have none, and Decimal's division is dear.
    extents = {
        amount: (_percent(top - max(amount, ZERO), whole), _percent(abs(amount), whole))
        for amount in {*amounts}
    }

    def bar(amount: Decimal, left: float) -> Bar:
        upper, height = extents[amount]
        return Bar(left, upper, BAR_WIDTH, height)

    columns = (
        Columns(month, bar(month.invoiced, first), bar(month.paid, second))
        for month, (first, second) in zip(year.months, LEFTS, strict=True)
    )
    return Chart(year, tuple(columns), ticks, _percent(top, whole))


def _step(furthest: Decimal) -> Decimal:
    """The smallest step that is easy to read and reaches the furthest amount in a few."""
    least = max(furthest / ROUGHLY, Decimal(1))
    power = Decimal(1).scaleb(least.adjusted())
    return next(step * power for step in STEPS if step * power >= least)


def _percent(part: Decimal, whole: Decimal) -> float:
    return float(round(part * 100 / whole, 2))
