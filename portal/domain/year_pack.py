"""A year pack: one calendar year's documents in one file. What is in it, and how far it is.

An invoice belongs to the year of its issue; one dated after today belongs to today's, because
that is when a statement counts it (`domain.statement`). So the invoices of a pack are those that
its statement says were billed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar

from portal.errors import BadInput
from portal.words import msgid

MOST_KEPT: Final = 3
"""Packs of one person; one more takes the place of the oldest."""

MANIFEST: Final = "manifest.json"
SUMS: Final = "SHA256SUMS"
LONGEST_STEM: Final = 60

NO_YEAR: Final = msgid("Choose one of the years in the list.")
OTHER_UNDER_WAY: Final = msgid(
    "The pack of %(year)s is still being made. Wait until it is done, or cancel it."
)

_DEVICES: Final = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]
)
"""Names that Windows keeps for itself, with any ending."""


class Issued(Protocol):
    """The field of an invoice that says which year's it is."""

    @property
    def issued_date(self) -> date | None:
        """The day of issue."""


IssuedT = TypeVar("IssuedT", bound=Issued)


class PackState(StrEnum):
    """How a pack stands. STALLED: unfinished, and nobody is at it any more."""

    BUILDING = "building"
    STALLED = "stalled"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"

    @property
    def is_unfinished(self) -> bool:
        """Whether it can still become whole."""
        return self in (PackState.BUILDING, PackState.STALLED, PackState.PAUSED)


@dataclass(frozen=True)
class PackedFile:
    """A finished file: its name in the pack, its length in bytes, its SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str

    @classmethod
    def of(cls, name: str, content: bytes) -> PackedFile:
        """The file with this content."""
        return cls(name, len(content), hashlib.sha256(content).hexdigest())


def year_of(invoice: Issued, today: date) -> int | None:
    """The year whose pack holds the invoice; None for one without a day of issue."""
    issued = invoice.issued_date
    return min(issued, today).year if issued else None


def years_of(invoices: Iterable[Issued], today: date) -> list[int]:
    """The years for which there is a pack, the latest first."""
    return sorted({y for one in invoices if (y := year_of(one, today)) is not None}, reverse=True)


def of_year(invoices: Iterable[IssuedT], year: int, today: date) -> list[IssuedT]:
    """The invoices of a year's pack, in the order they came in."""
    return [one for one in invoices if year_of(one, today) == year]


def read_year(typed: str, years: Sequence[int]) -> int:
    """The year that was chosen among those there are. Raises BadInput."""
    for year in years:
        if typed.strip() == str(year):
            return year
    raise BadInput(NO_YEAR, field="year")


def unique_names(wanted: Iterable[tuple[str, str]]) -> list[str]:
    """Names for files of one folder, from safe stems and their endings: `("INV-1", ".pdf")`.

    No two are the same, also where case does not count, and none is a device's.
    """
    taken: set[str] = set()
    names = []
    for stem, ending in wanted:
        base = stem[:LONGEST_STEM]
        # A device's name is one up to its first dot.
        base = f"invoice-{base}" if base.partition(".")[0].casefold() in _DEVICES else base
        name, count = f"{base}{ending}", 1
        while name.casefold() in taken:
            count += 1
            name = f"{base}-{count}{ending}"
        taken.add(name.casefold())
        names.append(name)
    return names


def manifest(
    files: Iterable[PackedFile], *, product: str, company: str, year: int, as_of: datetime
) -> bytes:
    """`manifest.json`: whose pack it is, of when, and its files with lengths and sums."""
    told: dict[str, Any] = {
        "product": product,
        "company": company,
        "year": year,
        "as_of": as_of.isoformat(),
        "files": [{"name": f.name, "bytes": f.size, "sha256": f.sha256} for f in files],
    }
    return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()


def sums(files: Iterable[PackedFile]) -> bytes:
    """`SHA256SUMS`, as `sha256sum -c SHA256SUMS` reads it."""
    return "".join(f"{file.sha256}  {file.name}\n" for file in files).encode()
