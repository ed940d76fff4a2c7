"""SM API's envelope and its two list shapes (sm-api §1), for answers of our own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from starlette.responses import Response

from portal.errors import BadInput

T = TypeVar("T")

_encoder: Final = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True)
class ListShape:
    """How a list is cut: pages of `{items,total,page,limit,hasMore}`, or one array."""

    paged: bool
    default_limit: int
    most_limit: int


PAGED: Final = ListShape(paged=True, default_limit=25, most_limit=100)
ARRAY: Final = ListShape(paged=False, default_limit=50, most_limit=500)


def ok(data: Any, status: int = 200) -> Response:
    """`{"ok": true, "data": …}`. Structs, Decimals, dates and aware moments are written as JSON."""
    return envelope({"ok": True, "data": data}, status)


def envelope(body: Mapping[str, Any], status: int = 200) -> Response:
    """A body that is an envelope already, for the routes that name their data otherwise."""
    return Response(
        _encoder.encode(body),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "private, no-store"},
    )


def cut(records: Sequence[T], shape: ListShape, query: Mapping[str, str]) -> Any:
    """The page or array that `limit` and `page` of the query ask for; limits are clamped.

    Raises BadInput when they are not whole numbers from 1.
    """
    limit = min(_count(query, "limit", shape.default_limit), shape.most_limit)
    if not shape.paged:
        return records[:limit]
    page = _count(query, "page", 1)
    start = (page - 1) * limit
    return {
        "items": records[start : start + limit],
        "total": len(records),
        "page": page,
        "limit": limit,
        "hasMore": start + limit < len(records),
    }


def _count(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise BadInput(f"{name} must be a whole number from 1.", field=name)
    return int(text)
