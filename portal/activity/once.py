"""Recording what a person did once, however often the button was pressed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from portal.activity.outbox import Activity, Outbox
from portal.edge.kv import KV

CLAIM: Final = "once:"


async def record_once(
    state: KV, outbox: Outbox, activity: Activity, said: Sequence[str], *, seconds: float
) -> str | None:
    """Record `activity` unless the same was `said` within `seconds`. Its queue id, else None.

    When it cannot be recorded nothing was said: pressing again records it.
    """
    claim = CLAIM + hashlib.sha256("\0".join(said).encode()).hexdigest()
    if not await state.add(claim, b"1", ttl=seconds):
        return None
    try:
        return await outbox.record(activity)
    except BaseException:
        await state.delete(claim)
        raise
