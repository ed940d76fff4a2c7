"""The statement: what moved when, how old the rest is, and that it always adds up."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.invoices import CANCELLED, ZERO, balance, totals
from portal.domain.statement import (
    UNDATED,
    Account,
    Ageing,
    Entry,
    EntryKind,
    Note,
    movements,
    statement,
)

TODAY = date(2026, 11, 24)
KINDS = EntryKind


@dataclass(frozen=True)
class Invoice:
    """The figures of an invoice."""

    id: str = "inv_1"
    amount: Decimal = Decimal(100)
    amount_paid: Decimal = ZERO
    currency: str = "USD"
    status: str = "sent"
    invoice_number: str | None = "INV-1"
    issued_date: date | None = date(2026, 10, 1)
    due_date: date | None = date(2026, 10, 31)
    paid_date: date | None = None


days = st.dates(TODAY - timedelta(days=400), TODAY + timedelta(days=30))
amounts = st.decimals(-10_000, 10_000, places=2)
invoices = st.builds(
    Invoice,
    id=st.uuids().map(str),
    amount=amounts,
    amount_paid=st.just(ZERO) | amounts,
    currency=st.sampled_from(["USD", "usd", "EUR", "JPY"]),
    status=st.sampled_from(["draft", "sent", "paid", "overdue", "void", "cancelled", "other"]),
    invoice_number=st.none() | st.sampled_from(["A-1", "A-2", "B-1"]),
    issued_date=st.none() | days,
    due_date=st.none() | days,
    paid_date=st.none() | days,
)
ledgers = st.lists(invoices, max_size=20)
periods = st.tuples(days, days).map(sorted).map(lambda two: (two[0], min(two[1], TODAY)))


def settled(**figures: object) -> list[tuple[EntryKind, Decimal]]:
    """What moved after the invoice itself."""
    moved = movements(replace(Invoice(), **figures), TODAY)  # type: ignore[arg-type]
    return [(entry.kind, entry.amount) for entry in moved[1:]]


def only(bills: list[Invoice], since: date, until: date, today: date = TODAY) -> Account:
    [account] = statement(bills, since, until, today)
    return account


@given(ledgers, periods)
def test_opening_and_movements_make_closing(
    ledger: list[Invoice], period: tuple[date, date]
) -> None:
    for account in statement(ledger, *period, TODAY):
        assert account.closing == account.opening + sum(entry.amount for entry in account.entries)
        assert account.closing == account.opening + account.charged - account.credited
        balances = [account.opening, *(entry.balance for entry in account.entries)]
        assert balances[-1] == account.closing
        for before, entry, after in zip(balances, account.entries, balances[1:], strict=False):
            assert after - before == entry.amount
            assert (entry.charged is None) != (entry.credited is None)
        assert all(period[0] <= entry.day <= period[1] for entry in account.entries)


@given(ledgers)
def test_closing_today_is_the_sum_of_what_is_left_on_each_invoice(ledger: list[Invoice]) -> None:
    accounts = {one.currency: one for one in statement(ledger, TODAY, TODAY, TODAY)}
    for currency in ("USD", "EUR", "JPY"):
        left = sum((balance(b) for b in ledger if b.currency.upper() == currency), ZERO)
        assert left == (accounts[currency].closing if currency in accounts else ZERO)


@given(ledgers, periods)
def test_the_ages_add_up_to_what_is_outstanding(
    ledger: list[Invoice], period: tuple[date, date]
) -> None:
    for account in statement(ledger, *period, TODAY):
        ageing = account.ageing
        ages = (ageing.current, *ageing.overdue)
        assert all(age >= 0 for age in (*ages, ageing.credit))
        assert sum(ages) == ageing.outstanding
        assert ageing.outstanding - ageing.credit == account.closing


@given(ledgers)
def test_the_ages_of_today_are_the_figures_of_the_other_pages(ledger: list[Invoice]) -> None:
    accounts = {one.currency: one for one in statement(ledger, TODAY, TODAY, TODAY)}
    for total in totals(ledger, TODAY):
        if total.currency in accounts:
            ageing = accounts[total.currency].ageing
            assert ageing.outstanding == total.owed
            assert sum(ageing.overdue) == total.overdue
            assert ageing.credit == total.credit


@given(ledgers, days, days, days)
def test_a_statement_opens_with_what_the_one_before_it_closed_with(
    ledger: list[Invoice], first: date, second: date, third: date
) -> None:
    start, middle, end = sorted(min(day, TODAY) for day in (first, second, third))
    before = {a.currency: a for a in statement(ledger, start, middle, TODAY)}
    after = {a.currency: a for a in statement(ledger, middle + timedelta(days=1), end, TODAY)}
    whole = {a.currency: a for a in statement(ledger, start, end, TODAY)}
    for currency in ("USD", "EUR", "JPY"):
        if currency in before and currency in after:
            assert before[currency].closing == after[currency].opening
        if currency in before and currency in after and currency in whole:
            joined = before[currency].entries + after[currency].entries
            assert whole[currency].entries == joined


@given(ledgers, periods, st.randoms())
def test_the_order_of_the_crm_does_not_matter(
    ledger: list[Invoice], period: tuple[date, date], chance: random.Random
) -> None:
    mixed = list(ledger)
    chance.shuffle(mixed)
    assert statement(ledger, *period, TODAY) == statement(mixed, *period, TODAY)


@given(invoices)
def test_what_an_invoice_moved_is_its_balance(bill: Invoice) -> None:
    if bill.status not in CANCELLED | {"draft"}:
        assert sum(entry.amount for entry in movements(bill, TODAY)) == balance(bill)


@pytest.mark.parametrize(
    ("figures", "moved"),
    [
        ({}, []),
        ({"amount_paid": Decimal(40)}, [(KINDS.PAYMENT, -40)]),
        ({"status": "paid"}, [(KINDS.PAYMENT, -100)]),
        ({"status": "paid", "amount_paid": Decimal(100)}, [(KINDS.PAYMENT, -100)]),
        # Marked paid although a part is missing: that part was not paid.
        (
            {"status": "paid", "amount_paid": Decimal(40)},
            [(KINDS.PAYMENT, -40), (KINDS.SETTLED, -60)],
        ),
        ({"amount_paid": Decimal(130)}, [(KINDS.PAYMENT, -100)]),
        ({"amount_paid": Decimal(-20)}, [(KINDS.REFUND, 20)]),
        ({"amount": Decimal(-100)}, []),
        ({"amount": Decimal(-100), "amount_paid": Decimal(-30)}, [(KINDS.CREDIT_USED, 30)]),
        ({"amount": Decimal(-100), "status": "paid"}, [(KINDS.CREDIT_USED, 100)]),
        ({"amount": Decimal(-100), "amount_paid": Decimal(-150)}, [(KINDS.CREDIT_USED, 100)]),
        ({"amount": Decimal(-100), "amount_paid": Decimal(30)}, [(KINDS.PAYMENT, -30)]),
        ({"amount": ZERO}, []),
    ],
)
def test_what_settled_an_invoice_is_told_from_its_figures(
    figures: dict[str, object], moved: list[tuple[EntryKind, int]]
) -> None:
    assert settled(**figures) == [(kind, Decimal(amount)) for kind, amount in moved]


def test_a_payment_stands_on_its_day() -> None:
    paid = Invoice(status="paid", paid_date=date(2026, 11, 2))
    entry = movements(paid, TODAY)[1]
    assert (entry.day, entry.dated, entry.note) == (date(2026, 11, 2), date(2026, 11, 2), None)
    assert only([paid], date(2026, 10, 1), date(2026, 11, 1)).closing == 100
    assert only([paid], date(2026, 10, 1), date(2026, 11, 2)).closing == 0


def test_a_payment_without_a_day_stands_on_that_of_its_invoice_and_says_so() -> None:
    partly = Invoice(amount_paid=Decimal(40))
    entry = movements(partly, TODAY)[1]
    assert (entry.day, entry.dated, entry.note) == (date(2026, 10, 1), None, Note.DAY_UNKNOWN)
    account = only([partly], date(2026, 10, 1), date(2026, 10, 1))
    assert [entry.balance for entry in account.entries] == [100, 60]


def test_what_was_paid_above_the_amount_is_named_and_not_counted() -> None:
    account = only([Invoice(amount_paid=Decimal("130.50"))], date(2026, 1, 1), TODAY)
    assert account.closing == 0
    assert [entry.excess for entry in account.entries] == [0, Decimal("30.50")]


def test_an_invoice_without_a_day_of_issue_is_counted_before_every_period() -> None:
    bills = [
        Invoice(issued_date=None, amount_paid=Decimal(40)),
        Invoice(id="inv_2", issued_date=None, paid_date=date(2026, 5, 1), status="paid"),
    ]
    account = only(bills, date(2026, 1, 1), TODAY)
    assert account.opening == 160
    assert account.closing == 60
    assert [one.invoice_id for one in account.undated] == ["inv_1", "inv_2"]
    assert [one.amount for one in account.undated] == [100, 100]
    assert [(one.kind, one.day) for one in account.entries] == [(KINDS.PAYMENT, date(2026, 5, 1))]
    earliest = only(bills, UNDATED, UNDATED)
    assert earliest.opening == earliest.closing == 160
    assert earliest.entries == ()


def test_what_is_dated_ahead_counts_as_of_today() -> None:
    ahead = Invoice(issued_date=TODAY + timedelta(days=3), due_date=TODAY + timedelta(days=9))
    account = only([ahead], TODAY, TODAY)
    assert [(e.day, e.dated, e.note) for e in account.entries] == [
        (TODAY, TODAY + timedelta(days=3), Note.DATED_AHEAD)
    ]
    paid = Invoice(status="paid", paid_date=TODAY + timedelta(days=1))
    assert movements(paid, TODAY)[1].note is Note.DATED_AHEAD
    assert only([paid], TODAY, TODAY).closing == 0


def test_drafts_and_void_invoices_are_in_no_statement() -> None:
    bills = [Invoice(status=status) for status in ("draft", *sorted(CANCELLED))]
    assert statement(bills, date(2020, 1, 1), TODAY, TODAY) == []


def test_an_unused_credit_lowers_the_balance_and_stands_beside_the_ages() -> None:
    bills = [Invoice(), Invoice(id="inv_2", amount=Decimal(-30), due_date=date(2026, 1, 1))]
    account = only(bills, date(2026, 10, 1), TODAY)
    assert account.closing == 70
    assert account.ageing == Ageing(days_1_30=Decimal(100), credit=Decimal(30))
    assert [(one.kind, one.due) for one in account.entries] == [
        (KINDS.INVOICE, date(2026, 10, 31)),
        (KINDS.CREDIT, None),
    ]


def test_a_payment_before_its_invoice_is_credit_until_then() -> None:
    early = Invoice(status="paid", paid_date=date(2026, 9, 20))
    account = only([early], date(2026, 9, 1), date(2026, 9, 30))
    assert account.closing == -100
    assert account.ageing == Ageing(credit=Decimal(100))


def test_currencies_are_kept_apart_and_in_order() -> None:
    bills = [Invoice(), Invoice(currency="eur"), Invoice(currency="usd"), Invoice(currency="JPY")]
    found = statement(bills, date(2026, 1, 1), TODAY, TODAY)
    assert [one.currency for one in found] == ["EUR", "JPY", "USD"]
    assert [one.closing for one in found] == [100, 100, 200]


def test_a_currency_in_which_nothing_was_left_or_moved_is_left_out() -> None:
    paid = Invoice(status="paid", paid_date=date(2026, 10, 5))
    assert statement([paid], date(2026, 11, 1), TODAY, TODAY) == []
    assert len(statement([paid], date(2026, 10, 5), TODAY, TODAY)) == 1
    # What is owed and what is credited may be alike: there is something to show.
    both = [Invoice(), Invoice(id="inv_2", amount=Decimal(-100))]
    assert len(statement(both, date(2026, 11, 1), TODAY, TODAY)) == 1


def test_entries_of_one_day_go_by_invoice_and_each_invoice_before_its_payment() -> None:
    day = date(2026, 10, 1)
    bills = [
        Invoice(id="inv_2", invoice_number="B", status="paid", paid_date=day),
        Invoice(id="inv_1", invoice_number="A", status="paid", amount_paid=Decimal(1)),
    ]
    entries: tuple[Entry, ...] = only(bills, day, day).entries
    assert [(one.number, one.kind) for one in entries] == [
        ("A", KINDS.INVOICE),
        ("A", KINDS.PAYMENT),
        ("A", KINDS.SETTLED),
        ("B", KINDS.INVOICE),
        ("B", KINDS.PAYMENT),
    ]


@pytest.mark.parametrize(
    ("late", "age"),
    [
        (-1, "current"),
        (0, "current"),
        (1, "days_1_30"),
        (30, "days_1_30"),
        (31, "days_31_60"),
        (60, "days_31_60"),
        (61, "days_61_90"),
        (90, "days_61_90"),
        (91, "over_90"),
        (4000, "over_90"),
    ],
)
@pytest.mark.parametrize(
    "until", [date(2026, 11, 24), date(2027, 2, 28), date(2028, 2, 29), date(2028, 3, 1)]
)
def test_each_age_begins_and_ends_on_its_day(late: int, age: str, until: date) -> None:
    bill = Invoice(issued_date=date(2000, 1, 1), due_date=until - timedelta(days=late))
    assert only([bill], until, until, until).ageing == Ageing(**{age: Decimal(100)})


@pytest.mark.parametrize(
    ("until", "due", "age"),
    [
        # Thirty days are not a month: January's end is 28 or 29 days before February's.
        (date(2027, 2, 28), date(2027, 1, 29), "days_1_30"),
        (date(2027, 2, 28), date(2027, 1, 28), "days_31_60"),
        (date(2028, 2, 29), date(2028, 1, 30), "days_1_30"),
        (date(2028, 2, 29), date(2028, 1, 29), "days_31_60"),
        (date(2028, 3, 1), date(2028, 2, 29), "days_1_30"),
        (date(2027, 1, 1), date(2026, 12, 31), "days_1_30"),
        (date(2026, 12, 31), date(2026, 12, 31), "current"),
    ],
)
def test_ages_are_counted_in_days_across_month_ends(until: date, due: date, age: str) -> None:
    bill = Invoice(issued_date=date(2000, 1, 1), due_date=due)
    assert only([bill], until, until, until).ageing == Ageing(**{age: Decimal(100)})


def test_ages_are_those_of_the_last_day_not_of_today() -> None:
    bill = Invoice(due_date=date(2026, 10, 31), status="paid", paid_date=date(2026, 11, 20))
    assert only([bill], date(2026, 10, 1), date(2026, 10, 31)).ageing == Ageing(Decimal(100))
    assert only([bill], date(2026, 10, 1), date(2026, 11, 19)).ageing.days_1_30 == 100
    assert only([bill], date(2026, 10, 1), date(2026, 11, 20)).ageing == Ageing()


def test_what_has_no_due_date_is_current() -> None:
    bill = Invoice(due_date=None, issued_date=date(2020, 1, 1))
    assert only([bill], TODAY, TODAY).ageing == Ageing(current=Decimal(100))
