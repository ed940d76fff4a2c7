"""The one way to SM API: service-token headers, deadlines, bounded retries, one error tree.

Usable on its own:

    async with SMApi.from_env() as sm:
        company = await sm.get("/api/companies/co_abc123")
        engagements = await sm.list("/api/engagements", {"company_id": "co_abc123"})
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from random import SystemRandom
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self, TypeVar
from urllib.parse import quote
from uuid import uuid4

import anyio
import httpx2 as httpx
import msgspec
import structlog

from portal.crm.answers import (
    Answer,
    Read,
    by_id,
    read_answer,
    reads_as,
    reads_list_of,
    records_of,
)
from portal.crm.breaker import PROBE_SECONDS, Breaker
from portal.crm.retry import delay_before, may_repeat
from portal.crm.transport import Connections, OverTransport, Wire
from portal.errors import (
    SMApiBusy,
    SMApiError,
    SMApiFault,
    SMApiMalformed,
    SMApiRejected,
    SMApiUnauthorized,
    SMApiUnreachable,
)
from portal.observe import REQUEST_ID_HEADER, identified, request_id
from portal.tracing import Span, no_span

T = TypeVar("T")
Params = Mapping[str, str | int]
Outcome = Literal["ok", "rejected", "unreachable", "fault", "busy", "unauthorized", "malformed"]
Observe = Callable[[str, Outcome, float], None]
"""Told of each request sent, repeats too: the resource (`invoices`), what came of it, seconds."""

PAGE_SIZE: Final = 100
"""The documented maximum of the paged lists (sm-api §1), which no list refuses."""

MOST_PAGES: Final = 200
UNPAGED_LIMIT: Final = 5000
DEADLINE: Final = 4.5
"""Seconds for one whole answer, however it drips in.

