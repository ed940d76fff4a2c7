"""Since your last visit: what differs from what was kept, moved on by one's own looks alone."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from starlette.requests import Request

from portal.activity.last_visits import LastVisits, entry_of
from portal.auth.gate import access_of, who_of
from portal.crm.models import Activity, Engagement, Invoice
from portal.domain.viewer import Viewer
from portal.domain.visits import (
    Since,
    end_of_visit_before,
    looked,
    since,
    snapshot,
)
from portal.env import Env, env_of
from portal.errors import StateUnavailable

NOTED: Final = timedelta(minutes=5)
"""How long the page stands: a look is noted when it is made, so a visit lasts on as it is made
again."""


@dataclass(frozen=True)
class Visit:
    """What changed since this viewer was last here; None on their first visit."""

    since: Since | None


async def since_last_visit(
    request: Request,
    engagements: Sequence[Engagement],
    reached: Mapping[str, int],
    invoices: Sequence[Invoice],
    activities: Sequence[Activity],
) -> Visit | None:
    """What changed for this viewer; None while it cannot be known: STATE is away.

    Notes after the answer what they were shown. A staff preview reads the same and notes nothing,
    and neither does a browser that only fetches ahead, nor whoever is shown last good data.
    """
    env, access = env_of(request), access_of(request)
    viewer, now = access.viewer, access.moment()
    now.until.at_most(now.moment + NOTED)
    shown = snapshot(
        now.moment,
        access.today(),
        viewer.company_id,
        engagements,
        reached,
        invoices if viewer.sees_money else None,
        activities,
    )
    visits = LastVisits(env.state)
    try:
        kept = await visits.of(viewer.contact_id)
    except StateUnavailable:
        # Nothing is noted either: it would take the place of what cannot be read now.
        return None
    if who_of(request).preview is None and not _is_ahead(request) and access.is_of_now:
        env.ctx.wait_until(visits.keep(viewer.contact_id, looked(kept, shown)))
    before = end_of_visit_before(kept, shown.at, viewer.company_id)
    if before is None:
        return Visit(None)
    return Visit(since(before, shown, engagements, invoices, activities))


async def visit_in_view(env: Env, viewer: Viewer, _path: str) -> Hashable:
    """What `since_last_visit` compares with: the end of the visit before, or why there is none."""
    try:
        kept = await LastVisits(env.state).of(viewer.contact_id)
    except StateUnavailable:
        return "unknown"
    before = end_of_visit_before(kept, env.clock(), viewer.company_id)
    return None if before is None else before.at


def visit_entries(viewer: Viewer, _path: str) -> tuple[str, ...]:
    """The entries of STATE that `visit_in_view` reads."""
    return (entry_of(viewer.contact_id),)


def _is_ahead(request: Request) -> bool:
    return "prefetch" in request.headers.get("sec-purpose", "")
