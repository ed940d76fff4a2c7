"""GET /statement.csv?from=&to=&currency=: the entries of a statement for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from portal.auth.gate import access_of
from portal.documents.csv import Cell, csv_response, in_full, write_csv
from portal.domain.statement import Account, Entry
from portal.domain.statement_period import StatementPeriod

HEADER: Final = (
    "currency",
    "date",
    "entry",
    "invoice_number",
    "due_date",
    "charged",
    "credited",
    "balance",
    "note",
)
"""English whatever the reader's language, as are the words below: files are read by programs."""


def statement_rows(accounts: Sequence[Account], period: StatementPeriod) -> Iterator[list[Cell]]:
    """A row for each entry, and for each currency one before and one after them: its balances."""
    for account in accounts:
        currency = account.currency
        opening, closing = (
            in_full(amount, currency) for amount in (account.opening, account.closing)
        )
        yield _balance(currency, period.since, "opening balance", opening)
        yield from (_row(entry, currency) for entry in account.entries)
        yield _balance(currency, period.until, "closing balance", closing)


def _balance(currency: str, day: date, words: str, balance: Cell) -> list[Cell]:
    return [currency, day, words, None, None, None, None, balance, None]


def _row(entry: Entry, currency: str) -> list[Cell]:
    charged, credited, balance = (
        None if amount is None else in_full(amount, currency)
        for amount in (entry.charged, entry.credited, entry.balance)
    )
    words, note = entry.kind.value.replace("_", " "), entry.note
    said = note.value.replace("_", " ") if note else None
    return [currency, entry.day, words, entry.number, entry.due, charged, credited, balance, said]


async def statement_csv(request: Request) -> Response:
    """The file. Raises RoleNotAllowed for viewers, BadInput for days that are none."""
    access = access_of(request)
    invoices, today = await access.invoices(), access.today()
    period = StatementPeriod.read(request.query_params, today).checked()
    content = write_csv(HEADER, statement_rows(period.accounts(invoices, today), period))
    return csv_response(f"{period.file_name}.csv", content)
