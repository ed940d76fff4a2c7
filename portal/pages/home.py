"""Home: how the work stands, what is owed, what happened lately."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.auth.gate import access_of, staff_access_of
from portal.crm.access import ClientAccess
from portal.crm.models import Invoice
from portal.domain import engagements as work
from portal.domain import invoices as billing
from portal.domain.daypart import day_part
from portal.domain.timeline import by_day
from portal.format import zone_of
from portal.templating import render

LATELY: Final = 8
"""How many activities the home page shows."""

RECENT: Final = timedelta(days=30)


async def home(request: Request) -> Response:
    """The page a client lands on; staff go on to theirs. Raises SMApiError."""
    if staff_access_of(request) is not None:
        return RedirectResponse("/staff", status_code=303)
    access = access_of(request)
    engagements, activities, invoices = await asyncio.gather(
        access.engagements(), access.activities(), _invoices(access)
    )
    zone, now, today = zone_of(access.viewer.time_zone), access.now(), access.today()
    active = [e for e in work.ordered(engagements) if e.status == "active"]
    to_pay = [(i, billing.standing(i, today)) for i in invoices if billing.balance(i) > 0]
    return render(
        request,
        "home.html",
        {
            "now": now,
            "today": today,
            "part": day_part(now, zone),
            "engagements": [(e, work.progress(e, today)) for e in active],
            "engagement_count": len(engagements),
            "totals": billing.totals(invoices, today),
            "to_pay": sorted(to_pay, key=lambda pair: (pair[0].due_date or today, pair[0].id)),
            "days": by_day(activities[:LATELY], zone),
            "recent_count": sum(now - a.created_at <= RECENT for a in activities),
            "next_date": work.next_date(active, today),
        },
    )


async def _invoices(access: ClientAccess) -> list[Invoice]:
    return await access.invoices() if access.viewer.sees_money else []
