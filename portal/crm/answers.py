"""Reading what SM API answered: its envelope, its two list shapes, and its ways to refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from portal.crm.retry import parse_retry_after
from portal.errors import (
    SMApiBusy,
    SMApiFault,
    SMApiMalformed,
    SMApiNotFound,
    SMApiRejected,
    SMApiUnauthorized,
)

USUAL_LIMIT: Final = 50
"""How many an unpaged list gives when it is not told, or does not listen (sm-api §1)."""

JSON: Final = "application/json"

T = TypeVar("T")
Read = Callable[[int, Mapping[str, str], bytes], "Answer"]
"""What makes an answer of status, headers and body. Raises the errors of `portal.errors`."""

_decoder = msgspec.json.Decoder(float_hook=Decimal)


class Answer(NamedTuple):
    """A success: `data` of the envelope (sm-api §1), the HTTP status, the length in bytes.

    What was read by `reads_as` may be records of that kind already; else it is as JSON has it.
    """

    data: Any
    status: int
    size: int = 0


class Page(Struct, Generic[T], frozen=True, gc=False, rename={"has_more": "hasMore"}):
    """One page of a list, its records decoded (sm-api §1)."""

    items: list[T]
    has_more: bool = False


class _Envelope(Struct, Generic[T], frozen=True, gc=False):
    ok: bool
    data: T


@cache
def reads_as(kind: type[T]) -> Read:
    """`read_answer`, that gives one record as `kind`."""
    return _straight(msgspec.json.Decoder(_Envelope[kind]))  # type: ignore[valid-type] # known when it runs


@cache
def reads_list_of(kind: type[T]) -> Read:
    """`read_answer`, that gives an array's records as `kind`, or a `Page` of them."""
    shapes = list[kind] | Page[kind]  # type: ignore[valid-type] # known when it runs
    return _straight(msgspec.json.Decoder(_Envelope[shapes]))


def _straight(decoder: msgspec.json.Decoder[Any]) -> Read:
    """From bytes to records in one step: 0.13 to 0.3 of what it costs by way of dicts.

    Whatever does not fit at once, a null or a lax spelling or nonsense, is for `read_answer` and
    `client.decode` to judge: all that comes of this step, they would have made of the same bytes.
    """

    def read(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
        if status == 200 and headers.get("content-type", "").startswith(JSON):
            try:
                envelope = decoder.decode(body)
            except (ValueError, ArithmeticError, RecursionError):
                return read_answer(status, headers, body)
            if envelope.ok:
                return Answer(envelope.data, status, len(body))
        return read_answer(status, headers, body)

    return read


def read_answer(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """The envelope's data. Raises the error of `portal.errors` that the answer stands for.

    A redirect is what the platform's edge sends when it does not accept a service token: it is
    the operator's problem, and never "no such client".
    """
    request_id = headers.get("x-request-id")
    if 300 <= status < 400:
        where = headers.get("location", "").partition("?")[0]
        raise SMApiUnauthorized(
            f"answered {status} to {where or 'nowhere'}: the service token "
            "(SM_API_CLIENT_ID, SM_API_CLIENT_SECRET) is most likely wrong or expired",
            request_id=request_id,
        )
    if status == 429:
        retry_after = parse_retry_after(headers.get("retry-after"))
        raise SMApiBusy("answered 429", retry_after=retry_after, request_id=request_id)
    if status >= 500:
        raise SMApiFault(f"answered {status}", request_id=request_id)
    envelope = _envelope(status, headers, body)
    if status in (401, 403) and "reason" not in envelope:
        raise SMApiUnauthorized(
            f"answered {status} ({envelope.get('error')}): the service token or X-SM-Platform "
            "was refused",
            request_id=request_id,
        )
    if status >= 400:
        kind = SMApiNotFound if status == 404 else SMApiRejected
        raise kind(
            f"answered {status}: {envelope.get('error')}",
            upstream_status=status,
            envelope=envelope,
            request_id=request_id,
        )
    if envelope.get("ok") is not True:
        raise SMApiMalformed(f"answered {status} without ok: true", request_id=request_id)
    return Answer(envelope.get("data"), status, len(body))


def _envelope(status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != JSON:
        raise SMApiMalformed(
            f"answered {status} with {content_type or 'no content type'} instead of JSON: "
            "a login page or a proxy in between, most likely a refused service token"
        )
    try:
        envelope = _decoder.decode(body)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise SMApiMalformed(f"answered {status} with broken JSON: {error}") from error
    if not isinstance(envelope, dict):
        raise SMApiMalformed(f"answered {status} with JSON that is not an envelope")
    return envelope


def records_of(data: Any, limit: int, path: str) -> tuple[Sequence[Any], bool]:
    """The records of one page, and whether it is the last: for `{items, hasMore}` and for arrays.

    An array of exactly the usual length may have been cut there, so it does not count as the last.
    Raises SMApiMalformed for any other shape, or for a record without an id.
    """
    if isinstance(data, Page):
        return data.items, not data.has_more or not data.items
    if isinstance(data, dict) and isinstance(data.get("items"), list):
        records, is_last = data["items"], not data.get("hasMore")
    elif isinstance(data, list):
        records, is_last = data, len(data) < limit and len(data) != USUAL_LIMIT
    else:
        raise SMApiMalformed(f"{path}: neither a list nor a page of one")
    if not _are_decoded(records) and not all(map(_has_id, records)):
        raise SMApiMalformed(f"{path}: a record without an id")
    return records, is_last or not records


def by_id(records: Sequence[Any]) -> dict[str, Any]:
    """The records of one answer by their ids; of one that is there twice, the latter."""
    if _are_decoded(records):
        return {record.id: record for record in records}
    return {field_of(record, "id"): record for record in records}


def _are_decoded(records: Sequence[Any]) -> bool:
    """Whether they were made of the answer in one step, all of them and each with its id."""
    return bool(records) and isinstance(records[0], Struct)


def _has_id(record: Any) -> bool:
    return isinstance(field_of(record, "id"), str)


def field_of(record: Any, name: str) -> Any:
    """A field of a record, decoded already or not; None where there is none."""
    if isinstance(record, Struct):
        return getattr(record, name, None)
    return record.get(name) if isinstance(record, dict) else None
