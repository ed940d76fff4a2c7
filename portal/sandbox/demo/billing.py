"""Building demo invoices: the amount is always the sum of the lines."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from portal.sandbox.demo.records import Calendar, Record

WIRE_US = (
    "Wire transfer to Sprint Mode LLC\nBank: Example National Bank\n"
    "Routing: 000000000   Account: 0001234567\nPlease quote the invoice number."
)
SEPA = (
    "SEPA transfer to Sprint Mode Europe\nIBAN: DE02 1203 0000 0000 2020 51\n"
    "BIC: BYLADEM1001\nPlease quote the invoice number."
)

Line = tuple[str, str, str]
"""Description, quantity, unit price."""


def invoice(
    calendar: Calendar,
    invoice_id: str,
    number: str | None,
    issued: int,
    *lines: Line,
    terms: int = 30,
    **more: Any,
) -> Record:
    """An invoice issued so many days ago, due after `terms` days."""
    items = [_line(*line) for line in lines]
    return {
        "id": invoice_id,
        "invoice_number": number,
        "amount": sum((item["amount"] for item in items), Decimal(0)),
        "line_items": items,
        "issued_date": calendar.day(issued),
        "due_date": calendar.day(issued - terms),
        "created_at": calendar.at(issued, 14),
        "product": "mode",
        **more,
    }


def paid(calendar: Calendar, ago: int, amount: str) -> dict[str, Any]:
    """The fields of an invoice that was paid in full so many days ago."""
    return {"status": "paid", "amount_paid": Decimal(amount), "paid_date": calendar.day(ago)}


def _line(description: str, quantity: str, unit_price: str) -> dict[str, Any]:
    count, price = Decimal(quantity), Decimal(unit_price)
    return {
        "description": description,
        "quantity": count,
        "unit_price": price,
        "amount": count * price,
    }
