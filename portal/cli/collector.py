"""Loading without the garbage collector, which would look in vain through all that stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_off() -> Iterator[None]:
    """Let what is loaded inside be left alone by the collector, now and later.

    Modules are hardly ever garbage: the two hundred rounds over them took a tenth of a start, and
    later each whole round 40 ms of somebody's answer.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
