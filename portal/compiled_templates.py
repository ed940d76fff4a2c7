"""Compiled templates, kept where Python keeps compiled modules and under the same conditions."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from pickle import UnpicklingError
from typing import Final

from jinja2.bccache import Bucket, FileSystemBytecodeCache

FOLDER: Final = Path(cache_from_source(__file__)).parent


class CompiledTemplates(FileSystemBytecodeCache):
    """The templates of one environment, `name`: compiling them took 0.2 s of the first page.

    They are compiled anew when their source has changed, or one of the files that `compiled_by`
    gives: what else is in them. Nothing is written where Python is told to write no bytecode, or
    may not.
    """

    def __init__(
        self, name: str, compiled_by: Callable[[], Iterable[Path]], folder: Path = FOLDER
    ) -> None:
        super().__init__(str(folder), "template-%s.bin")
        self._name = name
        self._compiled_by = compiled_by

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """What names the file of a template."""
        return _digest(self._name, name, filename or "")

    def get_source_checksum(self, source: str) -> str:
        """What has to be the same for a file to count."""
        stats = [(str(file), file.stat()) for file in self._compiled_by()]
        return _digest(str([(f, s.st_mtime_ns, s.st_size) for f, s in stats]), source)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Read a template, if there is one that can be read."""
        with suppress(OSError, EOFError, UnpicklingError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write a template that was compiled."""
        if sys.dont_write_bytecode:
            return
        with suppress(OSError):
            Path(self.directory).mkdir(parents=True, exist_ok=True)
            super().dump_bytecode(bucket)


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
