"""Amounts are found however they are typed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.amount_search import is_meant, readings


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("18500", {"18500"}),
        ("$18,500.00", {"18500.00"}),
        ("18.500,00 €", {"18500.00"}),
        ("EUR 18 500", {"18500"}),
        ("CHF 1'250.5", {"1250.5"}),
        ("-2,500", {"2500", "2.500"}),
        ("-$2500", {"2500"}),
        ("\u2212$2500", {"2500"}),
        ("$-2500", {"2500"}),
        ("1.200.300", {"1200300"}),
        ("294.1", {"294.1"}),
        ("INV-2026-001", set()),
        ("2 days", set()),
        ("", set()),
        (".", set()),
        ("1,", set()),
    ],
)
def test_a_text_is_read_as_every_amount_that_it_can_mean(typed: str, meant: set[str]) -> None:
    assert readings(typed) == {Decimal(one) for one in meant}


@pytest.mark.parametrize(
    ("typed", "amount", "found"),
    [
        ("18500", "18500.00", True),
        ("19192", "19192.50", True),
        ("19192.00", "19192.50", False),
        ("19192.5", "19192.50", True),
        ("2500", "-2500", True),
        ("2500", "25000", False),
        ("9" * 60, "9" * 60, True),
        ("9" * 60, "9" * 59, False),
    ],
)
def test_whole_units_find_what_has_cents_and_cents_must_agree(
    typed: str, amount: str, found: bool
) -> None:
    assert is_meant(readings(typed), Decimal(amount)) is found


@given(st.text(max_size=100), st.decimals(allow_nan=False, allow_infinity=False))
def test_no_text_and_no_amount_fails(typed: str, amount: Decimal) -> None:
    assert is_meant(readings(typed), amount) in (True, False)


@given(st.decimals(0, 10**12, places=2))
def test_every_amount_is_found_as_it_is_shown(amount: Decimal) -> None:
    assert is_meant(readings(f"${amount:,.2f}"), amount)
    assert is_meant(readings(f"{amount:.2f}"), amount)
