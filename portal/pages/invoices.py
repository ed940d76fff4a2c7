"""Invoices: what was billed and what is owed, for client admins."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.auth.gate import access_of
from portal.crm.access import ONE_INVOICE, ClientAccess
from portal.crm.models import Engagement, Invoice, LineItem
from portal.documents.check_code import CheckCodes
from portal.documents.csv import csv_response, write_csv
from portal.documents.invoices_csv import HEADER, invoice_cells
from portal.domain import invoices as billing
from portal.domain.invoice_filter import InvoiceFilter
from portal.domain.invoice_rows import Row, row, sums
from portal.errors import BadInput, NotFound
from portal.pages import questions
from portal.submitted import submitted
from portal.templating import render, say


async def invoices(request: Request) -> Response:
    """The invoices that the address asks for, 25 a page. Raises RoleNotAllowed for viewers."""
    access = access_of(request)
    wanted = InvoiceFilter.read(request.query_params)
    rows, engagements = await _rows(access), await access.engagements()
    found = wanted.apply(rows)
    return render(
        request,
        "invoices.html",
        {
            "filter": wanted,
            "window": wanted.window(found),
            "sums": sums(found),
            "is_empty": not rows,
            "names": {engagement.id: engagement.name for engagement in engagements},
            "choices": _choices(wanted, rows, engagements),
        },
    )


async def invoices_csv(request: Request) -> Response:
    """The same invoices as a file, on all pages. Raises RoleNotAllowed for viewers."""
    access = access_of(request)
    found = InvoiceFilter.read(request.query_params).apply(await _rows(access))
    content = write_csv(HEADER, [invoice_cells(one) for one in found])
    return csv_response(f"invoices-{access.today().isoformat()}.csv", content)


async def invoice(request: Request) -> Response:
    """One invoice. Raises NotFound when it is not the viewer's, RoleNotAllowed for viewers."""
    access = access_of(request)
    access.begin(ONE_INVOICE)
    found = await access.invoice(request.path_params["id"])
    sent = request.query_params.get("sent") == "1"
    return await _page(
        request, found, questions.Form(await questions.form_key(request, found.id), sent=sent)
    )


async def ask_about_invoice(request: Request) -> Response:
    """POST /invoices/{id}/question `{key, text}`. What is wrong is shown again.

    Raises NotFound when the invoice is not the viewer's, RoleNotAllowed for viewers.
    """
    found = await access_of(request).invoice(request.path_params["id"])
    fields = await submitted(request)
    key, typed = fields.get("key", ""), fields.get("text", "")
    try:
        text = questions.read_question(typed)
    except BadInput as error:
        return await _page(request, found, questions.Form(key, typed, say(request, error)), error)
    await questions.send_once(request, found, key, text)
    return RedirectResponse(f"/invoices/{quote(found.id)}?sent=1", status_code=303)


async def _page(
    request: Request, found: Invoice, form: questions.Form, error: BadInput | None = None
) -> Response:
    access = access_of(request)
    company_name = await access.company_name()
    engagement = await _engagement(access, found.engagement_id)
    today = access.today()
    subtotal, stands = _subtotal(found.line_items), row(found, today)
    return render(
        request,
        "invoice.html",
        {
            "invoice": found,
            "today": today,
            "company_name": company_name,
            "engagement": engagement,
            "row": stands,
            "check": CheckCodes.of(request).of_invoice(stands),
            "subtotal": subtotal,
            "beyond_lines": found.amount - subtotal if found.line_items else billing.ZERO,
            "pay_url": billing.safe_payment_link(found.payment_url),
            "form": form,
            "longest": questions.LONGEST,
        },
        status_code=error.status if error else 200,
    )


async def _rows(access: ClientAccess) -> list[Row[Invoice]]:
    found, engagements = await access.invoices(), await access.engagements()
    today = access.today()
    names = {engagement.id: engagement.name for engagement in engagements}
    return [row(one, today, names.get(one.engagement_id or "", "")) for one in found]


def _choices(
    wanted: InvoiceFilter, rows: Sequence[Row[Invoice]], engagements: Sequence[Engagement]
) -> dict[str, list[tuple[str | int, str]]]:
    """What can be chosen of each kind, and what it is called; what is chosen is always there."""
    bills = [one.invoice for one in rows]
    ids = {bill.engagement_id for bill in bills}
    named = {e.id: e.name for e in engagements if e.id in ids or e.id == wanted.engagement}
    years = {bill.issued_date.year for bill in bills if bill.issued_date}
    currencies = {bill.currency.upper() for bill in bills}
    if wanted.engagement:
        named.setdefault(wanted.engagement, "")
    if wanted.year:
        years.add(wanted.year)
    if wanted.currency:
        currencies.add(wanted.currency)
    return {
        "engagement": sorted(named.items(), key=lambda one: one[1].casefold()),
        "year": [(year, str(year)) for year in sorted(years, reverse=True)],
        "currency": [(currency, currency) for currency in sorted(currencies)],
    }


def _subtotal(lines: Sequence[LineItem]) -> Decimal:
    return sum((line.amount for line in lines), billing.ZERO)


async def _engagement(access: ClientAccess, engagement_id: str | None) -> Engagement | None:
    """The engagement that the invoice belongs to, when the viewer may see it."""
    if engagement_id is None:
        return None
    try:
        return await access.engagement(engagement_id)
    except NotFound:
        return None
