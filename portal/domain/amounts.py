"""Taking amounts of money out of free text, for those who see none."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final

from babel.core import get_global

REDACTED: Final = "•••"

# What Unicode calls a currency sign (category Sc), ISO 4217's codes, and the signs that are words.
_SIGNS: Final = (
    "$\u00a2-\u00a5\u058f\u060b\u07fe-\u07ff\u09f2-\u09f3\u09fb\u0af1\u0bf9\u0e3f\u17db\u20a0-\u20c0"
    "\ua838\ufdfc\ufe69\uff04\uffe0-\uffe1\uffe5-\uffe6\U00011fdd-\U00011fe0\U0001e2ff\U0001ecb0"
)
_WORDS: Final = "zł|zl|Kč|kr|Ft|lei|лв|грн|руб|Fr"  # noqa: RUF001 # Cyrillic is meant
_SIGN: Final = "[-\u2212+]?"
_DIGITS: Final = rf"{_SIGN}\d(?:[\d.,'\u2019\u00a0\u202f ]{{0,24}}\d)?"
_NUMBER: Final = rf"{_DIGITS}(?:\s?(?i:k|m|bn|million|thousand)\b)?"


@lru_cache(maxsize=4096)
def without_amounts(text: str) -> str:
    """`text` with every number that stands beside a currency's sign or code blotted out."""
    return _amount().sub(REDACTED, text)


# When first asked for: compiling takes 20 ms of a start, and most viewers see amounts.
@cache
def _amount() -> re.Pattern[str]:
    codes = "|".join(sorted(get_global("all_currencies")))
    mark = rf"(?:[A-Z]{{0,3}}[{_SIGNS}]|(?<![A-Za-z])(?:{codes}|{_WORDS})(?![^\W\d_]))"
    return re.compile(rf"{_SIGN}{mark}\s?{_NUMBER}|{_NUMBER}\s?{mark}")
