"""Building demo records: dates counted back from now, ids that stay the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from portal.sandbox.store import stamp

Record = Mapping[str, Any]
Records = Mapping[str, Sequence[Record]]
"""Records by the name of their resource."""


@dataclass(frozen=True)
class Calendar:
    """Days and moments relative to `now`."""

    now: datetime

    def day(self, ago: int) -> str:
        """The date so many days ago; negative: ahead."""
        return (self.now - timedelta(days=ago)).date().isoformat()

    def at(self, ago: int, hour: int = 15, minute: int = 0) -> str:
        """A moment so many days ago at that time of day (UTC), never later than now."""
        day = self.now - timedelta(days=ago)
        moment = day.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return stamp(min(moment, self.now - timedelta(minutes=5)))


def merged(*parts: Records) -> Records:
    """The records of several parts as one."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: [r for part in parts for r in part.get(name, ())] for name in names}
