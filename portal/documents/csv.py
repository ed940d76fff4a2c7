"""Tables as CSV (RFC 4180) that a spreadsheet opens as they are meant, and never runs.

UTF-8 with a byte order mark: without it Excel reads the file in the machine's own code page, and
every other reader knows to skip it (Python: `utf-8-sig`). Lines end in CRLF. Amounts are plain
decimals, days are ISO 8601, whatever the reader's locale: a file is read by programs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from babel.numbers import get_currency_precision
from starlette.responses import Response

from portal.documents.file_answer import file_answer

Cell = str | Decimal | date | None

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_FORMULA: Final = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 # full width: some Excels take them, too
_QUOTED: Final = re.compile(r'[",;\t\r\n]|^\s|\s$')


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A header line and a line for each row, of as many cells as the header has.

    A text that a spreadsheet would run as a formula gets an apostrophe before it; one that is a
    plain number (`-12.50`) stays what it is. None is an empty cell. Raises ValueError for a row
    of another length and for an amount that is no number.
    """
    lines = [header, *rows]
    if any(len(line) != len(header) for line in lines):
        raise ValueError("Each row has as many cells as the header")
    text = "".join(",".join(map(_written, line)) + "\r\n" for line in lines)
    return text.encode("utf-8-sig")


def csv_response(name: str, content: bytes) -> Response:
    """Answer with what `write_csv` made, to be stored as `name` (which ends in `.csv`)."""
    return file_answer(content, name, "text/csv; charset=utf-8; header=present", "attachment")


def in_full(amount: Decimal, currency: str) -> Decimal:
    """The amount with at least the decimals of its currency: `18500` USD as `18500.00`."""
    decimals = Decimal(1).scaleb(-get_currency_precision(currency.upper()))
    return amount + 0 * decimals


def _written(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        return _plain(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    text = _inert(cell)
    # A semicolon and a tab part cells for readers of other habits, so they are quoted, too.
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _plain(amount: Decimal) -> str:
    if not amount.is_finite():
        raise ValueError("An amount must be a number")
    return f"{amount if amount else abs(amount):f}"


def _inert(text: str) -> str:
    """The text, with an apostrophe when a spreadsheet would take it for a formula."""
    if _NUMBER.fullmatch(text):
        return text
    risky = text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA)
    return f"'{text}" if risky else text
