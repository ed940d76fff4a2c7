"""iCalendar: what a calendar program reads back is what was written, within the RFC's limits."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from portal.documents.ics import Day, Feed, write_ics

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
DAY = Day(
    uid="renewal-eng_1@mode.example",
    on=date(2026, 12, 31),
    summary="Renewal of Retainer",
    description="",
    url="https://mode.example/engagements/eng_1",
    category="Engagements",
)
FEED = Feed("-//Sprint Mode//Mode//EN", "Mode · Acme Corp", (DAY,))
HOSTILE = (
    "commas, semicolons; colons: and \\ backslashes",
    "two\nlines\r\nthree\rfour",
    "\r\nEND:VEVENT\r\nBEGIN:VALARM",
    "C:\\New\\network\\;",
    "Zoë Łukasiewicz – „Größe“ 日本語 🗓️ עברית",  # noqa: RUF001
    "a very long one, " * 30,
    "日本語" * 60,
    "\\" * 200,
    "=cmd|' /C calc'!A0",
    "  blanks around  ",
)


def read(feed: Feed) -> Any:
    """As a calendar program reads it."""
    return Calendar.from_ical(write_ics(feed, NOW))


def event_with(**changes: Any) -> Any:
    (event,) = read(replace(FEED, days=(replace(DAY, **changes),))).events
    return event


def as_kept(text: str) -> str:
    """A text with every line end as one, and without what no text may hold."""
    text = text.replace("\r\n", "\n")
    text = "".join("\n" if c in "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029" else c for c in text)
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))


def test_the_calendar_says_what_it_is_and_when_to_look_again() -> None:
    text = write_ics(FEED, NOW).decode()
    lines = text.split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR"
    assert "VERSION:2.0" in lines
    assert "PRODID:-//Sprint Mode//Mode//EN" in lines
    assert "NAME:Mode · Acme Corp" in lines
    assert "X-WR-CALNAME:Mode · Acme Corp" in lines
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT6H" in lines
    assert "X-PUBLISHED-TTL:PT6H" in lines
    assert lines[-2:] == ["END:VCALENDAR", ""]


def test_an_event_is_a_whole_day_that_leaves_its_reader_free() -> None:
    text = write_ics(FEED, NOW).decode()
    assert "\r\nDTSTART;VALUE=DATE:20261231\r\n" in text
    assert "\r\nDTEND;VALUE=DATE:20270101\r\n" in text
    event = event_with()
    assert event.start == date(2026, 12, 31)
    assert event.duration == timedelta(days=1)
    assert event["TRANSP"] == "TRANSPARENT"
    assert event["UID"] == "renewal-eng_1@mode.example"
    assert event["URL"] == "https://mode.example/engagements/eng_1"
    assert event.categories == ["Engagements"]
    assert "DESCRIPTION" not in event


def test_an_event_is_dated_by_its_record_else_by_the_clock() -> None:
    assert event_with().DTSTAMP == NOW
    then = datetime(2026, 3, 1, 9, 15, tzinfo=UTC)
    there = then.astimezone(ZoneInfo("America/New_York")).replace(microsecond=5)
    for stamp in (then, there):
        written = write_ics(replace(FEED, days=(replace(DAY, stamp=stamp),)), NOW)
        assert b"\r\nDTSTAMP:20260301T091500Z\r\n" in written


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_read_back_as_it_was(text: str) -> None:
    event = event_with(summary=text, description=text)
    assert event["SUMMARY"] == as_kept(text)
    assert event["DESCRIPTION"] == as_kept(text)


@given(st.text())
def test_no_text_breaks_out_of_its_line(text: str) -> None:
    feed = replace(FEED, name=text, days=(replace(DAY, summary=text, description=text + "."),))
    calendar = read(feed)
    (event,) = calendar.events
    assert str(event["SUMMARY"]) == as_kept(text)
    assert str(event["DESCRIPTION"]) == as_kept(text + ".")
    assert [part.name for part in calendar.walk()] == ["VCALENDAR", "VEVENT"]
    assert (event.errors, calendar.errors) == ([], [])


@given(st.text(min_size=40))
def test_lines_end_in_crlf_and_are_75_octets_at_most(text: str) -> None:
    written = write_ics(replace(FEED, days=(replace(DAY, summary=text),)), NOW)
    assert written.endswith(b"\r\n")
    lines = written.removesuffix(b"\r\n").split(b"\r\n")
    assert max(len(line) for line in lines) <= 75
    for line in lines:
        assert b"\n" not in line
        assert b"\r" not in line
        # Each by itself is whole UTF-8: no character is cut in two.
        line.decode()


def test_a_calendar_without_days_is_one_all_the_same() -> None:
    calendar = read(replace(FEED, days=()))
    assert calendar.events == []
    assert calendar["VERSION"] == "2.0"


def test_the_tag_is_weak_and_follows_what_is_said_alone() -> None:
    assert FEED.tag.startswith('W/"')
    assert FEED.tag == replace(FEED, days=(replace(DAY),)).tag
    others = [
        replace(FEED, name="Other"),
        replace(FEED, days=()),
        replace(FEED, days=(replace(DAY, on=date(2027, 1, 1)),)),
        replace(FEED, days=(replace(DAY, summary="Other"),)),
        replace(FEED, days=(replace(DAY, description="Other"),)),
    ]
    assert len({FEED.tag, *(other.tag for other in others)}) == 6
