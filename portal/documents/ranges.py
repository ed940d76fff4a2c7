"""Which bytes of a file somebody asks for, to go on with a download (RFC 9110 §14)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_SINGLE: Final = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})", re.IGNORECASE)


@dataclass(frozen=True)
class Span:
    """The bytes `first` to `last`, both inclusive and counted from 0."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """How many bytes they are."""
        return self.last - self.first + 1


class Unsatisfiable(Exception):
    """A range that lies beyond the end: 416."""


def read_span(header: str | None, size: int) -> Span | None:
    """The single range that a `Range` header asks for of a file of `size` bytes.

    None for no header, for several ranges at once and for what is none: all of that is answered
    with the whole file (RFC 9110 §14.2). Raises Unsatisfiable.
    """
    found = _SINGLE.fullmatch((header or "").strip())
    if not found or not (found[1] or found[2]):
        return None
    if not found[1]:
        length = min(int(found[2]), size)
        if length == 0:
            raise Unsatisfiable
        return Span(size - length, size - 1)
    first = int(found[1])
    last = min(int(found[2]), size - 1) if found[2] else size - 1
    if found[2] and int(found[2]) < first:
        return None
    if first >= size:
        raise Unsatisfiable
    return Span(first, last)
