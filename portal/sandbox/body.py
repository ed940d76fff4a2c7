"""Reading a JSON request body: its type, its size, its shape."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec
from starlette.requests import Request

from portal.sandbox.envelope import Refusal

MOST_BYTES: Final = 1024 * 1024

_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)


async def read_body(request: Request, most_bytes: int = MOST_BYTES) -> bytes:
    """The raw body. Raises Refusal: 415 when it is not said to be JSON, 413 when it is larger."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refusal(415, "Content-Type must be application/json")
    chunks: list[bytes] = []
    read = 0
    async for chunk in request.stream():
        read += len(chunk)
        if read > most_bytes:
            error = f"The body is larger than {most_bytes // 1024} KiB"
            raise Refusal(413, error, headers={"Connection": "close"})
        chunks.append(chunk)
    return b"".join(chunks)


def parse_object(body: bytes) -> dict[str, Any]:
    """The body as an object; numbers with a fraction stay exact. Raises Refusal (400)."""
    try:
        value = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError):
        raise Refusal(400, "The body is not valid JSON") from None
    if not isinstance(value, dict):
        raise Refusal(400, "The body must be a JSON object")
    return value
