"""What each person was shown when they were last here: kept in the STATE store."""

from __future__ import annotations

from typing import Final

import msgspec
import structlog

from portal.domain.visits import Visits
from portal.edge.kv import KV
from portal.errors import StateUnavailable

KEPT_SECONDS: Final = 400 * 86_400.0
"""A client who comes once a year still reads what changed."""

log = structlog.get_logger(__name__)


class LastVisits:
    """Remembers the visits of contacts."""

    def __init__(self, state: KV) -> None:
        self._state = state

    async def of(self, contact_id: str) -> Visits | None:
        """What is kept of a contact; None before the first visit, and when it cannot be read.

        Raises StateUnavailable.
        """
        found = await self._state.get(entry_of(contact_id))
        try:
            return None if found is None else msgspec.json.decode(found, type=Visits)
        except msgspec.DecodeError:
            # Of an older version: the next look replaces it.
            return None

    async def keep(self, contact_id: str, visits: Visits) -> None:
        """Keep this in place of what was kept. While STATE is away the visit is not noted."""
        try:
            await self._state.put(
                entry_of(contact_id), msgspec.json.encode(visits), ttl=KEPT_SECONDS
            )
        except StateUnavailable as error:
            log.warning("visit_not_noted", detail=error.detail)


def entry_of(contact_id: str) -> str:
    """The entry of STATE that a contact's visits are kept in."""
    return f"visits:{contact_id}"
