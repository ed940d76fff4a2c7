"""What every route answers with: the envelope of sm-api §1, refusals, entity tags."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_encoder: Final = msgspec.json.Encoder(decimal_format="number")


class Refusal(Exception):
    """A request that is not carried out; becomes `{"ok": false, "error": …}` with `status`.

    `reason` is a word for programs, `field` the body field or query parameter at fault, `extra`
    goes into the envelope beside them.
    """

    def __init__(
        self,
        status: int,
        error: str,
        *,
        reason: str | None = None,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(error)
        self.status = status
        self.headers = dict(headers or {})
        named = {"reason": reason, "field": field}
        self.envelope: dict[str, Any] = {
            "ok": False,
            "error": error,
            **{name: value for name, value in named.items() if value is not None},
            **(extra or {}),
        }


def not_found() -> Refusal:
    """The one answer for a record that does not exist and for one that the caller may not see."""
    return Refusal(404, "Not found")


def invalid(field: str, error: str) -> Refusal:
    """A value that cannot be used (422; ours, the contract does not show one)."""
    return Refusal(422, f"{field}: {error}", field=field)


@dataclass(frozen=True)
class Answer:
    """A status and the bytes of an envelope: what a repeat under an idempotency key gets again."""

    status: int
    body: bytes

    @classmethod
    def success(cls, data: Any, status: int = 200) -> Answer:
        """`{"ok": true, "data": data}`; Decimals become JSON numbers as they are."""
        return cls(status, _encoder.encode({"ok": True, "data": data}))

    @classmethod
    def refusal(cls, refusal: Refusal) -> Answer:
        """The envelope of a refusal."""
        return cls(refusal.status, _encoder.encode(refusal.envelope))

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """The HTTP answer."""
        return Response(self.body, self.status, dict(headers or {}), "application/json")


def read_response(request: Request, data: Any) -> Response:
    """The answer to a read, with a strong ETag; 304 when the caller has it (RFC 9110 §13.1.2)."""
    answer = Answer.success(data)
    tag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if _is_held(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return answer.response(headers)


def _is_held(if_none_match: str | None, tag: str) -> bool:
    held = [part.strip().removeprefix("W/") for part in (if_none_match or "").split(",")]
    return "*" in held or tag in held


async def refused(_request: Request, error: Exception) -> Response:
    """Exception handler for Refusal."""
    assert isinstance(error, Refusal)
    return Answer.refusal(error).response(error.headers)


async def http_refused(_request: Request, error: Exception) -> Response:
    """Exception handler for the router's own 404 and 405."""
    assert isinstance(error, HTTPException)
    refusal = Refusal(error.status_code, error.detail)
    return Answer.refusal(refusal).response(error.headers)
