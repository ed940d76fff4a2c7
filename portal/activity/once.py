"""Recording what a person did once, however often the button was pressed.

The claim keeps the activity itself until it is in the outbox. Should the process die in between,
pressing again records that same activity, under the same idempotency key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from portal.activity.outbox import Activity, Outbox
from portal.edge.kv import KV

CLAIM: Final = "once:"
SAID: Final = b"1"

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(Activity, float_hook=Decimal)


async def record_once(
    state: KV, outbox: Outbox, activity: Activity, said: Sequence[str], *, seconds: float
) -> str | None:
    """Record `activity` unless the same was `said` within `seconds`. Its queue id, else None.

    When it cannot be recorded nothing was said: pressing again records it.
    """
    claim = CLAIM + hashlib.sha256("\0".join(said).encode()).hexdigest()
    claimed = outbox.stamped(activity)
    while not await state.add(claim, _encoder.encode(claimed), ttl=seconds):
        kept = await state.get(claim)
        if kept == SAID:
            return None
        if kept is not None:
            claimed = _decoder.decode(kept)
            break
    queued = await outbox.record(claimed)
    await state.put(claim, SAID, ttl=seconds)
    return queued
