"""Since your last visit: what differs from what was kept, moved on by one's own looks alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.requests import Request

from portal.activity.last_visits import LastVisits
from portal.auth.gate import access_of, who_of
from portal.crm.models import Activity, Engagement, Invoice
from portal.domain.visits import (
    Since,
    end_of_visit_before,
    looked,
    since,
    snapshot,
)
from portal.env import env_of


async def since_last_visit(
    request: Request,
    engagements: Sequence[Engagement],
    reached: Mapping[str, int],
    invoices: Sequence[Invoice],
    activities: Sequence[Activity],
) -> Since | None:
    """What changed for this viewer; None on their first visit.

    Notes after the answer what they were shown. A staff preview reads the same and notes nothing,
    and neither does a browser that only fetches ahead.
    """
    env, access = env_of(request), access_of(request)
    viewer = access.viewer
    shown = snapshot(
        access.now(),
        access.today(),
        viewer.company_id,
        engagements,
        reached,
        invoices if viewer.sees_money else None,
        activities,
    )
    visits = LastVisits(env.state)
    kept = await visits.of(viewer.contact_id)
    if who_of(request).preview is None and not _is_ahead(request):
        env.ctx.wait_until(visits.keep(viewer.contact_id, looked(kept, shown)))
    before = end_of_visit_before(kept, shown.at, viewer.company_id)
    if before is None:
        return None
    return since(before, shown, engagements, invoices, activities)


def _is_ahead(request: Request) -> bool:
    return "prefetch" in request.headers.get("sec-purpose", "")
