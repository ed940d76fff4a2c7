"""Cron expressions as `[triggers] crons` has them: five fields, in UTC, weekdays from 1 (Sunday).

    minute hour day-of-month month weekday        10 7 * * mon-fri

Each field is `*`, a value, a range `a-b`, either with a step `/n`, or a comma-separated list of
those. Cloudflare's weekdays count from Sunday, 1 to 7, where Unix has 0 to 6; a 0 is an error here,
not a guess. Its `L`, `W` and `#` are not known. When both days are narrowed, either is enough, as
in every cron.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

LONGEST_WAIT: Final = timedelta(days=8 * 366)
"""From the 29th of a February to the next: 1896 and 1904 were eight years apart."""

MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
LONGEST_MONTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
PIECE: Final = re.compile(r"(?:\*|([0-9a-z]+)(?:-([0-9a-z]+))?)(?:/([0-9]{1,2}))?")


@dataclass(frozen=True)
class _Field:
    """One of the five: what it is called, its smallest and greatest value, names for them."""

    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()


FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("weekday", 1, 7, WEEKDAYS),
)


@dataclass(frozen=True)
class Cron:
    """A schedule: the values of each field at which it runs. None of a day field is every day."""

    expression: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int] | None
    months: frozenset[int]
    weekdays: frozenset[int] | None

    def runs_on(self, day: date) -> bool:
        """Whether it runs at all on a day (in UTC)."""
        if day.month not in self.months:
            return False
        in_month = self.days is not None and day.day in self.days
        in_week = self.weekdays is not None and day.isoweekday() % 7 + 1 in self.weekdays
        return in_month or in_week or (self.days is None and self.weekdays is None)

    def next_run(self, after: datetime) -> datetime:
        """The first whole minute later than `after` (aware) at which it runs, in UTC."""
        start = after.astimezone(UTC)
        for ahead in range(LONGEST_WAIT.days):
            day = start.date() + timedelta(days=ahead)
            if not self.runs_on(day):
                continue
            for hour in self.hours:
                for minute in self.minutes:
                    moment = datetime.combine(day, time(hour, minute), UTC)
                    if moment > start:
                        return moment
        raise AssertionError(f"{self.expression} never comes, and parsing let it through")


def parse_cron(expression: str) -> Cron:
    """Read an expression. Raises ValueError with what is wrong, for whoever wrote it."""
    pieces = expression.lower().split()
    if len(pieces) != len(FIELDS):
        raise ValueError(f"it has {len(pieces)} fields, and five are needed")
    minutes, hours, days, months, weekdays = (
        _values(piece, field) for piece, field in zip(pieces, FIELDS, strict=True)
    )
    every_day, every_weekday = (pieces[place].startswith("*") for place in (2, 4))
    cron = Cron(
        expression,
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        None if every_day and len(days) == FIELDS[2].most else days,
        months,
        None if every_weekday and len(weekdays) == FIELDS[4].most else weekdays,
    )
    if cron.days is not None and cron.weekdays is None and not _ever_comes(cron.days, months):
        raise ValueError("no such day is in any of its months, so it would never run")
    return cron


def next_run(crons: tuple[Cron, ...], after: datetime) -> datetime:
    """The first minute later than `after` at which one of them runs. Raises ValueError for none."""
    return min(cron.next_run(after) for cron in crons)


def _ever_comes(days: frozenset[int], months: frozenset[int]) -> bool:
    return any(min(days) <= LONGEST_MONTHS[month - 1] for month in months)


def _values(text: str, field: _Field) -> frozenset[int]:
    found: set[int] = set()
    for piece in text.split(","):
        found |= _piece(piece, field)
    return frozenset(found)


def _piece(text: str, field: _Field) -> set[int]:
    match = PIECE.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is no {field.name}')
    first, last, step = match.groups()
    if first is None:
        least, most = field.least, field.most
    else:
        least = _value(first, field)
        # `10/5` runs from 10 on; `10` alone does not.
        most = _value(last, field) if last else field.most if step else least
    if least > most:
        raise ValueError(f'"{text}" runs backwards')
    if step is not None and int(step) == 0:
        raise ValueError(f'"{text}" has a step of nothing')
    return set(range(least, most + 1, int(step or 1)))


def _value(text: str, field: _Field) -> int:
    if text in field.words:
        return field.words.index(text) + field.least
    if not text.isdecimal() or not field.least <= int(text) <= field.most:
        raise ValueError(
            f'"{text}" is no {field.name}; those are {field.least} to {field.most}'
            + (" (1 is Sunday)" if field.words == WEEKDAYS else "")
        )
    return int(text)
