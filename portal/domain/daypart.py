"""Which part of the day it is where the viewer is: for greetings."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from portal.domain.until import ONE_DAY, local_moment

MORNING: Final = 5
AFTERNOON: Final = 12
EVENING: Final = 18


class DayPart(StrEnum):
    """Morning from 05:00, afternoon from 12:00, evening from 18:00 until 05:00."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"


def day_part(moment: datetime, zone: ZoneInfo) -> DayPart:
    """The part of the day of an aware moment in `zone`."""
    hour = moment.astimezone(zone).hour
    if MORNING <= hour < AFTERNOON:
        return DayPart.MORNING
    return DayPart.AFTERNOON if AFTERNOON <= hour < EVENING else DayPart.EVENING


def day_part_until(moment: datetime, zone: ZoneInfo) -> datetime:
    """When the part of the day ends that it is at `moment`."""
    today = moment.astimezone(zone).date()
    ends = (local_moment(today, hour, zone) for hour in (MORNING, AFTERNOON, EVENING))
    tomorrow = local_moment(today + ONE_DAY, MORNING, zone)
    return next((end for end in ends if end > moment), tomorrow)
