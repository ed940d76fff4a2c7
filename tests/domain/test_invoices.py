"""Invoices: balance, standing and totals, by hand and on random ledgers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.invoices import (
    CANCELLED,
    ZERO,
    Standing,
    StandingKind,
    Totals,
    balance,
    safe_payment_link,
    standing,
    totals,
)

TODAY = date(2026, 11, 24)


@dataclass(frozen=True)
class Invoice:
    """The figures of an invoice."""

    amount: Decimal = Decimal(100)
    amount_paid: Decimal = ZERO
    currency: str = "USD"
    status: str = "sent"
    due_date: date | None = None
    paid_date: date | None = None


def due(days: int, **figures: Decimal | str | date) -> Invoice:
    """An invoice that falls due so many days from today."""
    return Invoice(due_date=TODAY + timedelta(days=days), **figures)  # type: ignore[arg-type]


amounts = st.decimals(-10_000, 10_000, places=2)
ledgers = st.lists(
    st.builds(
        Invoice,
        amount=amounts,
        amount_paid=st.just(ZERO) | st.decimals(0, 10_000, places=2),
        currency=st.sampled_from(["USD", "usd", "EUR", "PLN"]),
        status=st.sampled_from(["draft", "sent", "paid", "overdue", "void", "cancelled", "other"]),
        due_date=st.none() | st.dates(TODAY - timedelta(days=40), TODAY + timedelta(days=40)),
        paid_date=st.none() | st.just(TODAY),
    ),
    max_size=20,
)


@given(ledgers)
@settings(deadline=None)
def test_totals_are_the_sums_of_one_currency_each(ledger: list[Invoice]) -> None:
    found = {t.currency: t for t in totals(ledger, TODAY)}
    assert len(found) == len(totals(ledger, TODAY))
    for currency in ("USD", "EUR", "PLN"):
        left = [(balance(i), i) for i in ledger if i.currency.upper() == currency]
        total = found.get(currency, Totals(currency))
        assert total.owed == sum((b for b, _ in left if b > 0), ZERO)
        assert total.credit == -sum((b for b, _ in left if b < 0), ZERO)
        late = [b for b, i in left if b > 0 and i.due_date is not None and i.due_date < TODAY]
        assert (total.overdue, total.overdue_count) == (sum(late, ZERO), len(late))
        assert total.open_count == sum(1 for b, _ in left if b > 0)
        ahead = [i.due_date for b, i in left if b > 0 and i.due_date and i.due_date >= TODAY]
        assert total.next_due == min(ahead, default=None)
        assert (currency in found) == any(b != 0 for b, _ in left)


@given(ledgers)
@settings(deadline=None)
def test_overdue_means_due_before_today_and_a_balance_left(ledger: list[Invoice]) -> None:
    for invoice in ledger:
        stands = standing(invoice, TODAY)
        late = invoice.due_date is not None and invoice.due_date < TODAY
        assert (stands.kind is StandingKind.OVERDUE) == (late and balance(invoice) > 0)
        assert stands.wants_payment == (balance(invoice) > 0)


@given(ledgers)
@settings(deadline=None)
def test_a_balance_never_changes_sides(ledger: list[Invoice]) -> None:
    for invoice in ledger:
        left = balance(invoice)
        assert left >= 0 if invoice.amount >= 0 else left <= 0
        if invoice.status in {"draft", "paid", *CANCELLED}:
            assert left == 0


@pytest.mark.parametrize(
    ("invoice", "stands"),
    [
        (due(-1), Standing(StandingKind.OVERDUE, days=1)),
        (due(0), Standing(StandingKind.DUE_TODAY, days=0)),
        (due(1), Standing(StandingKind.OPEN, days=1)),
        (Invoice(), Standing(StandingKind.OPEN)),
        (due(5, amount_paid=Decimal(1)), Standing(StandingKind.PARTLY_PAID, days=5, partly=True)),
        (due(-5, amount_paid=Decimal(1)), Standing(StandingKind.OVERDUE, days=5, partly=True)),
        (due(0, amount_paid=Decimal(1)), Standing(StandingKind.DUE_TODAY, days=0, partly=True)),
        (Invoice(amount_paid=Decimal(1)), Standing(StandingKind.PARTLY_PAID, partly=True)),
        (due(-5, status="overdue", amount_paid=Decimal(100)), Standing(StandingKind.PAID)),
        (due(9, status="overdue"), Standing(StandingKind.OPEN, days=9)),
        (due(-5, status="paid", paid_date=TODAY), Standing(StandingKind.PAID, on=TODAY)),
        (due(-5, status="draft"), Standing(StandingKind.DRAFT)),
        (due(-5, status="void"), Standing(StandingKind.VOID)),
        (due(-5, status="canceled"), Standing(StandingKind.VOID)),
        (due(-5, amount=Decimal(-10)), Standing(StandingKind.CREDIT)),
        (due(-5, amount=ZERO), Standing(StandingKind.PAID)),
    ],
)
def test_how_an_invoice_stands(invoice: Invoice, stands: Standing) -> None:
    assert standing(invoice, TODAY) == stands


def test_what_was_paid_too_much_leaves_nothing() -> None:
    assert balance(Invoice(amount_paid=Decimal("100.01"))) == 0
    assert balance(Invoice(amount=Decimal(-100), amount_paid=Decimal(-200))) == 0


def test_cents_add_up_exactly() -> None:
    [total] = totals([Invoice(amount=Decimal("0.10"))] * 3, TODAY)
    assert str(total.owed) == "0.30"


def test_the_currency_with_the_most_overdue_comes_first() -> None:
    ledger = [
        Invoice(currency="EUR"),
        Invoice(currency="EUR"),
        due(-1, currency="USD"),
        Invoice(currency="PLN"),
    ]
    assert [t.currency for t in totals(ledger, TODAY)] == ["USD", "EUR", "PLN"]


@pytest.mark.parametrize("url", ["https://pay.example/i/1", "HTTPS://pay.example/"])
def test_an_https_payment_address_is_a_link(url: str) -> None:
    assert safe_payment_link(url) == url


@pytest.mark.parametrize(
    "url", [None, "", "http://pay.example", "javascript:alert(1)", " https://pay.example", "//x"]
)
def test_any_other_payment_address_is_none(url: str | None) -> None:
    assert safe_payment_link(url) is None
