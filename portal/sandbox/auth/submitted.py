"""What was sent to a sign-in route: by a form or, from browser code, as JSON."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from portal.sandbox.body import parse_object, read_body
from portal.sandbox.envelope import Refusal, invalid

MOST_BYTES: Final = 64 * 1024
MOST_FIELDS: Final = 100
FORM: Final = "application/x-www-form-urlencoded"


def is_form(request: Request) -> bool:
    """Whether a form was submitted, so that the answer should be a page."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


async def read_submitted(request: Request) -> dict[str, str]:
    """The fields. Raises Refusal: 415, 413, 400, or 422 for a JSON value that is not a text."""
    if is_form(request):
        return await read_form(request)
    body = parse_object(await read_body(request, MOST_BYTES))
    sent = {name: value for name, value in body.items() if value is not None}
    for name, value in sent.items():
        if not isinstance(value, str):
            raise invalid(name[:100], "must be a string")
    return sent


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form; of a name that comes twice, the last. Raises Refusal: 415, 413, 400."""
    if not is_form(request):
        raise Refusal(415, f"Content-Type must be {FORM}")
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MOST_BYTES:
            raise Refusal(413, "The form is too large", headers={"Connection": "close"})
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Refusal(400, "The form cannot be read") from None
    return dict(pairs)
