"""CSV: what a spreadsheet reads back is what was written, and nothing in it runs."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.documents.csv import csv_response, in_full, write_csv

RISKY = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001
HOSTILE = (
    '=HYPERLINK("http://evil.example","pay")',
    "+48 600 700 800",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "＝1+1",  # noqa: RUF001
    "-",
    "-1e5",
    "-1.",
    "-\N{ARABIC-INDIC DIGIT FIVE}",
)


def read(content: bytes) -> list[list[str]]:
    """As a program reads it."""
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_a_file_begins_with_a_mark_and_its_lines_end_in_crlf() -> None:
    content = write_csv(["a", "b"], [["1", None], ["ł", date(2026, 11, 24)]])
    assert content == b"\xef\xbb\xbfa,b\r\n1,\r\n\xc5\x82,2026-11-24\r\n"
    assert write_csv(["a"], []) == b"\xef\xbb\xbfa\r\n"


@given(st.lists(st.lists(st.text(), min_size=3, max_size=3)))
def test_what_is_read_back_is_what_was_written(rows: list[list[str]]) -> None:
    rows = [[cell.encode("utf-8", "ignore").decode() for cell in row] for row in rows]
    found = read(write_csv(["a", "b", "c"], rows))
    assert found[0] == ["a", "b", "c"]
    assert len(found) == len(rows) + 1
    for wrote, came in zip(rows, found[1:], strict=True):
        for cell, back in zip(wrote, came, strict=True):
            assert back in (cell, f"'{cell}")


@given(st.text())
def test_no_text_can_begin_a_formula(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    [[back, _]] = read(write_csv(["a", "b"], [[text, "x"]]))[1:]
    if back.startswith(RISKY):
        assert Decimal(back) < 0


@pytest.mark.parametrize("text", HOSTILE)
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    content = write_csv(["a", "b"], [[text, "x"]])
    assert read(content)[1] == [f"'{text}", "x"]


@pytest.mark.parametrize("text", ["-12.50", "12.50", "0", "-0", "2026-11-24", "a=b", "x - y", ""])
def test_numbers_and_harmless_texts_stay_what_they_are(text: str) -> None:
    assert read(write_csv(["a", "b"], [[text, "x"]]))[1] == [text, "x"]


def test_a_cell_cannot_part_into_two_for_readers_of_other_habits() -> None:
    content = write_csv(["a", "b"], [["x;=1+1", "y\t=1+1"]])
    assert b'"x;=1+1","y\t=1+1"\r\n' in content


def test_amounts_are_plain_decimals() -> None:
    amounts = [Decimal("-1234.50"), Decimal("1E+3"), Decimal("-0.00"), Decimal("1E-7")]
    assert read(write_csv(list("abcd"), [amounts]))[1] == ["-1234.50", "1000", "0.00", "0.0000001"]
    with pytest.raises(ValueError, match="number"):
        write_csv(["a"], [[Decimal("NaN")]])


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("18500", "USD", "18500.00"),
        ("18500", "jpy", "18500"),
        ("0.1", "KWD", "0.100"),
        ("0.1234", "EUR", "0.1234"),
        ("1E+3", "EUR", "1000.00"),
        ("-5", "EUR", "-5.00"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(
    amount: str, currency: str, written: str
) -> None:
    full = in_full(Decimal(amount), currency)
    assert full == Decimal(amount)
    assert read(write_csv(["a"], [[full]]))[1] == [written]


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="as many cells"):
        write_csv(["a", "b"], [["1"]])


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("invoices-2026-11-24.csv", 'attachment; filename="invoices-2026-11-24.csv"'),
        ("../../etc/pass\r\nwd.csv", 'attachment; filename="etc-pass-wd.csv"'),
        ('a"; filename="b.exe.csv', 'attachment; filename="a-filename-b.exe.csv"'),
        (
            "Łódź.csv",
            "attachment; filename=\"Lodz.csv\"; filename*=UTF-8''%C5%81%C3%B3d%C5%BA.csv",
        ),
        (
            "\u202e日本.csv",
            "attachment; filename=\"document.csv\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.csv",
        ),
        (".csv", 'attachment; filename="document.csv"'),
        ("x" * 300 + ".csv", f'attachment; filename="{"x" * 76}.csv"'),
    ],
)
def test_an_answer_is_stored_under_a_safe_name_and_kept_by_nobody(name: str, header: str) -> None:
    answer = csv_response(name, b"content")
    assert answer.headers["content-disposition"] == header
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.body == b"content"
