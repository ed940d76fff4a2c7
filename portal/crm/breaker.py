"""A circuit breaker: what has failed again and again is left alone for a moment, then tried once.

closed ── FAILURES in a row, or a Retry-After ──▶ open ── its pause is over ──▶ one probe
   ▲                                                ▲                              │
   └────────────────── it is answered ──────────────┼──────────────────────────────┤
                                                    └───────── it fails ───────────┘
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import SystemRandom
from typing import Final

from portal.errors import SMApiResting

FAILURES: Final = 5
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 2.0
"""Seconds. With a probe's own deadline, what has recovered is noticed within five."""

PROBE_SECONDS: Final = 2.0
LONGEST_RETRY_AFTER: Final = 60.0
SHORTEST_RETRY_AFTER: Final = 1.0
"""What asks for less is waited for where it was asked."""

_jitter = SystemRandom().random


class Breaker:
    """Whether SM API may be asked now. `timer` gives seconds, `jitter` a number in [0, 1]."""

    def __init__(
        self,
        timer: Callable[[], float] = time.monotonic,
        *,
        failures: int = FAILURES,
        jitter: Callable[[], float] = _jitter,
        observe: Callable[[bool], None] | None = None,
    ) -> None:
        self._timer = timer
        self._threshold = failures
        self._jitter = jitter
        self._observe = observe
        self._failures = 0
        self._pause = FIRST_PAUSE
        self._opens_again: float | None = None
        self._is_probing = False

    @property
    def is_open(self) -> bool:
        """Whether SM API is left alone at this moment, or tried by one call only."""
        return self._opens_again is not None

    def admit(self) -> bool:
        """Let a call through; True when it is the probe. Raises SMApiResting when it must wait."""
        if self._opens_again is None:
            return False
        if self._is_probing or self._timer() < self._opens_again:
            raise SMApiResting(f"not asked: {self._failures} failures in a row")
        self._is_probing = True
        return True

    def succeeded(self) -> None:
        """A call was answered, whatever the answer was: everything may be asked again."""
        self._failures, self._pause, self._is_probing = 0, FIRST_PAUSE, False
        self._turn(None)

    def failed(self, *, was_probe: bool, retry_after: float | None = None) -> None:
        """A call was not answered; `retry_after` is what SM API asked for, in seconds."""
        self._failures += 1
        if was_probe:
            self._is_probing = False
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
        asked = min(retry_after or 0.0, LONGEST_RETRY_AFTER)
        if asked > SHORTEST_RETRY_AFTER:
            self._turn(self._timer() + asked)
        elif was_probe or (not self.is_open and self._failures >= self._threshold):
            # Shortened by up to a half, so that many portals do not come back together.
            self._turn(self._timer() + self._pause * (1 - self._jitter() / 2))

    def abandoned(self, *, was_probe: bool) -> None:
        """A call was given up on this side, which says nothing of SM API."""
        if was_probe:
            self._is_probing = False

    def _turn(self, opens_again: float | None) -> None:
        if self._observe is not None and (opens_again is None) != (self._opens_again is None):
            self._observe(opens_again is not None)
        self._opens_again = opens_again
