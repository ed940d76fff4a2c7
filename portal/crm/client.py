"""The one way to SM API: service-token headers, deadlines, bounded retries, one error tree.

Usable on its own:

    async with SMApi.from_env() as sm:
        company = await sm.get("/api/companies/co_abc123")
        engagements = await sm.list("/api/engagements", {"company_id": "co_abc123"})
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from random import SystemRandom
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self, TypeVar
from uuid import uuid4

import anyio
import httpx2 as httpx
import msgspec
import structlog

from portal.crm.answers import Answer, read_answer, records_of
from portal.crm.breaker import PROBE_SECONDS, Breaker
from portal.crm.retry import delay_before, may_repeat
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
TIMEOUT: Final = httpx.Timeout(5.0, connect=2.0)
DEADLINE: Final = 4.5
"""Seconds for one whole answer: the timeouts above begin anew with every byte that drips in.

Less than five, so that an SM API that stopped dripping is noticed to be well within them.
"""

MOST_ANSWER_BYTES: Final = 32 * 1024 * 1024
POOL: Final = httpx.Limits(max_connections=12, max_keepalive_connections=12)
"""Small on purpose: the pool's bookkeeping grows with its connections."""

_jitter = SystemRandom().random
_encoder = msgspec.json.Encoder(decimal_format="number")
log = structlog.get_logger(__name__)


class _Call(NamedTuple):
    method: str
    path: str
    params: Params | None
    body: Mapping[str, Any] | None
    idempotency_key: str | None


class Listed(NamedTuple):
    """The records of a list, and the bytes of the answers that they came in."""

    records: list[dict[str, Any]]
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
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={
                "Accept": "application/json",
                "CF-Access-Client-Id": client_id,
                "CF-Access-Client-Secret": client_secret,
                "X-SM-Platform": f"{product}-portal/1.0",
                "X-SM-Product": product,
            },
            timeout=TIMEOUT,
            limits=POOL,
            # One client speaks for everybody: a cookie that one answer sets must not be sent again.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
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
        await self._http.aclose()

    async def get(self, path: str, params: Params | None = None) -> Any:
        """The `data` of a GET. Numbers with a fraction come as Decimal.

        Raises SMApiNotFound on 404, SMApiRejected on another 4xx, another SMApiError when SM API
        cannot be asked.
        """
        return (await self.answer(path, params)).data

    async def answer(self, path: str, params: Params | None = None) -> Answer:
        """As `get`, with the answer's length."""
        return await self._call("GET", path, params=params)

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
        return decode(await self.get(path), kind, path)

    async def list(
        self, path: str, params: Params | None = None, *, most: int | None = None
    ) -> list[dict[str, Any]]:
        """All records of a list, whichever of the two shapes it has (sm-api §1), pages followed.

        `most` stops early once that many are read. A record met twice counts once.
        """
        return (await self.listed(path, params, most=most)).records

    async def listed(
        self, path: str, params: Params | None = None, *, most: int | None = None
    ) -> Listed:
        """As `list`, with the length of the answers."""
        found: dict[str, dict[str, Any]] = {}
        size = 0
        for page in range(1, MOST_PAGES + 1):
            answer = await self.answer(path, {**(params or {}), "limit": PAGE_SIZE, "page": page})
            size += answer.size
            records, is_last = records_of(answer.data, PAGE_SIZE, path)
            fresh = {r["id"]: r for r in records if r["id"] not in found}
            if records and not fresh:
                # A list without pages gives the same records again: take it in one large piece.
                whole = await self.answer(path, {**(params or {}), "limit": UNPAGED_LIMIT})
                size += whole.size
                found |= {r["id"]: r for r in records_of(whole.data, UNPAGED_LIMIT, path)[0]}
                break
            found |= fresh
            if is_last or (most is not None and len(found) >= most):
                break
        return Listed(list(found.values())[:most], size)

    async def fetch_list(
        self, path: str, kind: type[T], params: Params | None = None, *, most: int | None = None
    ) -> tuple[T, ...]:
        """`list`, each record as `kind`; SMApiMalformed when one does not fit."""
        return tuple(decode(r, kind, path) for r in await self.list(path, params, most=most))

    @identified
    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        call = _Call(method, path, params, body, idempotency_key)
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
        headers = {REQUEST_ID_HEADER: request_id(), **told}
        content: bytes | None = None
        if call.body is not None:
            headers["Content-Type"] = "application/json"
            content = _encoder.encode(call.body)
        if call.idempotency_key is not None:
            headers["Idempotency-Key"] = call.idempotency_key
        try:
            with anyio.fail_after(deadline):
                async with self._http.stream(
                    call.method,
                    call.path,
                    params=dict(call.params or {}),
                    content=content,
                    headers=headers,
                ) as response:
                    answered = await _whole_body(response)
        except TimeoutError as error:
            raise SMApiUnreachable(f"no whole answer within {deadline:g} s") from error
        except httpx.HTTPError as error:
            raise SMApiUnreachable(f"{type(error).__name__}: {error}") from error
        return read_answer(response.status_code, response.headers, answered)


async def _whole_body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > MOST_ANSWER_BYTES:
            raise SMApiMalformed(
                f"answered {response.status_code} with more than {MOST_ANSWER_BYTES} bytes"
            )
    return bytes(body)


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
