"""What people may change about themselves, and how what they typed is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError

from portal.errors import BadInput
from portal.words import msgid

LONGEST: Final[Mapping[str, int]] = {
    "full_name": 200,
    "first_name": 200,
    "last_name": 200,
    "title": 200,
    "phone": 40,
}
PHONE: Final = re.compile(r"[0-9+() ./x-]*", re.IGNORECASE)

LOCALES: Final[Mapping[str, str]] = {
    "en_US": "English (United States)",
    "en_GB": "English (United Kingdom)",
    "en_AU": "English (Australia)",
    "en_CA": "English (Canada)",
    "en_IE": "English (Ireland)",
    "de_DE": "Deutsch (Deutschland)",
    "de_AT": "Deutsch (Österreich)",
    "de_CH": "Deutsch (Schweiz)",
    "el_GR": "Ελληνικά (Ελλάδα)",
    "es_ES": "Español (España)",
    "es_MX": "Español (México)",
    "fr_FR": "Français (France)",
    "fr_CA": "Français (Canada)",
    "it_IT": "Italiano (Italia)",
    "nl_NL": "Nederlands (Nederland)",
    "pl_PL": "Polski (Polska)",
    "pt_BR": "Português (Brasil)",
    "pt_PT": "Português (Portugal)",
    "sv_SE": "Svenska (Sverige)",
    "uk_UA": "Українська (Україна)",
}
"""What the language field offers, each by its name in its own language. Dates, numbers and amounts
follow it; the words do where there is a catalogue.

Babel knows the names, too, and to tell them keeps 12 MB of those languages for good.
"""

THEMES: Final = ("auto", "dark", "light")


def read_profile(fields: Mapping[str, str]) -> dict[str, str | None]:
    """The contact's fields to change (sm-api §6), by their names in the CRM.

    An empty field is cleared, but for the name. Raises BadInput naming the field.
    """
    changes: dict[str, str | None] = {}
    for name, longest in LONGEST.items():
        if name in fields:
            changes[name] = _text(name, fields[name], longest)
    if "full_name" in changes and changes["full_name"] is None:
        raise BadInput(msgid("Please enter your name."), field="full_name")
    phone = changes.get("phone")
    if phone is not None and not PHONE.fullmatch(phone):
        raise BadInput(msgid("A phone number has digits, spaces and + ( ) - only."), field="phone")
    if "timezone" in fields:
        changes["timezone"] = read_time_zone(fields["timezone"])
    if "locale" in fields:
        changes["locale"] = read_locale(fields["locale"])
    if not changes:
        raise BadInput(msgid("Nothing to change was sent."))
    return changes


@cache
def known_zones() -> frozenset[str]:
    """Every zone there is. Read from the disk once: it does not change while we run."""
    return frozenset(available_timezones())


@cache
def time_zones() -> tuple[str, ...]:
    """The zones that can be chosen, sorted: those with a place in their name, and UTC."""
    return tuple(
        sorted(
            name
            for name in known_zones()
            if name == "UTC" or ("/" in name and not name.startswith(("Etc/", "posix/", "right/")))
        )
    )


@cache
def locale_names() -> tuple[tuple[str, str], ...]:
    """Each locale that can be chosen, and its name in its own language: `Polski (Polska)`."""
    return tuple(sorted(LOCALES.items(), key=lambda pair: pair[1].casefold()))


def _text(name: str, sent: str, longest: int) -> str | None:
    text = " ".join(sent.split())
    if len(text) > longest or not text.isprintable():
        raise BadInput(msgid("At most %(count)s characters, please."), name, count=longest)
    return text or None


def read_time_zone(sent: str) -> str:
    """A zone by its IANA name. Raises BadInput."""
    if sent not in known_zones():
        raise BadInput(msgid("Please choose a time zone from the list."), field="timezone")
    return sent


def read_locale(sent: str) -> str:
    """A language as the CRM has them: `de-AT` gives `de_AT`. Raises BadInput."""
    try:
        return str(Locale.parse(sent.replace("-", "_")))
    except (ValueError, UnknownLocaleError) as error:
        raise BadInput(msgid("Please choose a language from the list."), field="locale") from error