Less than five, so that an SM API that stopped dripping is noticed to be well within them.
"""

_jitter = SystemRandom().random
_plain_path = re.compile(r"[A-Za-z0-9/_.~-]*")
_plain = re.compile(r"[A-Za-z0-9_.~-]*")
_encoder = msgspec.json.Encoder(decimal_format="number")
log = structlog.get_logger(__name__)


class _Call(NamedTuple):
    method: str
    path: str
    params: Params | None
    body: Mapping[str, Any] | None
    idempotency_key: str | None
    read: Read


class Listed(NamedTuple):
    """The records of a list, and the bytes of the answers that they came in.

    Those that could be are of the kind that was asked for; the others are as JSON has them.
    """

    records: list[Any]
    size: int


class SMApi:
    """A client of SM API for one product, server to server (sm-api §3).

    Every call carries the service token, `X-SM-Platform` and `X-SM-Product`. Redirects are never
    followed. Reads are repeated on transport errors, 429 and 5xx; writes only with an idempotency
    key, which `post` makes when none is given.
    """

    def __init__(
        self,
        base_url: str,
        *,
        client_id: str,
        client_secret: str,
        product: str,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        deadline: float = DEADLINE,
        observe: Observe | None = None,
        breaker: Breaker | None = None,
        span: Span = no_span,
    ) -> None:
        self._span = span
        self._observe = observe
        self._breaker = breaker or Breaker()
        self._sleep = sleep
        self._deadline = deadline
        headers = [
            ("Accept", "application/json"),
            ("User-Agent", f"{product}-portal/1.0"),
            ("CF-Access-Client-Id", client_id),
            ("CF-Access-Client-Secret", client_secret),
            ("X-SM-Platform", f"{product}-portal/1.0"),
            ("X-SM-Product", product),
        ]
        self._wire: Wire = (
            Connections(base_url, headers)
            if transport is None
            else OverTransport(transport, base_url, headers)
        )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """A client from `SM_API_URL`, `SM_API_CLIENT_ID`, `SM_API_CLIENT_SECRET` and `PRODUCT`.

        Raises KeyError naming the first that is missing; the URL defaults to production's.
        """
        return cls(
            environ.get("SM_API_URL", "https://api.sprintmode.ai"),
            client_id=environ["SM_API_CLIENT_ID"],
            client_secret=environ["SM_API_CLIENT_SECRET"],
            product=environ.get("PRODUCT", "mode"),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; calls after this raise."""
        await self._wire.close()

    async def get(self, path: str, params: Params | None = None) -> Any:
        """The `data` of a GET. Numbers with a fraction come as Decimal.

        Raises SMApiNotFound on 404, SMApiRejected on another 4xx, another SMApiError when SM API
        cannot be asked.
        """
        return (await self.answer(path, params)).data

    async def answer(
        self, path: str, params: Params | None = None, *, read: Read = read_answer
    ) -> Answer:
        """As `get`, with the answer's length; `read` may make more of it (`crm.answers`)."""
        return await self._call("GET", path, params=params, read=read)

    async def record(self, path: str, kind: type[T]) -> tuple[T, int]:
        """One record as `kind`, and the answer's length in bytes. Raises like `fetch`."""
        answer = await self.answer(path, read=reads_as(kind))  # type: ignore[arg-type] # hashable
        return as_kind(answer.data, kind, path), answer.size

    async def post(
        self, path: str, body: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> Any:
        """The `data` of a POST, sent under an idempotency key so that a repeat is harmless."""
        key = idempotency_key or str(uuid4())
        return (await self._call("POST", path, body=body, idempotency_key=key)).data

    async def patch(
        self, path: str, body: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> Any:
        """The `data` of a PATCH. Repeated when it fails only under an idempotency key."""
        return (await self._call("PATCH", path, body=body, idempotency_key=idempotency_key)).data

    async def check(self) -> None:
        """Ask for next to nothing, to learn whether SM API answers us. Raises SMApiError."""
        await self.get("/api/contacts", {"limit": 1})

    async def fetch(self, path: str, kind: type[T]) -> T:
        """One record as `kind`. Raises like `get`, and SMApiMalformed when it does not fit."""
        return (await self.record(path, kind))[0]

    async def list(
        self, path: str, params: Params | None = None, *, most: int | None = None
    ) -> list[dict[str, Any]]:
        """All records of a list, whichever of the two shapes it has (sm-api §1), pages followed.

        `most` stops early once that many are read. A record met twice counts once.
        """
        return (await self.listed(path, params, most=most)).records

    async def listed(
        self,
        path: str,
        params: Params | None = None,
        *,
        most: int | None = None,
        kind: type[Any] | None = None,
    ) -> Listed:
        """As `list`, with the length of the answers; records that fit `kind` at once are that."""
        read: Read = read_answer
        if kind is not None:
            read = reads_list_of(kind)  # type: ignore[arg-type] # classes are hashable
        found: dict[str, Any] = {}
        size = 0
        for page in range(1, MOST_PAGES + 1):
            asked = {**(params or {}), "limit": PAGE_SIZE, "page": page}
            answer = await self.answer(path, asked, read=read)
            size += answer.size
            records, is_last = records_of(answer.data, PAGE_SIZE, path)
            fresh = by_id(records)
            for known in found.keys() & fresh.keys():
                del fresh[known]
            if records and not fresh:
                # A list without pages gives the same records again: take it in one large piece.
                asked = {**(params or {}), "limit": UNPAGED_LIMIT}
                whole = await self.answer(path, asked, read=read)
                size += whole.size
                records, _ = records_of(whole.data, UNPAGED_LIMIT, path)
                found |= by_id(records)
                break
            found |= fresh
            if is_last or (most is not None and len(found) >= most):
                break
        return Listed(list(found.values())[:most], size)

    async def fetch_list(
        self, path: str, kind: type[T], params: Params | None = None, *, most: int | None = None
    ) -> tuple[T, ...]:
        """`list`, each record as `kind`; SMApiMalformed when one does not fit."""
        listed = await self.listed(path, params, most=most, kind=kind)
        return tuple(as_kind(record, kind, path) for record in listed.records)

    @identified
    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        read: Read = read_answer,
    ) -> Answer:
        call = _Call(method, path, params, body, idempotency_key, read)
        repeatable = may_repeat(method, has_idempotency_key=idempotency_key is not None)
        attempt = 1
        while True:
            was_probe = self._breaker.admit()
            try:
                answer = await self._observed(call, PROBE_SECONDS if was_probe else self._deadline)
            except SMApiError as error:
                attempt += 1
                delay = _delay(error, attempt) if repeatable and not was_probe else None
                self._note_failure(error, was_probe=was_probe, is_last=delay is None)
                if delay is None:
                    _log_failure(call, error)
                    raise
                await self._sleep(delay)
            except BaseException:
                self._breaker.abandoned(was_probe=was_probe)
                raise
            else:
                self._breaker.succeeded()
                return answer

    def _note_failure(self, error: SMApiError, *, was_probe: bool, is_last: bool) -> None:
        """Tell the breaker. A refusal is an answer like any other.

        A fault counts once however often the call is repeated: it may be about this call alone.
        """
        if isinstance(error, SMApiRejected):
            self._breaker.succeeded()
        elif is_last or not isinstance(error, SMApiFault):
            self._breaker.failed(was_probe=was_probe, retry_after=retry_after_of(error))

    async def _observed(self, call: _Call, deadline: float) -> Answer:
        """`_send`, and tell of it. A call that is given up on this side says nothing of SM API."""
        started = time.perf_counter()
        try:
            with self._span(call.method, resource_of(call.path)) as told:
                answer = await self._send(call, deadline, told)
        except SMApiError as error:
            self._tell(call.path, outcome_of(error), started)
            raise
        self._tell(call.path, "ok", started)
        return answer

    def _tell(self, path: str, outcome: Outcome, started: float) -> None:
        if self._observe is not None:
            self._observe(resource_of(path), outcome, time.perf_counter() - started)

    async def _send(self, call: _Call, deadline: float, told: Mapping[str, str]) -> Answer:
        headers = [(REQUEST_ID_HEADER, request_id()), *told.items()]
        body: bytes | None = None
        if call.body is not None:
            headers.append(("Content-Type", "application/json"))
            body = _encoder.encode(call.body)
        if call.idempotency_key is not None:
            headers.append(("Idempotency-Key", call.idempotency_key))
        target = target_of(call.path, call.params)
        try:
            async with asyncio.timeout(deadline):
                answered = await self._wire.exchange(call.method, target, headers, body)
        except TimeoutError as error:
            raise SMApiUnreachable(f"no whole answer within {deadline:g} s") from error
        return call.read(*answered)


def target_of(path: str, params: Params | None) -> str:
    """Path and query as they are sent; what is not plain is percent-encoded."""
    target = path if _plain_path.fullmatch(path) else quote(path)
    if not params:
        return target
    query = "&".join(f"{name}={_encoded(str(value))}" for name, value in params.items())
    return f"{target}?{query}"


def _encoded(value: str) -> str:
    """A value for a query. Looked at first: nearly all are plain, which halves the cost."""
    return value if _plain.fullmatch(value) else quote(value, safe="")


def as_kind(record: Any, kind: type[T], path: str) -> T:
    """`decode`, unless it is of this kind already."""
    return record if isinstance(record, kind) else decode(record, kind, path)


def decode(record: Any, kind: type[T], path: str) -> T:
    """A CRM record as one of our structs. Nulls take the field's default; unlisted fields drop.

    Raises SMApiMalformed when a listed field has a value that does not fit.
    """
    try:
        return msgspec.convert(_without_nulls(record), kind, strict=False)
    except msgspec.ValidationError as error:
        raise SMApiMalformed(f"{path}: a {kind.__name__} does not fit: {error}") from error


def resource_of(path: str) -> str:
    """The resource that a path of SM API is about: `invoices` of `/api/invoices/inv_1`."""
    return path.removeprefix("/api/").partition("/")[0]


def retry_after_of(error: SMApiError) -> float | None:
    """How long SM API asks not to be asked again, in seconds, where it says so."""
    return error.retry_after if isinstance(error, SMApiBusy) else None


def outcome_of(error: SMApiError) -> Outcome:
    """The word for an error of the tree in `portal.errors`."""
    match error:
        case SMApiUnreachable():
            return "unreachable"
        case SMApiFault():
            return "fault"
        case SMApiBusy():
            return "busy"
        case SMApiUnauthorized():
            return "unauthorized"
        case SMApiMalformed():
            return "malformed"
    return "rejected"


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(v) for v in value]
    return value


def _delay(error: SMApiError, attempt: int) -> float | None:
    """Seconds to wait before this attempt; None: the error is not one that passes."""
    if not isinstance(error, SMApiUnreachable | SMApiBusy | SMApiFault):
        return None
    return delay_before(attempt, retry_after=retry_after_of(error), jitter=_jitter())


def _log_failure(call: _Call, error: SMApiError) -> None:
    log.warning(
        "sm_api_failed",
        method=call.method,
        path=call.path,
        error=type(error).__name__,
        detail=error.detail,
    )
