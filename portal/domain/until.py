"""Until when something stands: the first moment at which time alone would change it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final

ALWAYS: Final = datetime.max.replace(tzinfo=UTC)
"""Until when something stands that took nothing from the clock."""

ONE_DAY: Final = timedelta(days=1)
ONE_MINUTE: Final = timedelta(minutes=1)


class Until:
    """Until when what is made of a clock stands, told by whoever makes a part of it."""

    __slots__ = ("moment",)

    def __init__(self) -> None:
        self.moment = ALWAYS

    def at_most(self, moment: datetime) -> None:
        """A part of it stands until this moment, aware, and no longer."""
        if moment < self.moment:
            self.moment = moment


@dataclass(frozen=True)
class Now:
    """The current moment, aware, for whoever tells `until` when what they make of it changes."""

    moment: datetime
    until: Until = field(default_factory=Until)


def next_minute(moment: datetime) -> datetime:
    """The first moment that a clock without seconds shows as another one."""
    return moment.replace(second=0, microsecond=0) + ONE_MINUTE


@lru_cache(maxsize=1024)
def next_midnight(today: date, zone: tzinfo) -> datetime:
    """When the day after `today` begins in `zone`, in UTC; also where that midnight is skipped."""
    return local_moment(today + ONE_DAY, 0, zone)


def local_moment(day: date, hour: int, zone: tzinfo) -> datetime:
    """When it is so many o'clock on a day in `zone`, for the first time, in UTC."""
    return datetime.combine(day, time(hour), zone).astimezone(UTC)
