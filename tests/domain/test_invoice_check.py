"""Check codes: a copy as issued is told apart from one with any field changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.domain.invoice_check import (
    ALPHABET,
    CODE_SYMBOLS,
    CheckKey,
    Code,
    Field,
    Finding,
    InvoiceChecks,
    Paper,
    derived_key,
    normal_amount,
    normal_bank,
    normal_number,
    read_code,
)
from portal.errors import BadInput

IBAN: Final = "DE02 1203 0000 0000 2020 51"
OTHER_IBAN: Final = "FR76 3000 6000 0112 3456 7890 189"
OLD: Final = CheckKey("A", b"the older secret")
NEW: Final = CheckKey("B", b"the newer secret")
CHECKS: Final = InvoiceChecks("mode", (NEW, OLD))
ISSUED: Final = Paper.saying("INV-1", Decimal("3512.80"), "EUR", date(2026, 12, 3), IBAN)

texts = st.text(max_size=40)
papers = st.builds(
    Paper.saying,
    texts,
    st.decimals(min_value=-(10**9), max_value=10**9, places=2),
    st.sampled_from(["EUR", "USD", "JPY", "KWD"]),
    st.none() | st.dates(),
    st.sampled_from(["", IBAN, OTHER_IBAN]) | texts,
)
keys = st.builds(CheckKey, st.sampled_from(ALPHABET), st.binary(min_size=16, max_size=64))


@given(paper=papers, key=keys)
def test_a_copy_as_issued_is_ours(paper: Paper, key: CheckKey) -> None:
    checks = InvoiceChecks("mode", (key,))
    code = read_code(str(checks.code(paper)))
    assert code == checks.code(paper)
    assert checks.compare(code, paper).is_ours


@given(one=papers, other=papers, field=st.sampled_from([Field.AMOUNT, Field.DUE, Field.BANK]))
def test_the_one_field_that_differs_is_the_one_named(
    one: Paper, other: Paper, field: Field
) -> None:
    assume(one.value(field) != other.value(field))
    copy = replace(one, **{field.value: other.value(field)})
    verdict = CHECKS.compare(CHECKS.code(one), copy)
    assert verdict.differing == (field,)
    assert not verdict.is_ours


@given(one=papers, number=texts)
def test_under_another_number_nothing_else_can_be_told(one: Paper, number: str) -> None:
    copy = replace(one, number=normal_number(number))
    assume(copy.number != one.number)
    verdict = CHECKS.compare(CHECKS.code(one), copy)
    assert verdict.differing == (Field.NUMBER,)
    assert {verdict.findings[f] for f in Field if f is not Field.NUMBER} == {Finding.UNTOLD}


@given(other=papers)
def test_the_tag_of_another_invoice_vouches_for_nothing(other: Paper) -> None:
    assume(other.number != ISSUED.number)
    ours, theirs = CHECKS.code(ISSUED), CHECKS.code(other)
    for place, field in enumerate(Field):
        tags = [*ours.tags]
        tags[place] = theirs.tags[place]
        copy = replace(ISSUED, **{field.value: other.value(field)})
        assert not CHECKS.compare(Code(ours.key_id, tuple(tags)), copy).is_ours


def test_a_tag_serves_no_other_field() -> None:
    same = Paper("X", "X", "X", "X")
    assert len(set(CHECKS.code(same).tags)) == len(Field)


def test_nothing_moves_from_the_number_into_a_value() -> None:
    one, other = Paper("AB", "C", "", ""), Paper("A", "BC", "", "")
    assert CHECKS.code(one).tags[1] != CHECKS.code(other).tags[1]


def test_a_code_of_another_product_or_secret_is_none_of_ours() -> None:
    for checks in (
        InvoiceChecks("signal", (NEW,)),
        InvoiceChecks("mode", (CheckKey("B", b"a stolen guess at it"),)),
    ):
        assert CHECKS.compare(checks.code(ISSUED), ISSUED).differing == (Field.NUMBER,)


def test_an_older_keys_codes_count_as_long_as_it_is_kept() -> None:
    code = InvoiceChecks("mode", (OLD,)).code(ISSUED)
    assert code.key_id == "A"
    assert CHECKS.code(ISSUED).key_id == "B"
    assert CHECKS.compare(code, ISSUED).is_ours
    dropped = InvoiceChecks("mode", (NEW,)).compare(code, ISSUED)
    assert dropped.differing == (Field.NUMBER,)


def test_an_unknown_key_does_not_borrow_the_newest_ones_tags() -> None:
    code = CHECKS.code(ISSUED)
    verdict = CHECKS.compare(Code("Z", code.tags), ISSUED)
    assert not verdict.is_ours
    assert verdict == CHECKS.compare(Code("B", ("00000",) * 4), ISSUED)


def test_every_tag_is_computed_and_compared_whatever_the_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted: list[str] = []
    real = InvoiceChecks._tag

    def counting(self: InvoiceChecks, key: CheckKey, of: Field, paper: Paper) -> str:
        counted.append(of.value)
        return real(self, key, of, paper)

    code = CHECKS.code(ISSUED)
    monkeypatch.setattr(InvoiceChecks, "_tag", counting)
    for sent in (code, Code("Z", code.tags), Code("B", ("00000",) * 4)):
        counted.clear()
        CHECKS.compare(sent, ISSUED)
        assert counted == [field.value for field in Field]


def test_a_mistyped_tag_is_seen_where_it_stands() -> None:
    code = CHECKS.code(ISSUED)
    for place, field in enumerate(Field):
        tags = [*code.tags]
        tags[place] = tags[place][:-1] + ("0" if tags[place][-1] != "0" else "1")
        assert CHECKS.compare(Code("B", tuple(tags)), ISSUED).differing == (field,)


def test_a_code_is_short_and_shown_in_groups() -> None:
    shown = str(CHECKS.code(ISSUED))
    assert [len(group) for group in shown.split("-")] == [1, 5, 5, 5, 5]
    assert len(CHECKS.code(ISSUED).compact) == CODE_SYMBOLS == 21
    assert set(shown) <= {*ALPHABET, "-"}
    assert set("ILOU").isdisjoint(ALPHABET)


@pytest.mark.parametrize(
    "typed",
    [
        "k-7qx2m-01230-11111-zzzzz",
        "  K 7QX2M O123O IlL1i ZZZZZ ",
        "K7QX2M0123011111ZZZZZ",
        "K–7QX2M—0123\u00a0011111\u00adZZZZZ",  # noqa: RUF001 # what word processors make of it
        "Ｋ7QX2M0123011111ZZZZZ",  # noqa: RUF001 # full width
    ],
)
def test_a_code_is_read_as_people_type_it(typed: str) -> None:
    assert read_code(typed) == Code("K", ("7QX2M", "01230", "11111", "ZZZZZ"))


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "K",
        "K-7QX2M-01230-11111-ZZZZ",
        "K-7QX2M-01230-11111-ZZZZZZ",
        "U" * 21,
        "É" * 21,
        "!" * 21,
    ],
)
def test_what_cannot_be_a_code_is_refused(typed: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_code(typed)
    assert refused.value.field == "code"


@given(typed=st.text(max_size=80))
def test_any_text_is_a_code_or_is_refused(typed: str) -> None:
    try:
        code = read_code(typed)
    except BadInput:
        return
    assert read_code(str(code)) == code


@pytest.mark.parametrize(
    "typed",
    ["inv-2026-001", " INV - 2026 - 001 ", "ＩＮＶ-2026-001", "Inv–2026–001\u200b"],  # noqa: RUF001
)
def test_a_number_is_the_same_however_it_is_typed(typed: str) -> None:
    assert normal_number(typed) == "INV-2026-001"


@given(number=texts)
def test_a_number_once_in_its_one_spelling_stays_so(number: str) -> None:
    assert normal_number(normal_number(number)) == normal_number(number)


@pytest.mark.parametrize(
    ("amount", "currency", "normal"),
    [
        ("3512.8", "eur", "EUR 3512.80"),
        ("3512.800", "EUR", "EUR 3512.80"),
        ("1E+3", "USD", "USD 1000.00"),
        ("0.125", "USD", "USD 0.12"),
        ("0.135", "USD", "USD 0.14"),
        ("100", "JPY", "JPY 100"),
        ("1.5", "KWD", "KWD 1.500"),
        ("-0.001", "EUR", "EUR 0.00"),
        ("-100", "EUR", "EUR -100.00"),
    ],
)
def test_an_amount_has_its_currencys_decimals(amount: str, currency: str, normal: str) -> None:
    assert normal_amount(Decimal(amount), currency) == normal


def test_bank_details_are_their_ibans_else_all_letters_and_digits() -> None:
    text = f"SEPA transfer to Sprint Mode Europe\nIBAN: {IBAN}\nBIC: BYLADEM1001"
    assert normal_bank(text) == normal_bank(IBAN.lower()) == "DE02120300000000202051"
    assert normal_bank("Routing: 000000000   Account: 0001234567.") == (
        "ROUTING000000000ACCOUNT0001234567"
    )
    assert normal_bank(" – ") == normal_bank("") == ""  # noqa: RUF001


def test_without_keys_of_its_own_a_portal_derives_one_that_is_no_session_secret() -> None:
    key, other = derived_key("s" * 32), derived_key("t" * 32)
    assert (key.id, len(key.secret)) == ("0", 32)
    assert key.secret not in (b"s" * 32, other.secret)
    assert "secret" not in repr(key)


def test_a_day_later_is_another_due_date() -> None:
    later = replace(ISSUED, due=(date(2026, 12, 3) + timedelta(days=1)).isoformat())
    assert CHECKS.compare(CHECKS.code(ISSUED), later).differing == (Field.DUE,)
    none = replace(ISSUED, due="")
    assert CHECKS.compare(CHECKS.code(ISSUED), none).differing == (Field.DUE,)
