"""Explain this number: the records behind a figure, what each adds, and the rule."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from portal.auth.gate import access_of
from portal.crm.access import ClientAccess
from portal.crm.models import Activity, Engagement, Invoice
from portal.domain import engagements as work
from portal.domain.explain import (
    BY_MONTH,
    Explanation,
    MoneyFigure,
    WorkFigure,
    explanations,
    month_of,
)
from portal.domain.invoices import standing
from portal.domain.recent import recent
from portal.domain.timeline import Entry, by_day, entry
from portal.errors import NotFound
from portal.format import zone_of
from portal.pages.engagements import cards
from portal.templating import render


async def explain(request: Request) -> Response:
    """GET /explain/{figure}`?currency=&month=&engagement=`.

    Raises NotFound for a figure, month or engagement that there is not, RoleNotAllowed when a
    viewer asks for one of money.
    """
    name = request.path_params["figure"]
    if name in _MONEY:
        return await _money(request, _MONEY[name])
    if name in _WORK:
        return await _WORK[name](request)
    raise NotFound


async def money_explanations(
    access: ClientAccess, figure: MoneyFigure, currency: str = "", month: str = ""
) -> list[Explanation[Invoice]]:
    """The figure in the currency that is named, in all of them when none is.

    Raises NotFound for a month that there is not, or one of a figure without months.
    """
    first = month_of(month) if month else None
    if month and (first is None or figure not in BY_MONTH):
        raise NotFound
    found = explanations(figure, await access.invoices(), access.today(), first)
    return [one for one in found if currency.upper() in ("", one.currency)]


async def _money(request: Request, figure: MoneyFigure) -> Response:
    access, asked = access_of(request), request.query_params
    currency = asked.get("currency", "")
    found = await money_explanations(access, figure, currency, asked.get("month", ""))
    today = access.today()
    return render(
        request,
        "explain_money.html",
        {
            "figure": figure.value,
            "currency": currency.upper(),
            "today": today,
            "accounts": [
                (one, [(part, standing(part.bill, today)) for part in one.parts]) for one in found
            ],
        },
    )


async def _under_way(request: Request) -> Response:
    access = access_of(request)
    found, leading = await asyncio.gather(access.engagements(), access.journey_activities())
    shown = cards(access, work.ordered(found), leading)
    counted = [card for card in shown if card.state in work.UNDER_WAY]
    others = [card for card in shown if card.state not in work.UNDER_WAY]
    return render(request, "explain_work.html", {"counted": counted, "others": others})


async def _progress(request: Request) -> Response:
    access = access_of(request)
    found = await access.engagement(request.query_params.get("engagement", ""))
    leading = await access.journey_activities()
    (card,) = cards(access, [found], leading)
    return render(
        request,
        "explain_progress.html",
        {
            "card": card,
            "engagement": found,
            "today": access.today(),
            "days": work.days_run(found, access.today()),
            "led": _led(access, found, leading),
        },
    )


@dataclass(frozen=True)
class _Led:
    """An activity that led along the journey, and the stage that it reached."""

    entry: Entry
    on: date
    name: str


def _led(access: ClientAccess, engagement: Engagement, leading: Iterable[Activity]) -> list[_Led]:
    zone, found = zone_of(access.viewer.time_zone), []
    for activity in sorted(leading, key=lambda one: one.created_at):
        place = access.journey.reached_by(activity)
        if activity.engagement_id == engagement.id and place is not None:
            on, name = (
                activity.created_at.astimezone(zone).date(),
                access.journey.stages[place].name,
            )
            found.append(_Led(entry(activity), on, name))
    return found


async def _updates(request: Request) -> Response:
    access = access_of(request)
    found = recent(await access.activities(), access.moment())
    days = by_day(found, zone_of(access.viewer.time_zone))
    return render(
        request,
        "explain_updates.html",
        {"count": len(found), "days": days, "today": access.today()},
    )


_MONEY: Final[Mapping[str, MoneyFigure]] = {figure.value: figure for figure in MoneyFigure}
_WORK: Final[Mapping[str, Callable[[Request], Awaitable[Response]]]] = {
    WorkFigure.UNDER_WAY.value: _under_way,
    WorkFigure.PROGRESS.value: _progress,
    WorkFigure.UPDATES.value: _updates,
}
