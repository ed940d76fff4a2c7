"""The sums of a list: by currency, of what was billed, paid and is left, to the cent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from portal.domain.invoice_rows import Sums, row, sums

TODAY = date(2026, 11, 24)
LATE, AHEAD = date(2026, 11, 23), date(2026, 11, 25)


@dataclass(frozen=True)
class Bill:
    """The fields of an invoice."""

    amount: Decimal
    amount_paid: Decimal = Decimal(0)
    currency: str = "USD"
    status: str = "sent"
    due_date: date | None = AHEAD
    paid_date: date | None = None
    issued_date: date | None = None
    invoice_number: str | None = None
    engagement_id: str | None = None
    line_items: tuple[()] = ()


def test_figures_stay_within_their_currency_and_void_ones_count_in_none() -> None:
    bills = (
        Bill(Decimal("100.10"), Decimal("40.05"), due_date=LATE),
        Bill(Decimal("50.01")),
        Bill(Decimal(20), status="paid"),
        Bill(Decimal(-5)),
        Bill(Decimal(999), status="void", due_date=LATE),
        Bill(Decimal(7), currency="eur"),
    )
    assert sums(row(bill, TODAY) for bill in bills) == [
        Sums("EUR", 1, Decimal(7), Decimal(0), Decimal(7), Decimal(0), Decimal(0)),
        Sums(
            currency="USD",
            count=5,
            billed=Decimal("165.11"),
            paid=Decimal("60.05"),
            left=Decimal("110.06"),
            overdue=Decimal("60.05"),
            credit=Decimal(5),
        ),
    ]


def test_nothing_has_no_sums() -> None:
    assert sums([]) == []


AMOUNTS = st.decimals(-(10**9), 10**9, places=2)
PARTS = st.decimals(0, 1, places=2)


@st.composite
def bills(draw: st.DrawFn) -> Bill:
    amount = draw(AMOUNTS)
    return Bill(
        amount,
        (amount * draw(PARTS)).quantize(Decimal("0.01")),
        draw(st.sampled_from(["USD", "EUR", "usd"])),
        draw(st.sampled_from(["sent", "overdue", "void"])),
        draw(st.sampled_from([LATE, TODAY, AHEAD, None])),
    )


@given(st.lists(bills(), max_size=20))
def test_what_was_billed_is_what_was_paid_and_what_is_left(found: list[Bill]) -> None:
    for total in sums(row(bill, TODAY) for bill in found):
        assert total.billed - total.paid == total.left - total.credit
        assert 0 <= total.overdue <= total.left
        assert total.credit >= 0
    assert sum(total.count for total in sums(row(b, TODAY) for b in found)) == len(found)
