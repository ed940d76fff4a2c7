"""What people may change about themselves is read strictly, and named when it is wrong."""

from __future__ import annotations

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.profile import LOCALES, locale_names, read_profile, time_zones
from portal.errors import BadInput

GOOD = {
    "full_name": " Zoë   Łukasiewicz ",
    "title": "",
    "phone": "+48 (22) 555-01.42 x7",
    "timezone": "Europe/Warsaw",
    "locale": "pl-PL",
}


def test_a_profile_is_read_as_the_crm_keeps_it() -> None:
    assert read_profile(GOOD) == {
        "full_name": "Zoë Łukasiewicz",
        "title": None,
        "phone": "+48 (22) 555-01.42 x7",
        "timezone": "Europe/Warsaw",
        "locale": "pl_PL",
    }


def test_what_was_not_sent_is_not_changed() -> None:
    assert read_profile({"title": "CFO"}) == {"title": "CFO"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("full_name", "   "),
        ("full_name", "x" * 201),
        ("title", "a\u202eb"),
        ("phone", "call me"),
        ("phone", "1" * 41),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../etc/passwd"),
        ("timezone", ""),
        ("locale", "klingon"),
        ("locale", ""),
    ],
)
def test_what_is_wrong_is_named(field: str, value: str) -> None:
    with pytest.raises(BadInput) as raised:
        read_profile({**GOOD, field: value})
    assert raised.value.field == field


def test_the_address_cannot_be_changed_here() -> None:
    with pytest.raises(BadInput):
        read_profile({"email": "other@acme.com", "portal_role": "client_admin"})


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.text(max_size=60), min_size=1))
def test_any_form_is_read_or_refused(fields: dict[str, str]) -> None:
    try:
        changes = read_profile(fields)
    except BadInput:
        return
    assert set(changes) == set(fields)


def test_every_zone_and_language_that_is_offered_is_taken() -> None:
    assert {"UTC", "Europe/Warsaw", "America/New_York"} <= set(time_zones())
    for zone in time_zones():
        assert read_profile({"timezone": zone}) == {"timezone": zone}
    for identifier, name in locale_names():
        assert identifier in LOCALES
        assert name[0].isupper() or not name[0].isascii()
        assert read_profile({"locale": identifier}) == {"locale": identifier}


def test_each_language_has_the_name_that_its_speakers_give_it() -> None:
    for identifier, name in LOCALES.items():
        said = Locale.parse(identifier).display_name
        assert said is not None
        assert name == said[:1].upper() + said[1:]
