"""The `viewing_as` of a session: whom a staff preview shows, and until when (sm-api §10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from portal.auth.session import Claims
from portal.domain.viewer import Viewer
from portal.errors import PreviewEnded

LASTS: Final = timedelta(minutes=30)

CLIENT_LENSES: Final = (None, "user", "customer")
"""What the hub may call a lens on one client's person. Others show Sprint Mode's own roles."""


@dataclass(frozen=True)
class Lens:
    """Whom the preview shows, and the moment it ends."""

    contact_id: str
    until: datetime


def viewing_as(viewer: Viewer, until: datetime) -> dict[str, Any]:
    """The claim for a preview of this viewer: the platform's fields, and when it ends."""
    return {
        "contact_id": viewer.contact_id,
        "email": viewer.email,
        "name": viewer.name,
        "company_id": viewer.company_id,
        "company_name": viewer.company_name,
        "portal_role": viewer.role.value,
        "products": [viewer.product],
        "until": int(until.timestamp()),
    }


def read_lens(claims: Claims, now: datetime) -> Lens | None:
    """The lens in a session, None when it has none.

    A token of the hub's does not say when its preview ends: half an hour after it was issued, as
    ours do. Raises PreviewEnded when the time is over, and for a lens that cannot be read: it
    must not turn into the staff person's own session.
    """
    claim = claims.viewing_as
    if claim is None:
        return None
    if not isinstance(claim, Mapping) or claim.get("lens") not in CLIENT_LENSES:
        raise PreviewEnded
    contact_id, ends = claim.get("contact_id"), _ends(claims, claim)
    if not isinstance(contact_id, str) or not now.timestamp() < ends:
        raise PreviewEnded
    return Lens(contact_id, datetime.fromtimestamp(ends, UTC))


def _ends(claims: Claims, claim: Mapping[str, Any]) -> float:
    """Seconds since the epoch. Whoever signed the token cannot make a preview last longer."""
    latest = min(claims.iat + LASTS.total_seconds(), claims.exp)
    said = claim.get("until")
    if isinstance(said, int | float) and not isinstance(said, bool):
        return min(said, latest)
    return latest
