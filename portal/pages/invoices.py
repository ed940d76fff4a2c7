"""Invoices: what was billed and what is owed, for client admins."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from portal.auth.gate import access_of
from portal.crm.access import ClientAccess
from portal.crm.models import Engagement
from portal.domain import invoices as billing
from portal.errors import NotFound
from portal.templating import render


async def invoices(request: Request) -> Response:
    """All invoices with how each stands, newest first. Raises RoleNotAllowed for viewers."""
    access = access_of(request)
    today = access.today()
    found = await access.invoices()
    return render(
        request,
        "invoices.html",
        {
            "today": today,
            "rows": [(i, billing.standing(i, today), billing.balance(i)) for i in found],
            "totals": billing.totals(found, today),
        },
    )


async def invoice(request: Request) -> Response:
    """One invoice. Raises NotFound when it is not the viewer's, RoleNotAllowed for viewers."""
    access = access_of(request)
    found = await access.invoice(request.path_params["id"])
    company, engagement = await asyncio.gather(
        access.company(), _engagement(access, found.engagement_id)
    )
    today = access.today()
    return render(
        request,
        "invoice.html",
        {
            "invoice": found,
            "today": today,
            "company": company,
            "engagement": engagement,
            "standing": billing.standing(found, today),
            "balance": billing.balance(found),
            "pay_url": billing.safe_payment_link(found.payment_url),
        },
    )


async def _engagement(access: ClientAccess, engagement_id: str | None) -> Engagement | None:
    """The engagement that the invoice belongs to, when the viewer may see it."""
    if engagement_id is None:
        return None
    try:
        return await access.engagement(engagement_id)
    except NotFound:
        return None
