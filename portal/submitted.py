"""What a browser sent in a body, form or JSON, and which of the two it wants back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec
from starlette.requests import Request

from portal.errors import BadInput, UnsupportedMediaType

_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)

FORM: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


def wants_json(request: Request) -> bool:
    """Whether to answer with the JSON envelope: API paths, JSON bodies, JSON asked for first.

    So is an event stream refused: whoever opens one does not want to be led to a page.
    """
    if request.url.path.startswith("/api/") or _content_type(request) == "application/json":
        return True
    asked = request.headers.get("accept", "").lstrip()
    return asked.startswith(("application/json", "text/event-stream"))


async def submitted(request: Request, *, most_fields: int = 50) -> dict[str, str]:
    """The fields of the body that are text; files and nested values are left out.

    A form may have `most_fields`. Raises BadInput when the JSON is broken or no object,
    UnsupportedMediaType for other bodies.
    """
    content_type = _content_type(request)
    if content_type == "application/json":
        return _texts(await request.body())
    if content_type in FORM:
        async with request.form(max_files=0, max_fields=most_fields) as form:
            return {name: value for name, value in form.items() if isinstance(value, str)}
    if not await request.body():
        return {}
    raise UnsupportedMediaType


async def json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object, for `/api`; numbers with a fraction come as Decimal.

    Raises UnsupportedMediaType when it does not say that it is JSON, BadInput when it is not.
    """
    if _content_type(request) != "application/json":
        raise UnsupportedMediaType
    return _object(await request.body())


def _texts(body: bytes) -> dict[str, str]:
    return {name: value for name, value in _object(body).items() if isinstance(value, str)}


def _object(body: bytes) -> dict[str, Any]:
    try:
        fields = _decoder.decode(body)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise BadInput("The body is not JSON.") from error
    if not isinstance(fields, dict):
        raise BadInput("The body must be a JSON object.")
    return fields


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
