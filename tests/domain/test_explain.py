"""A figure is the sum of the records that are shown for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.billing_year import billing_years
from portal.domain.explain import MoneyFigure, explanations, month_of
from portal.domain.invoices import totals

TODAY = date(2026, 11, 24)


@dataclass(frozen=True)
class Bill:
    """An invoice as the rules read it."""

    amount: Decimal
    amount_paid: Decimal = Decimal(0)
    currency: str = "USD"
    status: str = "sent"
    issued_date: date | None = date(2026, 11, 1)
    due_date: date | None = date(2026, 12, 1)
    paid_date: date | None = None


days = st.none() | st.integers(-800, 60).map(lambda n: TODAY + timedelta(days=n))
cents = st.integers(-500_000, 2_000_000).map(lambda n: Decimal(n) / 100)
bills = st.builds(
    Bill,
    amount=cents,
    amount_paid=cents.map(abs),
    currency=st.sampled_from(["USD", "usd", "EUR", "JPY"]),
    status=st.sampled_from(["draft", "sent", "paid", "overdue", "void", "cancelled"]),
    issued_date=days,
    due_date=days,
    paid_date=days,
)
ledgers = st.lists(bills, max_size=40)


@given(ledgers)
def test_what_is_owed_overdue_and_in_credit_is_the_sum_of_its_records(ledger: list[Bill]) -> None:
    shown = totals(ledger, TODAY)
    for figure, field in (("owed", "owed"), ("overdue", "overdue"), ("credit", "credit")):
        explained = {
            one.currency: one.total for one in explanations(MoneyFigure(figure), ledger, TODAY)
        }
        assert explained == {t.currency: getattr(t, field) for t in shown if getattr(t, field)}


@given(ledgers)
def test_every_bar_of_the_year_is_the_sum_of_its_records(ledger: list[Bill]) -> None:
    years = {year.currency: year for year in billing_years(ledger, TODAY)}
    for figure in (MoneyFigure.INVOICED, MoneyFigure.PAID):
        whole = {one.currency: one for one in explanations(figure, ledger, TODAY)}
        for currency, year in years.items():
            in_all = whole[currency].total if currency in whole else 0
            assert in_all == getattr(year, figure.value)
            for month in year.months:
                alone = explanations(figure, ledger, TODAY, month.first)
                shown = sum(one.total for one in alone if one.currency == currency)
                assert shown == getattr(month, figure.value)


@given(ledgers)
def test_no_record_counts_twice_and_none_is_of_another_currency(ledger: list[Bill]) -> None:
    for figure in MoneyFigure:
        for one in explanations(figure, ledger, TODAY):
            assert len(one.parts) <= sum(b.currency.upper() == one.currency for b in ledger)
            assert {part.bill.currency.upper() for part in one.parts} == {one.currency}


def test_the_records_stand_in_the_order_of_the_days_by_which_they_count() -> None:
    ledger = [
        Bill(Decimal(1), due_date=date(2026, 12, 2)),
        Bill(Decimal(2), due_date=None),
        Bill(Decimal(3), due_date=date(2026, 11, 2)),
    ]
    (found,) = explanations(MoneyFigure.OWED, ledger, TODAY)
    assert [part.amount for part in found.parts] == [2, 3, 1]
    assert found.months == ()


def test_a_figure_of_months_says_which() -> None:
    ledger = [Bill(Decimal(1))]
    (year,) = explanations(MoneyFigure.INVOICED, ledger, TODAY)
    assert (year.months[0], year.months[-1]) == (date(2025, 12, 1), date(2026, 11, 1))
    (month,) = explanations(MoneyFigure.INVOICED, ledger, TODAY, date(2026, 11, 1))
    assert month.months == (date(2026, 11, 1),)
    assert explanations(MoneyFigure.INVOICED, ledger, TODAY, date(2026, 10, 1)) == []


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("2026-05", date(2026, 5, 1)),
        ("2024-02", date(2024, 2, 1)),
        ("2026-13", None),
        ("2026-5", None),
        ("2026-05-01", None),
        ("year-mo", None),
    ],
)
def test_a_month_is_a_year_and_two_digits(text: str, month: date | None) -> None:
    assert month_of(text) == month
