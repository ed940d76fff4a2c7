"""Time zones and languages: whatever the CRM holds, something usable comes out."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.domain.preferences import locale_or, time_zone_or


@pytest.mark.parametrize("name", ["Europe/Warsaw", "UTC", "America/Argentina/Buenos_Aires"])
def test_a_zone_is_kept(name: str) -> None:
    assert time_zone_or(name, "UTC") == name


@pytest.mark.parametrize(
    "name", [None, "", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "Europe", "x\0", "a" * 5000]
)
def test_what_is_no_zone_gives_the_fallback(name: str | None) -> None:
    assert time_zone_or(name, "Europe/Paris") == "Europe/Paris"


@pytest.mark.parametrize(
    ("name", "found"),
    [("es-MX", "es_MX"), ("es_MX", "es_MX"), ("pl", "pl"), ("zh-CN", "zh_Hans_CN")],
)
def test_a_language_is_read_in_both_spellings(name: str, found: str) -> None:
    assert locale_or(name, "en_US") == found


@pytest.mark.parametrize("name", [None, "", "xx_YY_ZZ", "klingon", "-", "../en", "en\0"])
def test_what_is_no_language_gives_the_fallback(name: str | None) -> None:
    assert locale_or(name, "en_US") == "en_US"


@given(st.text(max_size=30))
@example("en_US@euro")
@example("tzdata.zi")
@example("\ud800")
@settings(deadline=None)
def test_whatever_is_stored_there_comes_out_something_usable(text: str) -> None:
    ZoneInfo(time_zone_or(text, "UTC"))
    Locale.parse(locale_or(text, "en_US"))
