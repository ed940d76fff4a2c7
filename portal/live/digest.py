"""What a role sees of a company in a few characters for each part: whether it changed, not what."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from portal.crm.models import Record

ENGAGEMENTS: Final = "engagements"
INVOICES: Final = "invoices"
ACTIVITIES: Final = "activities"
PARTS: Final = (ENGAGEMENTS, INVOICES, ACTIVITIES)
"""The parts of pages, as templates name them in `data-live`."""

DIGEST_BYTES: Final = 9
"""Twelve characters of hexadecimal would collide once in 16 million changes; these do not."""

Versions = Mapping[str, str]
"""A digest for each part that the role sees: viewers have none of the invoices."""


def digest(records: Iterable[Record]) -> str:
    """A digest of client-safe projections, the same in whatever order they come.

    What a projection leaves out cannot change it: an internal field, and for a viewer an amount.
    """
    encoded = sorted(msgspec.json.encode(record) for record in records)
    return hashlib.blake2b(b"\n".join(encoded), digest_size=DIGEST_BYTES).hexdigest()


def changed(before: Versions, now: Versions) -> tuple[str, ...]:
    """The parts whose digest is another one now, in the order of `PARTS`."""
    return tuple(part for part in PARTS if before.get(part) != now.get(part))
