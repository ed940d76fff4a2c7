"""What a fault proxy does to which calls: values that are also the bodies of its control calls."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from random import Random
from typing import Final

import msgspec

ANYTHING: Final = ".*"
LIST: Final = "/api/[a-z_]+"
RECORD: Final = "/api/[a-z_]+/[^/]+"
READS: Final = "GET"
WRITES: Final = "POST|PATCH"
SLOW_SECONDS: Final = 10.0
RETRY_AFTER_SECONDS: Final = 3.0


class Kind(StrEnum):
    """The faults. Those from `HALF` on let the call reach SM API and spoil the answer."""

    LATENCY = "latency"
    RESET = "connection reset"
    REFUSED = "connection refused"
    ERROR_500 = "500"
    ERROR_502 = "502"
    ERROR_503 = "503"
    BUSY = "429 with Retry-After"
    HTML = "HTML with 200"
    LOGIN = "redirect to a login page"
    HALF = "half a JSON"
    CUT = "cut off in the middle"
    DRIP = "slow drip"
    CONTENT_TYPE = "wrong content type"
    LOST = "carried out, answer lost"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault for the calls whose method and path match whole, so often as `probability` says.

    `seconds`: how long latency and drip take, and what Retry-After asks for. REFUSED takes the
    whole listener away, so it cannot be had for some calls only: raises ValueError.
    """

    kind: Kind
    path: str = ANYTHING
    method: str = ANYTHING
    probability: float = 1.0
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.kind is Kind.REFUSED and (self.path, self.method, self.probability) != (
            ANYTHING,
            ANYTHING,
            1.0,
        ):
            raise ValueError("connections are refused before anybody knows what they ask for")

    @property
    def takes(self) -> float:
        """`seconds`, or what is usual for the kind."""
        usual = RETRY_AFTER_SECONDS if self.kind is Kind.BUSY else SLOW_SECONDS
        return usual if self.seconds is None else self.seconds

    def is_for(self, method: str, path: str) -> bool:
        """Whether such a call may meet this fault."""
        return bool(re.fullmatch(self.method, method) and re.fullmatch(self.path, path))


def drawn(rules: Sequence[Rule], method: str, path: str, chance: Random) -> Rule | None:
    """The first rule that this call meets, by its probability; None: it is passed on."""
    for rule in rules:
        if rule.is_for(method, path) and chance.random() < rule.probability:
            return rule
    return None
