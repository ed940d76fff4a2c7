"""Engagements: all of them as cards, and one of them whole."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from portal.auth.gate import access_of
from portal.crm.access import ClientAccess
from portal.crm.models import Invoice
from portal.domain import engagements as work
from portal.domain import invoices as billing
from portal.domain.timeline import by_day
from portal.format import zone_of
from portal.templating import render


async def engagements(request: Request) -> Response:
    """All engagements, those under way first."""
    access = access_of(request)
    today = access.today()
    found = work.ordered(await access.engagements())
    cards = [(engagement, work.progress(engagement, today)) for engagement in found]
    return render(
        request,
        "engagements.html",
        {
            "today": today,
            "current": [card for card in cards if card[0].status in work.CURRENT],
            "earlier": [card for card in cards if card[0].status not in work.CURRENT],
        },
    )


async def engagement(request: Request) -> Response:
    """One engagement. Raises NotFound when it is not the viewer's."""
    access = access_of(request)
    engagement_id = request.path_params["id"]
    found = await access.engagement(engagement_id)
    activities, invoices = await asyncio.gather(
        access.activities(engagement_id), _invoices(access, engagement_id)
    )
    today = access.today()
    return render(
        request,
        "engagement.html",
        {
            "engagement": found,
            "now": access.now(),
            "today": today,
            "progress": work.progress(found, today),
            "deliverables": work.deliverables(found.deliverables),
            "days": by_day(activities, zone_of(access.viewer.time_zone)),
            "invoices": [(invoice, billing.standing(invoice, today)) for invoice in invoices],
        },
    )


async def _invoices(access: ClientAccess, engagement_id: str) -> list[Invoice]:
    if not access.viewer.sees_money:
        return []
    return [i for i in await access.invoices() if i.engagement_id == engagement_id]
