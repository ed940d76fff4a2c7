"""A write to SM API as it lies in the queue."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

ACTIVITIES: Final = "/api/activities"

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


class Write(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One write: the path at SM API, and the fields of its JSON body."""

    method: Literal["POST", "PATCH"]
    path: str
    body: dict[str, Any]


class Unreadable(ValueError):
    """What lies in the queue is no write."""


def encoded(write: Write) -> bytes:
    """A write as the body of a message. Decimals stay the numbers that they are."""
    return _encoder.encode(write)


def read_write(message: bytes) -> Write:
    """The write that a message's body is. Raises Unreadable.

    Earlier versions queued activities alone, as their bare fields.
    """
    try:
        fields = _decoder.decode(message)
        if "activity_type" in fields:
            return Write("POST", ACTIVITIES, fields)
        return msgspec.convert(fields, Write)
    except msgspec.MsgspecError as error:
        raise Unreadable(str(error)) from error
