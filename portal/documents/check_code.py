"""The check code of an invoice as its page and its PDF show it, with a QR code for phones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request

from portal.crm.models import Invoice
from portal.domain.invoice_check import Code, InvoiceChecks, Paper, normal_number
from portal.domain.invoice_rows import Row
from portal.settings import Settings

PATH: Final = "/verify"
LONGEST_NUMBER: Final = 100
"""Characters of an invoice number that a QR code carries; a longer one is left to be typed."""

QUIET: Final = 4
"""Modules of white around a QR code (ISO/IEC 18004 §6.3.8)."""

MASK: Final = 3
"""Any mask can be read. Trying all eight for the finest takes five times as long as the rest."""


@dataclass(frozen=True)
class CheckCode:
    """An invoice's code, and where it is checked: `address` to be typed, `link` for phones."""

    code: Code
    address: str
    link: str


@dataclass(frozen=True)
class CheckCodes:
    """Gives invoices their codes: by the portal's keys, to be checked under its own origin."""

    checks: InvoiceChecks
    origin: str

    @classmethod
    def of(cls, request: Request) -> CheckCodes:
        """Those of the portal that was asked."""
        settings: Settings = request.app.state.env.settings
        return cls(settings.invoice_checks, settings.portal_origin)

    def of_invoice(self, row: Row[Invoice]) -> CheckCode | None:
        """The code over what the invoice says today; None for one without a number.

        Once nothing is to be paid, no bank details are printed, and the code says that.
        """
        invoice, number = row.invoice, (row.invoice.invoice_number or "").strip()
        if not normal_number(number):
            return None
        bank = invoice.payment_instructions if row.standing.wants_payment else None
        code = self.checks.code(
            Paper.saying(number, invoice.amount, invoice.currency, invoice.due_date, bank or "")
        )
        address = f"{self.origin}{PATH}"
        filled_in = {"code": code.compact}
        if len(number) <= LONGEST_NUMBER:
            filled_in["number"] = number
        return CheckCode(code, address, f"{address}?{urlencode(filled_in)}")


def qr_svg(content: str) -> str:
    """A QR code (ISO/IEC 18004) as an SVG drawing: one black path, with its quiet zone."""
    # When first needed: loading it takes 5 ms of a start.
    import segno

    made = segno.make_qr(content, error="m", mask=MASK, boost_error=False)
    side = len(made.matrix) + 2 * QUIET
    path = "".join(_dark_runs(made.matrix))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}">'
        f'<path fill="#000" d="{path}"/></svg>'
    )


def _dark_runs(matrix: Iterable[Iterable[int]]) -> Iterator[str]:
    for y, line in enumerate(matrix, QUIET):
        x = QUIET
        for dark, run in groupby(line):
            length = len(list(run))
            if dark:
                yield f"M{x} {y}h{length}v1h-{length}z"
            x += length
