"""Drawn pages, kept with what they were made from and until when they stand.

Those asked for lately are kept as they are, the others packed, which makes a tenth of them: what
all pages share is left out. Those not asked for longest go first.
"""

from __future__ import annotations

import re
import zlib
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Generic, NamedTuple, Protocol, TypeVar
from weakref import WeakValueDictionary

from portal.crm.cache import Key
from portal.crm.reads import Need

MOST_PLAIN: Final = 3 * 1024 * 1024
MOST_PACKED: Final = 10 * 1024 * 1024
"""Bytes of pages as they are, and of packed ones: 80 pages and 2,700."""

OVERHEAD: Final = 1200
"""Bytes that a kept page takes beside its text, roughly."""

LEVEL: Final = 3
"""Of zlib. With a layout it makes 2.6 kB of 29 in 0.10 ms, and they are back in 0.03; level 6 takes
2.5 times as long for 13 % less, and without a layout 0.45 ms for 5.3 kB."""

WINDOW: Final = 32 * 1024
"""So much of a layout is used (RFC 1951 §2)."""

PIECES: Final = re.compile(rb"(?<=>)")

RawHeaders = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class KeptPage:
    """A page as it was answered, the readings that it was made from, and until when it stands."""

    body: bytes
    headers: RawHeaders
    needs: tuple[Need, ...]
    until: datetime

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.body) + OVERHEAD


class _Packed(NamedTuple):
    """A page without its text, that text, and the layout that is left out of it."""

    page: KeptPage
    text: bytes
    layout: bytes

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.text) + OVERHEAD

    def unpacked(self) -> KeptPage:
        """The page with its text."""
        unpacker = zlib.decompressobj(zdict=self.layout)
        return replace(self.page, body=unpacker.decompress(self.text))


def _pack(page: KeptPage, layout: bytes) -> _Packed:
    packer = zlib.compressobj(LEVEL, zdict=layout)
    return _Packed(replace(page, body=b""), packer.compress(page.body) + packer.flush(), layout)


class _Sized(Protocol):
    @property
    def size(self) -> int:
        """Bytes."""


Held = TypeVar("Held", bound=_Sized)


class Tier(Generic[Held]):
    """So many bytes of pages; the ones not asked for longest go first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self.bytes = 0
        self.pages: OrderedDict[Hashable, Held] = OrderedDict()

    def get(self, key: Hashable) -> Held | None:
        """The page of this key, which counts as asked for."""
        page = self.pages.get(key)
        if page is not None:
            self.pages.move_to_end(key)
        return page

    def put(self, key: Hashable, page: Held) -> list[Hashable]:
        """Hold a page in place of the one before; the keys of those that had to go."""
        self.drop(key)
        self.pages[key] = page
        self.bytes += page.size
        gone = []
        while self.bytes > self._most_bytes:
            gone.append(next(iter(self.pages)))
            self.drop(gone[-1])
        return gone

    def drop(self, key: Hashable) -> None:
        """Hold this one no more."""
        page = self.pages.pop(key, None)
        self.bytes -= page.size if page is not None else 0

    def clear(self) -> None:
        """Hold none."""
        self.pages.clear()
        self.bytes = 0


class PageKey:
    """All that decides a page beside its readings and the time. Its hash is computed once.

    A viewer's takes as long as all the rest of finding a page.
    """

    __slots__ = ("_hash", "parts")

    def __init__(self, *parts: Hashable) -> None:
        self.parts = parts
        self._hash = hash(parts)

    def __hash__(self) -> int:
        """That of the parts."""
        return self._hash

    def __eq__(self, other: object) -> bool:
        """Whether all parts are the same."""
        return self is other or (isinstance(other, PageKey) and self.parts == other.parts)


class KeptPages:
    """The kept pages of one worker, by all that decides them beside their readings and the time."""

    def __init__(self, most_plain: int = MOST_PLAIN, most_packed: int = MOST_PACKED) -> None:
        self._plain = Tier[KeptPage](most_plain)
        self._packed = Tier[_Packed](most_packed)
        self._layout = b""
        # One company's pages share their readings, which alone take twice as much as packed text.
        self._needs: WeakValueDictionary[tuple[Key, int], Need] = WeakValueDictionary()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._plain.pages.keys() | self._packed.pages.keys())

    @property
    def bytes(self) -> int:
        """How much they take."""
        return self._plain.bytes + self._packed.bytes

    def clear(self) -> None:
        """Forget all of them."""
        self._plain.clear()
        self._packed.clear()

    def get(self, key: Hashable, now: datetime) -> KeptPage | None:
        """The page of this key, if there is one that stands at `now`."""
        page = self._plain.get(key)
        if page is None:
            packed = self._packed.get(key)
            if packed is None:
                return None
            page = packed.unpacked()
            self._hold(key, page)
        if now < page.until:
            return page
        self._plain.drop(key)
        self._packed.drop(key)
        return None

    def holds(self, key: Hashable, needs: tuple[Need, ...]) -> bool:
        """Whether the page of this key is the one made from these very readings."""
        page = self._plain.get(key)
        if page is None:
            packed = self._packed.get(key)
            page = packed.page if packed is not None else None
        return page is not None and page.needs is needs

    def keep(self, key: Hashable, page: KeptPage) -> KeptPage:
        """Keep a page, in place of the one before; the page as it is kept."""
        shared = (self._needs.setdefault((need.key, need.version), need) for need in page.needs)
        page = replace(page, needs=tuple(shared))
        self._hold(key, page)
        self._layout = self._layout or layout_of(self._plain.pages.values())
        self._packed.put(key, _pack(page, self._layout))
        return page

    def _hold(self, key: Hashable, page: KeptPage) -> None:
        for gone in self._plain.put(key, page):
            # It was asked for until now, and counts as such among the packed.
            self._packed.get(gone)


def layout_of(pages: Iterable[KeptPage]) -> bytes:
    """What the largest pages of two companies share, tag by tag, which is nothing of either.

    Empty while there are none of two.
    """
    of_company: dict[Hashable, bytes] = {}
    for page in sorted(pages, key=lambda one: len(one.body)):
        if page.needs:
            of_company[page.needs[0].key.group] = page.body
    if len(of_company) < 2:
        return b""
    *_, second, largest = sorted(of_company.values(), key=len)
    seconds = set(PIECES.split(second))
    shared = dict.fromkeys(piece for piece in PIECES.split(largest) if piece in seconds)
    return b"".join(shared)[-WINDOW:]
