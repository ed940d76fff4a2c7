"""Activity: what happened, by day, for everyone signed in."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from portal.auth.gate import access_of
from portal.domain.activity_filter import ActivityFilter, kinds_of
from portal.domain.timeline import by_day, kind_of
from portal.format import zone_of
from portal.templating import render


async def activity(request: Request) -> Response:
    """GET /activity?kind=&engagement=&show=. A filter that fits nothing says so."""
    access = access_of(request)
    wanted = ActivityFilter.read(request.query_params)
    found, engagements = await access.activities(), await access.engagements()
    fitting = wanted.apply(found)
    return render(
        request,
        "activity.html",
        {
            "filter": wanted,
            "kinds": [(kind, kind_of(kind)) for kind in kinds_of(found)],
            "engagements": sorted(engagements, key=lambda one: one.name.casefold()),
            "names": {engagement.id: engagement.name for engagement in engagements},
            "days": by_day(fitting[: wanted.show], zone_of(access.viewer.time_zone)),
            "shown_count": min(len(fitting), wanted.show),
            "fitting_count": len(fitting),
            "is_empty": not found,
            "now": access.moment(),
            "today": access.today(),
        },
    )
