"""Engagements: all of them as cards, and one of them whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from portal.auth.gate import access_of
from portal.crm.access import NO_JOURNEY, ONE_ENGAGEMENT, TIMELINE, ClientAccess
from portal.crm.models import Activity, Engagement, Invoice
from portal.domain import engagements as work
from portal.domain import invoices as billing
from portal.domain.journey import Course, courses
from portal.domain.timeline import by_day
from portal.format import zone_of
from portal.pages.parts import if_there
from portal.templating import render

LATELY: Final = 15
"""How many activities the page of an engagement shows; the activity page has them all."""


@dataclass(frozen=True)
class Card:
    """An engagement with what the rules say of it today."""

    engagement: Engagement
    state: work.State
    progress: work.Progress
    time_bar: work.TimeBar | None
    delivered: work.Delivered
    course: Course


def cards(
    access: ClientAccess, engagements: Sequence[Engagement], leading: Sequence[Activity] | None
) -> list[Card]:
    """A card for each engagement, in their order; `leading` are the journey's activities.

    Without them, no card shows how far the work has come on its journey.
    """
    today = access.today()
    found = courses(
        NO_JOURNEY if leading is None else access.journey,
        {engagement.id: engagement.status in work.OVER for engagement in engagements},
        ((activity.engagement_id, activity) for activity in leading or ()),
    )
    return [
        Card(
            engagement,
            work.state(engagement, today),
            work.progress(engagement, today),
            work.time_bar(engagement, today),
            work.delivered(work.deliverables(engagement.deliverables)),
            found[engagement.id],
        )
        for engagement in engagements
    ]


async def engagements(request: Request) -> Response:
    """All engagements, those under way first. Raises SMApiError."""
    access = access_of(request)
    access.begin(TIMELINE)
    found = await access.engagements()
    leading = await if_there(access.journey_activities())
    shown = cards(access, work.ordered(found), leading)
    groups = [
        (group, [card for card in shown if work.group(card.state) is group]) for group in work.Group
    ]
    return render(
        request,
        "engagements.html",
        {"today": access.today(), "groups": [(group, some) for group, some in groups if some]},
    )


async def engagement(request: Request) -> Response:
    """One engagement. Raises NotFound when it is not the viewer's."""
    access = access_of(request)
    engagement_id = request.path_params["id"]
    access.begin(ONE_ENGAGEMENT)
    found = await access.engagement(engagement_id)
    activities = await if_there(access.activities(engagement_id))
    leading = await if_there(access.journey_activities())
    invoices = await if_there(_invoices(access, engagement_id))
    today = access.today()
    (card,) = cards(access, [found], leading)
    return render(
        request,
        "engagement.html",
        {
            "card": card,
            "engagement": found,
            "today": today,
            "deliverables": work.deliverables(found.deliverables),
            "team": work.team_by_role(found.team_members),
            "days": None
            if activities is None
            else by_day(activities[:LATELY], zone_of(access.viewer.time_zone)),
            "activity_count": len(activities or ()),
            "invoices": None
            if invoices is None
            else [(invoice, billing.standing(invoice, today)) for invoice in invoices],
        },
    )


async def _invoices(access: ClientAccess, engagement_id: str) -> list[Invoice]:
    if not access.viewer.sees_money:
        return []
    return [i for i in await access.invoices() if i.engagement_id == engagement_id]
