"""Finding the IBANs in a text: as people write them, and only those whose check digits are right.

ISO 13616: two letters for the country, two check digits, and as many letters and digits as the
country has settled on; ISO 7064 (mod 97-10) for the check digits.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_BY_LENGTH: Final = {
    15: "NO",
    16: "BE",
    18: "DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
LENGTHS: Final = {
    country: length for length, named in _BY_LENGTH.items() for country in named.split()
}
"""How long the IBANs of each country of the registry are."""

_BETWEEN: Final = r"[\s.\u00b7_-]*"
_START: Final = re.compile(rf"(?<![0-9A-Z])(?:IBAN)?([A-Z]{{2}}{_BETWEEN}[0-9]{{2}})")
_REST: Final = re.compile(rf"{_BETWEEN}([0-9A-Z])")


def ibans(text: str) -> tuple[str, ...]:
    """Every IBAN in the text, each once, sorted, in capitals and without blanks.

    Blanks, line ends, dots and dashes may stand inside one. What has wrong check digits is none.
    """
    capitals = unicodedata.normalize("NFKC", text).upper()
    found = {_from(capitals, start) for start in _START.finditer(capitals)}
    return tuple(sorted(found - {None, ""}))  # type: ignore[arg-type] # what is left is text


def in_fours(iban: str) -> str:
    """As it is printed: in groups of four."""
    return " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))


def _from(capitals: str, start: re.Match[str]) -> str | None:
    """The IBAN that begins here; None when there is none."""
    collected, at = re.sub(_BETWEEN, "", start[1]), start.end()
    length = LENGTHS.get(collected[:2], 0)
    while len(collected) < length:
        one = _REST.match(capitals, at)
        if one is None:
            return None
        collected, at = collected + one[1], one.end()
    goes_on = at < len(capitals) and capitals[at] in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return collected if length and not goes_on and _adds_up(collected) else None


def _adds_up(iban: str) -> bool:
    return int("".join(str(int(one, 36)) for one in iban[4:] + iban[:4])) % 97 == 1
