"""What counts as lately: the last thirty days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

RECENT: Final = timedelta(days=30)


class Dated(Protocol):
    """Something that happened at a moment; `crm.models.Activity` did."""

    @property
    def created_at(self) -> datetime:
        """When, aware."""


DatedT = TypeVar("DatedT", bound=Dated)


def recent(happenings: Iterable[DatedT], now: datetime) -> list[DatedT]:
    """Those of the thirty days (of 24 hours) before `now`, in their order."""
    return [one for one in happenings if now - one.created_at <= RECENT]
