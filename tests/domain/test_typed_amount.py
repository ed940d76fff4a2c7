"""Amounts as people type them: read in one way, or refused with a reason."""

from __future__ import annotations

from decimal import Decimal

import pytest
from babel import Locale
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.typed_amount import read_amount
from portal.errors import BadInput
from portal.format import money


@pytest.mark.parametrize(
    ("typed", "chosen", "amount", "currency"),
    [
        ("1.234,56", "EUR", "1234.56", "EUR"),
        ("1,234.56", "USD", "1234.56", "USD"),
        ("1234.56", "USD", "1234.56", "USD"),
        ("1234,5", "EUR", "1234.50", "EUR"),
        ("1234", "EUR", "1234", "EUR"),
        ("1,234,567", "USD", "1234567", "USD"),
        ("1.234.567,89 €", "", "1234567.89", "EUR"),
        ("€ 1'234.50", "", "1234.50", "EUR"),
        ("CHF 1’234.50", "", "1234.50", "CHF"),  # noqa: RUF001
        ("1 234,50 zł", "", "1234.50", "PLN"),
        ("1\u202f234,50\u00a0€", "EUR", "1234.50", "EUR"),
        ("$19,192.50", "USD", "19192.50", "USD"),
        ("$19,192.50", "CAD", "19192.50", "CAD"),
        ("US$ 5", "", "5", "USD"),
        ("$1 usd", "", "1", "USD"),
        ("Fr. 5.20", "", "5.20", "CHF"),
        ("12,34,567.80", "INR", "1234567.80", "INR"),
        ("1,234", "JPY", "1234", "JPY"),
        ("1.234,567", "KWD", "1234.567", "KWD"),
        ("-100.00 USD", "", "-100", "USD"),
        ("\u2212100", "USD", "-100", "USD"),
        ("100.00-", "EUR", "-100", "EUR"),
        ("+5", "EUR", "5", "EUR"),
        ("\u0661\u0662\u066b\u0665", "EUR", "12.50", "EUR"),
        ("1 234,50 $ US", "", "1234.50", "USD"),
        ("\u200f-NIS 5.00", "", "-5.00", "ILS"),
        ("１２", "EUR", "12", "EUR"),  # noqa: RUF001
    ],
)
def test_an_amount_is_read_as_it_was_meant(
    typed: str, chosen: str, amount: str, currency: str
) -> None:
    assert read_amount(typed, chosen) == (Decimal(amount), currency)


@pytest.mark.parametrize(
    ("typed", "chosen", "field", "words"),
    [
        ("1.234", "EUR", "amount", "two ways"),
        ("1,234", "USD", "amount", "two ways"),
        ("1.234", "KWD", "amount", "two ways"),
        ("1234.567", "USD", "amount", "more decimals than USD"),
        ("0.999", "EUR", "amount", "more decimals"),
        ("5.00", "JPY", "amount", "more decimals"),
        ("1.2.3", "EUR", "amount", "as it stands"),
        ("1.234,56.78", "EUR", "amount", "as it stands"),
        ("12,34,56", "EUR", "amount", "as it stands"),
        ("1 2 3", "EUR", "amount", "as it stands"),
        ("1.234'567", "EUR", "amount", "as it stands"),
        ("1234.5 6", "EUR", "amount", "as it stands"),
        ("", "EUR", "amount", "as it stands"),
        ("five", "EUR", "amount", "as it stands"),
        ("--5", "EUR", "amount", "as it stands"),
        ("-5-", "EUR", "amount", "as it stands"),
        ("5 bananas", "EUR", "amount", "as it stands"),
        ("1" * 61, "EUR", "amount", "as it stands"),
        ("5", "", "currency", "Choose the currency"),
        ("$5", "", "currency", "Choose the currency"),
        ("¥5", "", "currency", "Choose the currency"),
        ("€5", "USD", "currency", "another than the one chosen"),
        ("EUR 5 USD", "", "currency", "another than the one chosen"),
    ],
)
def test_what_is_unclear_is_refused_and_told(
    typed: str, chosen: str, field: str, words: str
) -> None:
    with pytest.raises(BadInput) as refused:
        read_amount(typed, chosen)
    assert refused.value.field == field
    assert words in refused.value.message


# The first amount in a locale reads the locale's file.
@settings(deadline=None)
@given(
    cents=st.integers(-(10**11), 10**11),
    locale=st.sampled_from(
        ["en_US", "fr_CA", "de_DE", "fr_FR", "pl_PL", "de_CH", "en_IN", "es_MX", "sv_SE"]
    ),
    currency=st.sampled_from(["USD", "EUR", "PLN", "GBP", "CHF"]),
)
def test_every_amount_that_a_document_prints_is_read_back(
    cents: int, locale: str, currency: str
) -> None:
    amount = Decimal(cents).scaleb(-2)
    printed = money(amount, currency, Locale.parse(locale))
    assert read_amount(printed, currency) == (amount, currency)


@given(typed=st.text(max_size=30), chosen=st.sampled_from(["", "EUR", "JPY"]))
def test_any_text_is_an_amount_or_is_refused(typed: str, chosen: str) -> None:
    try:
        amount, currency = read_amount(typed, chosen)
    except BadInput:
        return
    assert amount.is_finite()
    assert len(currency) == 3
