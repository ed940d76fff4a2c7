"""Taking amounts of money out of free text, for those who see none."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import lru_cache
from typing import Final

from babel.core import get_global

REDACTED: Final = "•••"

# What Unicode calls a currency sign, ISO 4217's codes, and the signs that are words.
_SIGNS: Final = re.escape(
    "".join(chr(n) for n in range(sys.maxunicode + 1) if unicodedata.category(chr(n)) == "Sc")
)
_CODES: Final = "|".join(sorted(get_global("all_currencies")))
_WORDS: Final = "zł|zl|Kč|kr|Ft|lei|лв|грн|руб|Fr"  # noqa: RUF001 # Cyrillic is meant
_MARK: Final = rf"(?:[A-Z]{{0,3}}[{_SIGNS}]|(?<![A-Za-z])(?:{_CODES}|{_WORDS})(?![^\W\d_]))"
_SIGN: Final = "[-\u2212+]?"
_DIGITS: Final = rf"{_SIGN}\d(?:[\d.,'\u2019\u00a0\u202f ]{{0,24}}\d)?"
_NUMBER: Final = rf"{_DIGITS}(?:\s?(?i:k|m|bn|million|thousand)\b)?"
_AMOUNT: Final = re.compile(rf"{_SIGN}{_MARK}\s?{_NUMBER}|{_NUMBER}\s?{_MARK}")


@lru_cache(maxsize=4096)
def without_amounts(text: str) -> str:
    """`text` with every number that stands beside a currency's sign or code blotted out."""
    return _AMOUNT.sub(REDACTED, text)
