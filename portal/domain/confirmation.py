"""What somebody may still do while the CRM cannot say whether they still have access."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Trust(StrEnum):
    """How far what the CRM said last still carries."""

    FULL = "full"
    """It was said a moment ago."""

    READ_ONLY = "read_only"
    """It was said a while ago: pages are shown, nothing is changed."""

    NONE = "none"
    """It was said too long ago: the session is over."""


@dataclass(frozen=True)
class TrustLimits:
    """For how long access counts that the CRM cannot confirm."""

    read_only_after: timedelta
    ends_after: timedelta

    def of(self, unconfirmed_for: timedelta) -> Trust:
        """How far access carries that was confirmed so long ago."""
        if unconfirmed_for >= self.ends_after:
            return Trust.NONE
        return Trust.READ_ONLY if unconfirmed_for >= self.read_only_after else Trust.FULL
