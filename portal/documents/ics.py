"""Writing a calendar as calendar programs read it: iCalendar, RFC 5545 with the names of RFC 7986.

Pure: a `Feed` in, bytes out. Every event is a whole day that leaves the reader free.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from icalendar import Event
    from icalendar.prop import vInline

ICS: Final = "text/calendar"

REFRESH: Final = timedelta(hours=6)
"""How often programs are asked to look again."""

_LINE_ENDS: Final = str.maketrans(dict.fromkeys("\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", "\n"))
_ESCAPED: Final = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})


@dataclass(frozen=True)
class Day:
    """A whole day on which something falls.

    `uid` stays the same when the rest changes. `stamp` is when the record came about, None when
    that is not known. `url` is absolute.
    """

    uid: str
    on: date
    summary: str
    description: str
    url: str
    category: str
    stamp: datetime | None = None


@dataclass(frozen=True)
class Feed:
    """A calendar: whose program made it (`product_id`), what it is called, and its days."""

    product_id: str
    name: str
    days: tuple[Day, ...]

    @property
    def tag(self) -> str:
        """A weak ETag (RFC 9110 §8.8.3) of what it says: when it was asked for does not count."""
        return f'W/"{hashlib.blake2b(msgspec.json.encode(self), digest_size=12).hexdigest()}"'


def write_ics(feed: Feed, now: datetime) -> bytes:
    """The file: UTF-8, CRLF, lines of at most 75 octets. `now` dates what has no stamp."""
    # When first needed, here and below: loading it takes 60 ms of a start, and 6 MB.
    from icalendar import Calendar, vDuration

    calendar = Calendar()
    calendar.add("PRODID", _text(feed.product_id))
    calendar.add("VERSION", "2.0")
    # Apple, Google and Outlook read the older name, RFC 7986 the newer; so with the interval.
    for name in ("NAME", "X-WR-CALNAME"):
        calendar.add(name, _text(feed.name))
    calendar.add("REFRESH-INTERVAL", vDuration(REFRESH), parameters={"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", vDuration(REFRESH))
    for day in feed.days:
        calendar.add_component(_event(day, now))
    written: bytes = calendar.to_ical()
    return written


def _event(day: Day, now: datetime) -> Event:
    from icalendar import Event

    event = Event()
    event.add("UID", _text(day.uid))
    event.add("DTSTAMP", day.stamp or now)
    event.add("DTSTART", day.on)
    # The end does not count (RFC 5545 §3.6.1); some programs show no day without one.
    event.add("DTEND", day.on + timedelta(days=1))
    event.add("SUMMARY", _text(day.summary))
    if day.description:
        event.add("DESCRIPTION", _text(day.description))
    event.add("URL", day.url)
    event.add("CATEGORIES", [day.category])
    event.add("TRANSP", "TRANSPARENT")
    return event


def _text(value: str) -> vInline:
    r"""A TEXT value (RFC 5545 §3.3.11): escaped, without characters that it may not hold.

    Not by the library, which takes a backslash before an N for a line end and writes names raw.
    """
    from icalendar.prop import vInline

    lines = value.replace("\r\n", "\n").translate(_LINE_ENDS)
    kept = "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    return vInline(kept.translate(_ESCAPED))
