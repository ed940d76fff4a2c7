"""Invoices for a spreadsheet: what each row says, wherever the file comes from."""

from __future__ import annotations

from typing import Final

from portal.crm.models import Invoice
from portal.documents.csv import Cell, in_full
from portal.domain.invoice_rows import Row
from portal.domain.invoices import Standing, StandingKind

HEADER: Final = (
    "invoice_number",
    "issued_date",
    "due_date",
    "status",
    "currency",
    "amount",
    "paid",
    "left_to_pay",
    "paid_date",
    "engagement",
)
"""English whatever the reader's language, as are the words below: files are read by programs."""


def invoice_cells(one: Row[Invoice]) -> list[Cell]:
    """The row of an invoice: a cell for each of `HEADER`."""
    bill = one.invoice
    amount, paid, left = (in_full(a, bill.currency) for a in (bill.amount, one.paid, one.left))
    return [
        bill.invoice_number,
        bill.issued_date,
        bill.due_date,
        _in_words(one.standing),
        bill.currency.upper(),
        amount,
        paid,
        left,
        bill.paid_date,
        one.engagement_name,
    ]


def _in_words(standing: Standing) -> str:
    """English whatever the reader's language, and no count of days: files are read later."""
    words = standing.kind.value.replace("_", " ").capitalize()
    late_or_today = standing.kind in (StandingKind.OVERDUE, StandingKind.DUE_TODAY)
    return f"{words}, partly paid" if standing.partly and late_or_today else words
