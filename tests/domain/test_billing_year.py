"""A year of billing: each amount in the month it belongs to, and nothing lost or added."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.billing_year import (
    BillingYear,
    Month,
    billing_years,
    chart,
    counts,
    months_until,
)
from portal.domain.invoices import paid_of

TODAY = date(2026, 11, 24)


@dataclass(frozen=True)
class Bill:
    """The fields of an invoice."""

    amount: Decimal
    amount_paid: Decimal = Decimal(0)
    currency: str = "USD"
    status: str = "sent"
    issued_date: date | None = TODAY
    due_date: date | None = None
    paid_date: date | None = None


def bill(amount: str, paid: str = "0", **fields: object) -> Bill:
    return Bill(Decimal(amount), Decimal(paid), **fields)  # type: ignore[arg-type] # the fields' own


def only(found: list[BillingYear]) -> BillingYear:
    (year,) = found
    return year


def test_an_invoice_counts_when_issued_and_its_payment_when_made() -> None:
    paid = bill(
        "100.10",
        "100.10",
        status="paid",
        issued_date=date(2026, 9, 30),
        paid_date=date(2026, 10, 1),
    )
    year = only(billing_years([paid, bill("50")], TODAY))
    assert year.months[-3:] == (
        Month(date(2026, 9, 1), Decimal("100.10")),
        Month(date(2026, 10, 1), paid=Decimal("100.10")),
        Month(date(2026, 11, 1), Decimal("50")),
    )
    assert (year.invoiced, year.paid) == (Decimal("150.10"), Decimal("100.10"))
    assert year.years == (2025, 2026)


def test_currencies_are_kept_apart_and_the_one_of_most_invoices_is_first() -> None:
    found = billing_years(
        [
            bill("1", currency="EUR"),
            bill("2"),
            bill("3", currency="usd"),
            bill("4", currency="AUD"),
        ],
        TODAY,
    )
    assert [f"{y.currency} {y.invoiced}" for y in found] == ["USD 5", "AUD 4", "EUR 1"]


@pytest.mark.parametrize("status", ["draft", "void", "voided", "cancelled", "canceled"])
def test_drafts_and_void_invoices_count_nowhere(status: str) -> None:
    assert billing_years([bill("9", "9", status=status, paid_date=TODAY)], TODAY) == []


def test_a_credit_takes_from_what_was_invoiced() -> None:
    year = only(billing_years([bill("100"), bill("-30.50")], TODAY))
    assert year.months[-1].invoiced == Decimal("69.50")


def test_a_payment_without_a_date_is_in_no_month_and_is_told() -> None:
    year = only(billing_years([bill("100", "40")], TODAY))
    assert (year.paid, year.undated_paid) == (Decimal(0), Decimal(40))


def test_what_the_crm_calls_paid_without_a_sum_is_paid_in_full() -> None:
    assert paid_of(bill("70", status="paid")) == 70
    assert paid_of(bill("70", "60", status="paid")) == 60
    assert paid_of(bill("70")) == 0


def test_what_lies_outside_of_the_twelve_months_is_left_out() -> None:
    too_old, first, last = date(2025, 11, 30), date(2025, 12, 1), date(2026, 11, 30)
    later, never = date(2026, 12, 1), None
    for day, is_in in ((too_old, 0), (first, 1), (last, 1), (later, 0), (never, 0)):
        assert len(billing_years([bill("5", issued_date=day)], TODAY)) == is_in


@pytest.mark.parametrize(
    ("today", "first", "last"),
    [
        (date(2026, 1, 1), date(2025, 2, 1), date(2026, 1, 1)),
        (date(2026, 12, 31), date(2026, 1, 1), date(2026, 12, 1)),
        (date(2028, 2, 29), date(2027, 3, 1), date(2028, 2, 1)),
        (date(2027, 2, 28), date(2026, 3, 1), date(2027, 2, 1)),
        (date(2026, 3, 31), date(2025, 4, 1), date(2026, 3, 1)),
    ],
)
def test_the_months_end_with_todays(today: date, first: date, last: date) -> None:
    months = months_until(today)
    assert (months[0], months[-1], len(months)) == (first, last, 12)


def test_at_the_turn_of_a_month_the_viewers_zone_decides() -> None:
    moment = datetime(2028, 3, 1, 2, 0, tzinfo=UTC)
    seen = {
        zone: months_until(moment.astimezone(ZoneInfo(zone)).date())[-1].month
        for zone in ("America/New_York", "UTC", "Asia/Tokyo", "Pacific/Kiritimati")
    }
    assert seen == {"America/New_York": 2, "UTC": 3, "Asia/Tokyo": 3, "Pacific/Kiritimati": 3}


# For every ledger

days = st.dates(date(2024, 1, 1), date(2029, 1, 1))
amounts = st.decimals(-99_999, 99_999, places=2, allow_nan=False)
bills = st.lists(
    st.builds(
        Bill,
        amount=amounts,
        amount_paid=amounts,
        currency=st.sampled_from(["USD", "usd", "EUR", "JPY"]),
        status=st.sampled_from(["sent", "paid", "overdue", "draft", "void"]),
        issued_date=st.none() | days,
        paid_date=st.none() | days,
    ),
    max_size=30,
)


def in_months(days_of: Iterable[tuple[date | None, Decimal]], today: date) -> Decimal:
    """What of dated amounts lies after the same month a year ago and not after today's."""
    month = today.year * 12 + today.month
    return sum(
        (
            amount
            for day, amount in days_of
            if day is not None and month - 12 < day.year * 12 + day.month <= month
        ),
        Decimal(0),
    )


