"""What counts as lately: the last thirty days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

from portal.domain.until import Now

RECENT: Final = timedelta(days=30)


class Dated(Protocol):
    """Something that happened at a moment; `crm.models.Activity` did."""

    @property
    def created_at(self) -> datetime:
        """When, aware."""


DatedT = TypeVar("DatedT", bound=Dated)


def recent(happenings: Iterable[DatedT], now: Now) -> list[DatedT]:
    """Those of the thirty days (of 24 hours) before `now`, in their order."""
    found = [one for one in happenings if now.moment - one.created_at <= RECENT]
    if found:
        now.until.at_most(min(one.created_at for one in found) + RECENT + timedelta.resolution)
    return found
