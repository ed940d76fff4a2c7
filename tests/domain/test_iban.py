"""IBANs in a text: found as people write them, and only with the right check digits."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.iban import LENGTHS, ibans, in_fours

GERMAN: Final = "DE02120300000000202051"
BRITISH: Final = "GB82WEST12345698765432"
NORWEGIAN: Final = "NO9386011117947"
KNOWN: Final = (GERMAN, BRITISH, NORWEGIAN, "NL91ABNA0417164300", "FR7630006000011234567890189")


@pytest.mark.parametrize("iban", KNOWN)
@pytest.mark.parametrize("write", [str, str.lower, in_fours, lambda i: f"IBAN:{in_fours(i)}."])
def test_an_iban_is_found_however_it_is_written(iban: str, write: object) -> None:
    assert callable(write)
    assert ibans(f"Pay to {write(iban)}") == (iban,)


@pytest.mark.parametrize(
    "text",
    [
        "DE02 1203 0000\n0000 2020 51\nBIC: BYLADEM1001",
        "de02-1203-0000-0000-2020-51 BIC BYLADEM1001",
        "IBANDE02120300000000202051",
        "DE02\u00a01203\u00a00000\u00a00000\u00a02020\u00a051",
        "ＤＥ02 1203 0000 0000 2020 51",  # noqa: RUF001 # full width
    ],
)
def test_blanks_line_ends_and_what_follows_do_not_matter(text: str) -> None:
    assert ibans(text) == (GERMAN,)


@pytest.mark.parametrize("iban", KNOWN)
def test_one_wrong_digit_makes_it_none(iban: str) -> None:
    for place, digit in enumerate(iban):
        if digit.isdigit():
            wrong = iban[:place] + str((int(digit) + 1) % 10) + iban[place + 1 :]
            assert ibans(wrong) == ()


@pytest.mark.parametrize(
    "text",
    ["", "DE02", GERMAN[:-1], f"{GERMAN}1", f"X{GERMAN}", "ZZ02120300000000202051", "XX" * 20],
)
def test_what_is_shorter_longer_or_of_no_country_is_none(text: str) -> None:
    assert ibans(text) == ()


def test_several_are_found_once_each_in_one_order() -> None:
    one, other = f"{GERMAN} or {BRITISH}", f"{BRITISH}, {GERMAN}, {in_fours(GERMAN)}"
    assert ibans(one) == ibans(other) == (GERMAN, BRITISH)


def test_lengths_are_those_of_the_standard() -> None:
    assert all(len(country) == 2 and 15 <= length <= 34 for country, length in LENGTHS.items())
    assert {iban[:2]: len(iban) for iban in KNOWN}.items() <= LENGTHS.items()


@given(before=st.text(max_size=30), after=st.text(max_size=30))
def test_any_text_around_it_can_be_searched(before: str, after: str) -> None:
    assert GERMAN in ibans(f"{before}\n: {GERMAN} :\n{after}")
