"""GET /invoices/{id}.pdf: an invoice to file or to pass on, with all that its page says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from portal.auth.gate import access_of
from portal.crm.access import ClientAccess
from portal.crm.models import Invoice
from portal.documents.check_code import CheckCode, CheckCodes, qr_svg
from portal.documents.file_answer import PDF, file_answer
from portal.documents.typesetting import pdf
from portal.documents.wording import Wording
from portal.domain.invoice_rows import Row, row
from portal.domain.invoices import ZERO, StandingKind, safe_payment_link
from portal.errors import NotFound

_OF_AN_ADDRESS: Final = "%/:?#[]@!$&'()*+,;=~"


@dataclass(frozen=True)
class InvoiceDocument:
    """An invoice as it stands on `today`, and whom and what it was billed for.

    `check` is by which a reader can tell whether a copy has been altered.
    """

    row: Row[Invoice]
    company_name: str
    engagement_name: str | None
    today: date
    check: CheckCode | None = None

    def data(self, wording: Wording) -> Mapping[str, Any]:
        """What `invoice.typ` draws, in the reader's words."""
        invoice, _ = self.row.invoice, wording.gettext
        number = invoice.invoice_number
        title = _("Invoice %(number)s", number=number) if number else _("Invoice without a number")
        return {
            **wording.frame(title),
            "status": wording.standing(self.row.standing),
            "status_on": _("as of %(day)s", day=wording.day(self.today)),
            "facts": self._facts(wording),
            "line_heads": [_("Description"), _("Quantity"), _("Unit price"), _("Amount")],
            "lines": self._lines(wording),
            "sums": self._sums(wording),
            "note": self._note(wording),
            **self._payment(wording),
            "check": self._check(wording, self.check) if self.check else None,
        }

    def _facts(self, wording: Wording) -> list[tuple[str, str]]:
        invoice, _ = self.row.invoice, wording.gettext
        facts = [
            (_("Billed to"), self.company_name),
            (_("Issued"), wording.day(invoice.issued_date)),
            (_("Due"), wording.day(invoice.due_date)),
        ]
        return [*facts, (_("For"), self.engagement_name)] if self.engagement_name else facts

    def _lines(self, wording: Wording) -> list[list[str]]:
        currency = self.row.invoice.currency
        return [
            [
                line.description,
                wording.number(line.quantity),
                "–"  # noqa: RUF001 # as on the page
                if line.unit_price is None
                else wording.money(line.unit_price, currency),
                wording.money(line.amount, currency),
            ]
            for line in self.row.invoice.line_items
        ]

    def _sums(self, wording: Wording) -> list[tuple[str, str]]:
        invoice, _ = self.row.invoice, wording.gettext
        lines = sum((line.amount for line in invoice.line_items), ZERO)
        beyond = invoice.amount - lines if invoice.line_items else ZERO
        sums = [(_("Subtotal"), lines)] if invoice.line_items else []
        sums += [(_("Taxes and adjustments"), beyond)] if beyond else []
        sums.append((_("Total"), invoice.amount))
        sums += [(_("Paid"), -self.row.paid)] if self.row.paid else []
        left = _("Credit in your favour") if self.row.left < 0 else _("Left to pay")
        sums.append((left, abs(self.row.left)))
        return [(words, wording.money(amount, invoice.currency)) for words, amount in sums]

    def _note(self, wording: Wording) -> str:
        standing, _ = self.row.standing, wording.gettext
        if standing.kind is StandingKind.VOID:
            return _("This invoice was cancelled. There is nothing to pay.")
        if standing.kind is StandingKind.CREDIT and self.row.left:
            return _("There is nothing to pay: this can be set against other invoices.")
        if standing.kind is StandingKind.CREDIT:
            return _("This credit has been used or paid out.")
        if standing.on:
            return _("Paid on %(on)s. Thank you.", on=wording.day(standing.on))
        return ""

    def _payment(self, wording: Wording) -> dict[str, Any]:
        invoice, _ = self.row.invoice, wording.gettext
        wanted = self.row.standing.wants_payment
        url = safe_payment_link(invoice.payment_url) if wanted else None
        said = (invoice.payment_instructions or "").strip() if wanted else ""
        return {
            "pay_title": _("How to pay"),
            "pay": [said] if said else [],
            "pay_online": _("Pay online: %(url)s", url=url) if url else "",
            "pay_url": quote(url, safe=_OF_AN_ADDRESS) if url else None,
        }

    def _check(self, wording: Wording, check: CheckCode) -> Mapping[str, str]:
        _ = wording.gettext
        return {
            "title": _("Check code"),
            "code": str(check.code),
            "where": _("Check this invoice at %(address)s", address=check.address),
            "why": _(
                "It tells you whether the number, the total (in %(currency)s), the due date and "
                "the bank details are those that we issued.",
                currency=self.row.invoice.currency.upper(),
            ),
            "qr": qr_svg(check.link),
            "qr_says": _(
                "QR code: opens %(address)s with the number and the check code filled in",
                address=check.address,
            ),
        }


async def invoice_pdf(request: Request) -> Response:
    """The PDF. Raises NotFound when the invoice is not the viewer's, RoleNotAllowed for viewers."""
    access = access_of(request)
    found = await access.invoice(request.path_params["id"])
    company_name, engagement_name = await asyncio.gather(
        access.company_name(), _engagement_name(access, found.engagement_id)
    )
    today = access.today()
    stands = row(found, today)
    check = CheckCodes.of(request).of_invoice(stands)
    document = InvoiceDocument(stands, company_name, engagement_name, today, check)
    content = await pdf("invoice.typ", document.data(Wording.printed(request)), today)
    return file_answer(content, f"{found.invoice_number or found.id}.pdf", PDF, "inline")


async def _engagement_name(access: ClientAccess, engagement_id: str | None) -> str | None:
    """The name of the invoice's engagement, when the viewer may see it."""
    if engagement_id is None:
        return None
    try:
        return (await access.engagement(engagement_id)).name
    except NotFound:
        return None
