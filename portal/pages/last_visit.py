"""Since your last visit: the snapshot kept of each person, moved on by their own looks alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from starlette.requests import Request

from portal.auth.gate import access_of, who_of
from portal.crm.models import Activity, Engagement, Invoice
from portal.domain.visits import (
    Since,
    Visits,
    end_of_visit_before,
    looked,
    since,
    snapshot,
)
from portal.edge.kv import KV
from portal.env import env_of

KEPT_SECONDS: Final = 400 * 86_400.0
"""A client who comes once a year still reads what changed."""


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
    kept = await _kept(env.state, viewer.contact_id)
    if who_of(request).preview is None and not _is_ahead(request):
        env.ctx.wait_until(_keep(env.state, viewer.contact_id, looked(kept, shown)))
    before = end_of_visit_before(kept, shown.at, viewer.company_id)
    if before is None:
        return None
    return since(before, shown, engagements, invoices, activities)


def _is_ahead(request: Request) -> bool:
    return "prefetch" in request.headers.get("sec-purpose", "")


async def _kept(state: KV, contact_id: str) -> Visits | None:
    found = await state.get(_key(contact_id))
    try:
        return None if found is None else msgspec.json.decode(found, type=Visits)
    except msgspec.DecodeError:
        # Of an older version: the next look replaces it.
        return None


async def _keep(state: KV, contact_id: str, visits: Visits) -> None:
    await state.put(_key(contact_id), msgspec.json.encode(visits), ttl=KEPT_SECONDS)


def _key(contact_id: str) -> str:
    return f"visits:{contact_id}"
