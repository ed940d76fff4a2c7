"""Drawn pages, kept with what they were made from; those not asked for longest go first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from portal.crm.reads import Need

MOST_BYTES: Final = 8 * 1024 * 1024
OVERHEAD: Final = 1024
"""Bytes that a kept page takes beside its text, roughly."""

RawHeaders = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class KeptPage:
    """A page as it was answered, and the readings that it was made from."""

    body: bytes
    headers: RawHeaders
    needs: tuple[Need, ...]

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.body) + OVERHEAD


class KeptPages:
    """The kept pages of one worker, by all that decides them beside their readings."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._pages: OrderedDict[Hashable, KeptPage] = OrderedDict()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._pages)

    @property
    def bytes(self) -> int:
        """How much they take."""
        return self._bytes

    def clear(self) -> None:
        """Forget all of them."""
        self._pages.clear()
        self._bytes = 0

    def get(self, key: Hashable) -> KeptPage | None:
        """The page of this key, if there is one."""
        page = self._pages.get(key)
        if page is not None:
            self._pages.move_to_end(key)
        return page

    def keep(self, key: Hashable, page: KeptPage) -> None:
        """Keep a page, in place of the one before."""
        before = self._pages.pop(key, None)
        self._bytes += page.size - (before.size if before else 0)
        self._pages[key] = page
        while self._bytes > self._most_bytes:
            _, gone = self._pages.popitem(last=False)
            self._bytes -= gone.size
