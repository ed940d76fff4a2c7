"""Home: how the work stands, what is owed, what happened lately."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.auth.gate import access_of, staff_access_of
from portal.crm.access import HOME, ClientAccess
from portal.crm.models import Invoice
from portal.domain import engagements as work
from portal.domain import invoices as billing
from portal.domain.billing_year import billing_years, chart
from portal.domain.daypart import day_part, day_part_until
from portal.domain.recent import recent
from portal.domain.timeline import by_day
from portal.format import zone_of
from portal.pages.access_review import review_due
from portal.pages.engagements import cards
from portal.pages.last_visit import since_last_visit
from portal.pages.parts import if_there
from portal.templating import render

LATELY: Final = 8
"""How many activities the home page shows."""

MOST_CHANGES: Final = 6
"""How many changes since the last visit it names; the rest are counted."""

NEXT: Final = 4
"""How many dates ahead it shows."""


async def home(request: Request) -> Response:
    """The page a client lands on; staff go on to theirs.

    Raises SMApiError when not even the engagements are known.
    """
    if staff_access_of(request) is not None:
        return RedirectResponse("/staff", status_code=303)
    access = access_of(request)
    access.begin(HOME)
    engagements = await access.engagements()
    activities = await if_there(access.activities())
    leading = await if_there(access.journey_activities())
    invoices = await if_there(_invoices(access))
    due = await if_there(review_due(request))
    zone, now, today = zone_of(access.viewer.time_zone), access.moment(), access.today()
    now.until.at_most(day_part_until(now.moment, zone))
    all_cards = cards(access, work.ordered(engagements), leading)
    shown = [card for card in all_cards if card.engagement.status == "active"]
    active = [card.engagement for card in shown]
    reached = {card.engagement.id: card.course.reached for card in all_cards}
    visit = None
    if leading is not None and invoices is not None and activities is not None:
        visit = await since_last_visit(request, engagements, reached, invoices, activities)
    return render(
        request,
        "home.html",
        {
            "now": now,
            "today": today,
            "visit": visit,
            "most_changes": MOST_CHANGES,
            "review_due": due,
            "part": day_part(now.moment, zone),
            "cards": shown,
            "under_way_count": sum(card.state in work.UNDER_WAY for card in shown),
            "engagement_count": len(engagements),
            "days": None if activities is None else by_day(activities[:LATELY], zone),
            "recent_count": None if activities is None else len(recent(activities, now)),
            "next_dates": work.next_dates(active, today)[:NEXT],
            **_money(access, invoices),
        },
    )


def _money(access: ClientAccess, invoices: list[Invoice] | None) -> dict[str, Any]:
    """What the page says of amounts: nothing to those who see none."""
    if invoices is None:
        return {"totals": None, "to_pay": None, "charts": None}
    today = access.today()
    to_pay = [(i, billing.standing(i, today)) for i in invoices if billing.balance(i) > 0]
    return {
        "totals": billing.totals(invoices, today),
        "to_pay": sorted(to_pay, key=lambda pair: (pair[0].due_date or today, pair[0].id)),
        "charts": [chart(year) for year in billing_years(invoices, today)],
    }


async def _invoices(access: ClientAccess) -> list[Invoice]:
    return await access.invoices() if access.viewer.sees_money else []
