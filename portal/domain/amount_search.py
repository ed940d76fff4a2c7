"""Finding an amount by how somebody types it: `18500`, `$18,500.00`, `18.500,00 €`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_DOWN, Decimal
from typing import Final

_MARK: Final = r"(?:[A-Za-z]{3}|[^\w\s.,'\u2019\u2212+-]{1,3})?"
_SIGN: Final = r"[-\u2212+]?"
_TYPED: Final = re.compile(
    rf"{_SIGN}\s?{_MARK}\s?{_SIGN}([0-9](?:[0-9.,'\u2019\s]*[0-9])?)\s?{_MARK}"
)
_GROUPING: Final = re.compile(r"['\u2019\s]")


def readings(typed: str) -> frozenset[Decimal]:
    """What a text can mean as an amount, without its sign; nothing when it is no amount.

    `1.200` is both 1200 and 1.2: who reads cannot know where the typist's comma stands.
    """
    found = _TYPED.fullmatch(typed.strip())
    if found is None:
        return frozenset()
    digits = _GROUPING.sub("", found[1])
    at = max(digits.rfind(","), digits.rfind("."))
    if at < 0:
        return frozenset({Decimal(digits)})
    head, mark, tail = digits[:at], digits[at], digits[at + 1 :]
    plain = re.sub("[.,]", "", head)
    meant = set()
    if mark not in head:
        meant.add(Decimal(f"{plain}.{tail}"))
    if len(tail) == 3:
        meant.add(Decimal(plain + tail))
    return frozenset(meant)


def is_meant(typed: Iterable[Decimal], amount: Decimal) -> bool:
    """Whether a reading is this amount, or its whole units where it was typed without cents."""
    whole = amount.copy_abs()
    return any(
        one == (whole.to_integral_value(ROUND_DOWN) if one.as_tuple().exponent == 0 else whole)
        for one in typed
    )
