"""Amounts, days and moments, as each locale writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from babel.dates import TIMEDELTA_UNITS, format_timedelta
from babel.numbers import format_currency
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import format as formats
from portal.domain.until import Now

US, GERMAN, MEXICAN = (formats.locale_of(name) for name in ("en_US", "de_DE", "es-MX"))
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
WARSAW = ZoneInfo("Europe/Warsaw")


def plain(text: str) -> str:
    """With ordinary spaces, whichever of Unicode's the locale prefers."""
    return " ".join(text.split())


def test_each_locale_writes_an_amount_its_own_way() -> None:
    amount = Decimal("1234.5")
    assert formats.money(amount, "USD", US) == "$1,234.50"
    assert plain(formats.money(amount, "eur", GERMAN)) == "1.234,50 €"
    assert plain(formats.money(amount, "JPY", US)) == "¥1,234"
    assert formats.money(Decimal(-5), "USD", US) == "-$5.00"


def test_two_dollars_are_told_apart() -> None:
    assert formats.money(Decimal(1), "MXN", US) != formats.money(Decimal(1), "USD", US)
    assert formats.money(Decimal(1), "USD", MEXICAN) == "USD1.00"


@pytest.mark.parametrize("amount", [1.5, 1, "1.50", True, None])
def test_an_amount_that_is_no_decimal_is_refused(amount: Any) -> None:
    with pytest.raises(TypeError, match="Decimal"):
        formats.money(amount, "USD", US)


@given(st.decimals(-(10**12), 10**12, places=2))
@settings(deadline=None)
def test_no_cent_is_lost_in_writing(amount: Decimal) -> None:
    digits = formats.money(amount, "USD", US).translate({ord(c): None for c in "$,"})
    assert Decimal(digits) == amount


@pytest.mark.parametrize("name", ["xx_YY", "", "-", "../en", "x" * 500])
def test_an_unknown_locale_reads_american(name: str) -> None:
    assert str(formats.locale_of(name)) == "en_US"


@pytest.mark.parametrize("name", ["Nowhere/At_All", "", "/etc/passwd", "Europe"])
def test_an_unknown_zone_is_utc(name: str) -> None:
    assert formats.zone_of(name).key == "UTC"


def test_a_moment_is_shown_in_the_viewers_zone_and_day() -> None:
    late = datetime(2026, 11, 24, 23, 42, tzinfo=UTC)
    assert plain(formats.moment(late, US, WARSAW)) == "Nov 25, 2026, 12:42 AM"
    assert plain(formats.moment(late, GERMAN, ZoneInfo("UTC"))) == "24.11.2026, 23:42"
    assert plain(formats.clock_time(late, US, WARSAW)) == "12:42 AM"


def test_a_moment_without_a_zone_is_refused() -> None:
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(ValueError, match="time zone"):
        formats.moment(naive, US, WARSAW)
    with pytest.raises(ValueError, match="time zone"):
        formats.clock_time(naive, US, WARSAW)
    for pair in ((naive, NOON), (NOON, naive)):
        with pytest.raises(ValueError, match="time zone"):
            formats.relative(*pair, US)


def test_days_and_numbers_follow_the_locale() -> None:
    day = date(2026, 11, 24)
    assert formats.day(day, US) == "Nov 24, 2026"
    assert formats.day(day, GERMAN) == "24.11.2026"
    assert formats.long_day(day, US) == "Tuesday, November 24, 2026"
    assert formats.number(1234, GERMAN) == "1.234"
    assert formats.number(Decimal("1.50"), US) == "1.5"


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(seconds=10), "in 1 minute"),
        (timedelta(seconds=-10), "1 minute ago"),
        (timedelta(), "1 minute ago"),
        (timedelta(days=-3), "3 days ago"),
        (timedelta(days=14), "in 2 weeks"),
    ],
)
def test_how_long_ago(ahead: timedelta, words: str) -> None:
    assert formats.relative(NOON + ahead, NOON, US) == words


DISTANCES = st.one_of(
    st.timedeltas(timedelta(days=-3650), timedelta(days=3650)),
    st.timedeltas(timedelta(days=-2), timedelta(days=2)),
    st.timedeltas(timedelta(minutes=-3), timedelta(minutes=3)),
    st.builds(
        lambda unit, halves, ticks: unit * halves / 2 + timedelta.resolution * ticks,
        st.sampled_from([timedelta(seconds=seconds) for _, seconds in TIMEDELTA_UNITS]),
        st.integers(-30, 30),
        st.integers(-1, 1),
    ),
)
LOCALES = st.sampled_from(["en_US", "de_DE", "es_MX", "pl_PL", "ar_EG", "ja_JP", "he_IL"])


@given(DISTANCES, LOCALES.map(formats.locale_of))
@settings(deadline=None, max_examples=500)
def test_how_long_ago_is_said_as_babel_says_it(ahead: timedelta, locale: Locale) -> None:
    delta = ahead
    if abs(delta) < timedelta(minutes=1):
        delta = timedelta(minutes=1 if delta > timedelta(0) else -1)
    said = format_timedelta(delta, granularity="minute", add_direction=True, locale=locale)
    assert formats.relative(NOON + ahead, NOON, locale) == said


@given(DISTANCES, st.floats(0, 1))
@settings(deadline=None, max_examples=500)
def test_how_long_ago_is_said_until_the_moment_that_is_told(ahead: timedelta, part: float) -> None:
    value, now = NOON + ahead, Now(NOON)
    said, until = formats.relative(value, now, US), now.until.moment
    assert until == formats.relative_until(value, NOON) > NOON
    last = until - timedelta.resolution
    for moment in (NOON + part * (last - NOON), last):
        assert formats.relative(value, moment, US) == said
    assert formats.relative(value, until, US) != said


def test_a_scale_has_short_months_and_rough_amounts() -> None:
    english, german = formats.locale_of("en_US"), formats.locale_of("de_DE")
    first = date(2026, 11, 1)
    assert formats.month(first, english) == "Nov 2026"
    assert formats.short_month(first, english) == "Nov"
    assert formats.short_month(first, german) == "Nov"
    assert formats.rough_money(Decimal("2500"), "USD", english) == "$2.5K"


@given(
    st.builds(Decimal.scaleb, st.integers(-(10**15), 10**15).map(Decimal), st.integers(-6, 0)),
    st.sampled_from(["USD", "EUR", "JPY", "KWD", "CLF", "XYZ"]),
    st.sampled_from(
        ["en_US", "es_ES", "es_MX", "de_CH", "pl_PL", "pt_PT", "ar_EG", "en_IN", "ja_JP"]
    ),
)
def test_amounts_are_written_as_babel_writes_them(amount: Decimal, code: str, name: str) -> None:
    locale = formats.locale_of(name)
    wanted = format_currency(amount or Decimal(0), code, locale=locale)
    assert formats.money(amount, code, locale) == wanted