@given(bills, days)
@settings(deadline=None)
def test_the_sums_are_those_of_the_invoices_to_the_cent(ledger: list[Bill], today: date) -> None:
    years = {year.currency: year for year in billing_years(ledger, today)}
    for currency in ("USD", "EUR", "JPY"):
        own = [b for b in ledger if b.currency.upper() == currency and counts(b)]
        invoiced = in_months(((b.issued_date, b.amount) for b in own), today)
        paid = in_months(((b.paid_date, paid_of(b)) for b in own), today)
        year = years.get(currency)
        assert (year.invoiced if year else 0) == invoiced
        assert (year.paid if year else 0) == paid
        if year:
            undated = sum((paid_of(b) for b in own if b.paid_date is None), Decimal(0))
            assert year.undated_paid == undated


@given(days)
@settings(deadline=None)
def test_a_day_later_the_months_are_the_same_or_one_further(today: date) -> None:
    now, then = months_until(today), months_until(today + timedelta(days=1))
    is_last = (today + timedelta(days=1)).day == 1
    assert then[:-1] == now[1:] if is_last else then == now
    assert all(first.day == 1 for first in now)
    assert len(set(now)) == 12
    assert now[-1] == today.replace(day=1)


@given(bills, days)
@settings(deadline=None)
def test_every_bar_fits_the_scale_and_is_as_long_as_its_amount(
    ledger: list[Bill], today: date
) -> None:
    for year in billing_years([*ledger, bill("1", issued_date=today)], today):
        drawn = chart(year)
        top, bottom = drawn.ticks[0], drawn.ticks[-1]
        whole = top - bottom
        steps = {a - b for a, b in zip(drawn.ticks, drawn.ticks[1:], strict=False)}
        assert len(steps) == 1
        assert 0 in drawn.ticks
        assert 2 <= len(drawn.ticks) <= 8
        assert drawn.zero in drawn.lines
        for columns in drawn.columns:
            month = columns.month
            for amount, bar in ((month.invoiced, columns.invoiced), (month.paid, columns.paid)):
                assert bottom <= amount <= top
                assert bar.height == pytest.approx(float(abs(amount) / whole * 100), abs=0.011)
                end = bar.top if amount < 0 else bar.top + bar.height
                assert end == pytest.approx(drawn.zero, abs=0.021)
                assert bar.left >= 0
                assert bar.left + bar.width <= 100
        lefts = [bar.left for c in drawn.columns for bar in (c.invoiced, c.paid)]
        assert lefts == sorted(lefts)


@pytest.mark.parametrize(
    ("invoiced", "ticks"),
    [
        ("18500", ["20000", "10000", "0"]),
        ("3512.80", ["4000", "2000", "0"]),
        ("7000", ["7500", "5000", "2500", "0"]),
        ("0.40", ["1", "0"]),
        ("-30", ["0", "-10", "-20", "-30"]),
    ],
)
def test_the_scale_is_easy_to_read(invoiced: str, ticks: list[str]) -> None:
    drawn = chart(only(billing_years([bill(invoiced)], TODAY)))
    assert [format(tick, "f") for tick in drawn.ticks] == ticks
