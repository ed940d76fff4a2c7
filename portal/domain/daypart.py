"""Which part of the day it is where the viewer is: for greetings."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo


class DayPart(StrEnum):
    """Morning from 05:00, afternoon from 12:00, evening from 18:00 until 05:00."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"


def day_part(moment: datetime, zone: ZoneInfo) -> DayPart:
    """The part of the day of an aware moment in `zone`."""
    hour = moment.astimezone(zone).hour
    if 5 <= hour < 12:
        return DayPart.MORNING
    return DayPart.AFTERNOON if 12 <= hour < 18 else DayPart.EVENING
