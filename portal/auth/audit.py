"""What staff do to and as clients, on record in the CRM: activities with both ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import structlog

from portal.activity.outbox import Activity
from portal.auth.lens import LASTS
from portal.domain.viewer import Preview
from portal.env import Env

SEEN: Final = "hub-preview:"

log = structlog.get_logger(__name__)


async def note_preview_started(env: Env, preview: Preview, reason: str) -> None:
    """Who looks as whom, why and until when; in the outbox when this returns."""
    more = {"reason": reason, "until": preview.until.isoformat()}
    await _record(env, preview, "portal_preview_started", "Staff preview started", more)


async def note_hub_preview(env: Env, session_id: str, preview: Preview) -> None:
    """The same for a preview that the platform's hub opened, at its first request here."""
    if await env.state.add(SEEN + session_id, b"1", ttl=LASTS.total_seconds()):
        await note_preview_started(env, preview, "Opened from the platform")


async def note_preview_ended(env: Env, preview: Preview) -> None:
    """The staff person has left the preview."""
    await _record(env, preview, "portal_preview_ended", "Staff preview ended")


async def note_refused_write(env: Env, preview: Preview, method: str, path: str) -> None:
    """Something that would have changed in a preview, and did not."""
    more = {"method": method, "path": path[:200]}
    await _record(env, preview, "portal_preview_refused", "Change refused in a preview", more)


async def _record(
    env: Env,
    preview: Preview,
    activity_type: str,
    title: str,
    more: Mapping[str, Any] | None = None,
) -> None:
    staff, viewer = preview.staff, preview.viewer
    log.info(activity_type, staff_id=staff.id, contact_id=viewer.contact_id, **(more or {}))
    await env.outbox.record(
        Activity(
            activity_type=activity_type,
            title=title,
            contact_id=viewer.contact_id,
            company_id=viewer.company_id,
            metadata={
                "staff_id": staff.id,
                "staff_name": staff.name,
                "viewed_contact_id": viewer.contact_id,
                **(more or {}),
            },
        )
    )
