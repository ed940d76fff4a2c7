"""Amounts, days and moments as the viewer's locale writes them (Babel, CLDR).

Functions that keep what they wrote lately: Babel takes 20 to 100 µs for each, and a page writes
the same few hundred again and again. Amounts are Decimal with a currency code; moments are aware.
"""

from __future__ import annotations

import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import (
    TIMEDELTA_UNITS,
    format_date,
    format_skeleton,
    format_time,
    format_timedelta,
    get_datetime_format,
)
from babel.numbers import (
    format_compact_currency,
    format_currency,
    format_decimal,
    get_currency_precision,
)

FALLBACK_LOCALE: Final = "en_US"
FALLBACK_ZONE: Final = "UTC"
KEPT: Final = 16_384
"""How many written values each function keeps: some 3 MB when all are full."""

NOTHING: Final = timedelta(0)
TICK: Final = timedelta.resolution
SECOND: Final = timedelta(seconds=1)
MINUTE: Final = 60
ENOUGH: Final = 0.85
"""How much of a unit there has to be before a distance is told in it."""

UNITS: Final = tuple(
    (seconds, round(seconds * ENOUGH)) for _, seconds in TIMEDELTA_UNITS if seconds > MINUTE
)
"""The units above the minute, the largest first: the seconds of one, and from how many on."""


@lru_cache(maxsize=256)
def locale_of(identifier: str) -> Locale:
    """The locale of `en_US` or `en-US`; American English when it is not one that we know."""
    try:
        return Locale.parse(identifier, sep="-" if "-" in identifier else "_")
    except (UnknownLocaleError, ValueError, TypeError):
        return Locale.parse(FALLBACK_LOCALE)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name; UTC when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(FALLBACK_ZONE)


def money(amount: Decimal, currency: str, locale: Locale) -> str:
    """An amount in major units with its currency: `$1,200.00`, `1.200,00 €`.

    Raises TypeError for anything but a Decimal: a float has already lost cents.
    """
    if not isinstance(amount, Decimal):
        raise TypeError(f"An amount is a Decimal, not {type(amount).__name__}")
    # Zero below zero is the same key as zero, and would be written with its sign.
    return _money(amount or Decimal(0), currency.upper(), locale)


@lru_cache(maxsize=KEPT)
def _money(amount: Decimal, currency: str, locale: Locale) -> str:
    shape = _shape(currency, locale)
    if shape is None or not amount.is_finite():
        return format_currency(amount, currency, locale=locale)
    return shape.written(amount)


class _Shape(NamedTuple):
    """How Babel writes amounts of a currency in a locale, but for their digits.

    Before and behind those of amounts from zero on, and of ones below zero.
    """

    around: tuple[str, str]
    around_negative: tuple[str, str]
    separators: dict[int, str]
    digits: int
    least_grouped: int

    def written(self, amount: Decimal) -> str:
        """The amount as Babel writes it, which takes five times as long for each new one."""
        before, behind = self.around_negative if amount.is_signed() else self.around
        return f"{before}{self.number(abs(amount))}{behind}"

    def number(self, amount: Decimal) -> str:
        """The digits of an amount from zero on."""
        grouped = f"{amount:,.{self.digits}f}"
        if amount < self.least_grouped:
            grouped = grouped.replace(",", "")
        return grouped.translate(self.separators)


PROBES: Final = (Decimal("1234567.891"), Decimal("1234.5"), Decimal("0.125"))


@lru_cache(maxsize=512)
def _shape(currency: str, locale: Locale) -> _Shape | None:
    """Read off what Babel writes; None where amounts do not all look like those."""
    symbols = locale.number_symbols.get("latn", {})
    separators = {ord(","): symbols.get("group", ","), ord("."): symbols.get("decimal", ".")}
    digits = get_currency_precision(currency)
    for least_grouped in (1_000, 10_000):
        shape = _Shape(("", ""), ("", ""), separators, digits, least_grouped)
        parts = [
            format_currency(amount, currency, locale=locale).split(shape.number(abs(amount)))
            for amount in (*PROBES, *(-probe for probe in PROBES))
        ]
        found = {len(part) for part in parts} == {2}
        around, below = {tuple(p) for p in parts[:3]}, {tuple(p) for p in parts[3:]}
        if found and len(around) == len(below) == 1:
            ((before, behind),) = around
            ((minus, after),) = below
            return shape._replace(around=(before, behind), around_negative=(minus, after))
    return None


@lru_cache(maxsize=KEPT)
def number(value: int | Decimal, locale: Locale) -> str:
    """A count or a quantity: `1,234.5`. A trailing zero of a Decimal is not shown."""
    return format_decimal(value, locale=locale)


