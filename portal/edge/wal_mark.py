"""Whether anybody has written to an SQLite file, read from the memory that its users share.

To ask SQLite takes two locks of the kernel's on the file, which is a third of what it takes to
answer a page that is kept. In WAL mode every process that has the file open maps its `-shm` file,
whose first 48 bytes say which commits there are ("WAL-File Format", §2.2 in SQLite's documents):
they are others after each commit, whoever made it.
"""

from __future__ import annotations

import mmap
import sys
from pathlib import Path
from typing import Final

HEADER_BYTES: Final = 48
VERSION: Final = (3007000).to_bytes(4, sys.byteorder)
"""Of the header's format, its first field: the only one there has been."""


class WalMark:
    """The mark of one file, for as long as a connection of this process has it open."""

    def __init__(self, file: Path) -> None:
        """Raises OSError or ValueError where there is no such memory."""
        with file.with_name(f"{file.name}-shm").open("rb") as shared:
            self._memory = mmap.mmap(shared.fileno(), HEADER_BYTES, access=mmap.ACCESS_READ)
        if self._memory[:4] != VERSION:
            self._memory.close()
            raise ValueError("a format of SQLite's that is not known")

    def read(self) -> bytes:
        """Another one after each commit. While one is being made it may be any."""
        return self._memory[:HEADER_BYTES]

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()
