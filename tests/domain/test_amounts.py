"""Whoever sees no amounts reads none in free text either."""

from __future__ import annotations

import sys
import unicodedata
from decimal import Decimal

import pytest
from babel.numbers import format_currency
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.amounts import REDACTED, without_amounts


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Budget of $12,500.00 approved", "Budget of ••• approved"),
        ("Budget of 12.500,00 € approved", "Budget of ••• approved"),
        ("EUR 1 200 and USD 3k", "••• and •••"),
        ("1'200 CHF", "•••"),
        ("US$5", "•••"),
        ("£5m saved", "••• saved"),
        ("-€20", REDACTED),
        ("94 % of 1,260 rows in 2026", "94 % of 1,260 rows in 2026"),
        ("Version 2.0 of the usd report", "Version 2.0 of the usd report"),
        ("INV-2026-001", "INV-2026-001"),
        ("", ""),
    ],
)
def test_amounts_go_and_other_numbers_stay(text: str, left: str) -> None:
    assert without_amounts(text) == left


@given(
    st.decimals(min_value=Decimal("0.01"), max_value=Decimal(10**9), places=2),
    st.sampled_from(["USD", "EUR", "GBP", "PLN", "CHF", "JPY"]),
    st.sampled_from(["en_US", "de_DE", "fr_FR", "pl_PL", "de_CH", "es_MX", "el_GR"]),
)
def test_an_amount_in_any_locale_leaves_no_digit(
    amount: Decimal, currency: str, locale: str
) -> None:
    said = format_currency(amount, currency, locale=locale)
    left = without_amounts(f"a {said} b")
    assert not any(character.isdigit() for character in left), (said, left)


def test_every_sign_that_unicode_calls_a_currencys_is_known() -> None:
    signs = [chr(n) for n in range(sys.maxunicode + 1) if unicodedata.category(chr(n)) == "Sc"]
    assert len(signs) > 60
    assert [sign for sign in signs if without_amounts(f"{sign}7") != REDACTED] == []