@lru_cache(maxsize=KEPT)
def day(value: date, locale: Locale) -> str:
    """A calendar day: `Nov 24, 2026`."""
    return format_date(value, format="medium", locale=locale)


@lru_cache(maxsize=KEPT)
def month(first: date, locale: Locale) -> str:
    """The month that begins on `first`, with its year: `Nov 2026`."""
    return format_skeleton("yMMM", first, locale=locale)


@lru_cache(maxsize=KEPT)
def short_month(first: date, locale: Locale) -> str:
    """The month that begins on `first`, as a scale has room for: `Nov`."""
    return format_date(first, "LLL", locale=locale)


@lru_cache(maxsize=KEPT)
def rough_money(amount: Decimal, currency: str, locale: Locale) -> str:
    """An amount as a scale has room for: `$2.5K`."""
    return format_compact_currency(amount, currency, locale=locale, fraction_digits=1)


@lru_cache(maxsize=KEPT)
def long_day(value: date, locale: Locale) -> str:
    """A calendar day with its weekday: `Tuesday, November 24, 2026`."""
    return format_date(value, format="full", locale=locale)


def moment(value: datetime, locale: Locale, zone: ZoneInfo) -> str:
    """An aware moment in the viewer's zone: `Nov 24, 2026, 10:42 AM`."""
    local = _aware(value).astimezone(zone)
    glue = str(get_datetime_format("medium", locale=locale))
    return glue.replace("{1}", day(local.date(), locale)).replace(
        "{0}", clock_time(local, locale, zone)
    )


@lru_cache(maxsize=KEPT)
def clock_time(value: datetime, locale: Locale, zone: ZoneInfo) -> str:
    """The time of day of an aware moment in the viewer's zone: `10:42 AM`."""
    return format_time(_aware(value), format="short", tzinfo=zone, locale=locale)


class _Until(Protocol):
    def at_most(self, moment: datetime) -> None:
        """Something stands until this moment and no longer."""


class Now(Protocol):
    """A current moment that is told until when what is said of it stands."""

    @property
    def moment(self) -> datetime:
        """It, aware."""

    @property
    def until(self) -> _Until:
        """Who is told."""


def relative(value: datetime, now: datetime | Now, locale: Locale) -> str:
    """How long ago, or ahead, in the largest unit that fits: `3 days ago`, `in 2 weeks`.

    A `Now` is told when it is to be said in other words.
    """
    if isinstance(now, datetime):
        return _in_words(_distance(_aware(value), _aware(now)).seconds, locale)
    distance = _distance(_aware(value), _aware(now.moment))
    now.until.at_most(distance.until)
    return _in_words(distance.seconds, locale)


def relative_until(value: datetime, now: datetime) -> datetime:
    """The first moment from `now` on at which `relative` says something else of `value`."""
    return _distance(value, now).until


class _Distance(NamedTuple):
    """What is said of a moment: that it is so many seconds ahead, or ago below zero; until when."""

    seconds: int
    until: datetime


def _distance(value: datetime, now: datetime) -> _Distance:
    """How far `value` is from `now`, in seconds of which the same is said; at least a minute."""
    delta = value - now
    if delta > NOTHING:
        first, _ = _same_words(max(MINUTE, delta // SECOND))
        # At a minute it stays until the moment has come.
        return _Distance(first, value - SECOND * first + TICK if first > MINUTE else value)
    # A second that has begun counts as one.
    first, beyond = _same_words(max(MINUTE, -(delta // SECOND)))
    return _Distance(-first, value + SECOND * (beyond - 1) + TICK)


def _same_words(seconds: int) -> tuple[int, int]:
    """The least seconds of which Babel says the same as of these, and the least more that differ.

    `format_timedelta` takes the largest unit of which there is so much, and rounds half to even.
    """
    unit, begins, beyond = MINUTE, MINUTE, sys.maxsize
    for larger, larger_begins in UNITS:
        if seconds >= larger_begins:
            unit, begins = larger, larger_begins
            break
        beyond = larger_begins
    count = round(seconds / unit)
    return max(begins, _rounds_up(unit, count - 1)), min(beyond, _rounds_up(unit, count))


def _rounds_up(unit: int, count: int) -> int:
    """The least seconds that round to more of the unit than `count`."""
    return unit * count + unit // 2 + (count % 2 == 0)


@lru_cache(maxsize=KEPT)
def _in_words(seconds: int, locale: Locale) -> str:
    return format_timedelta(
        SECOND * seconds,
        granularity="minute",
        threshold=ENOUGH,
        add_direction=True,
        locale=locale,
    )


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("A moment without a time zone cannot be shown")
    return value
