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
from typing import Any, Final, Literal, Self, TypeVar
from uuid import uuid4

import anyio
import httpx2 as httpx
import msgspec
import structlog

from portal.crm.answers import Answer, read_answer, records_of
from portal.crm.retry import delay_before, may_repeat
from portal.errors import (
    SMApiBusy,
    SMApiError,
    SMApiFault,
    SMApiMalformed,
    SMApiUnauthorized,
    SMApiUnreachable,
)

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
DEADLINE: Final = 8.0
"""Seconds for one whole answer: the timeouts above begin anew with every byte that drips in."""

MOST_ANSWER_BYTES: Final = 32 * 1024 * 1024
POOL: Final = httpx.Limits(max_connections=12, max_keepalive_connections=12)
"""Small on purpose: the pool's bookkeeping grows with its connections."""

_jitter = SystemRandom().random
_encoder = msgspec.json.Encoder(decimal_format="number")
log = structlog.get_logger(__name__)


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
    ) -> None:
        self._observe = observe
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
        return (await self._call("GET", path, params=params)).data

    async def post(
        self, path: str, body: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> Any:
        """The `data` of a POST, sent under an idempotency key so that a repeat is harmless."""
        key = idempotency_key or str(uuid4())
        return (await self._call("POST", path, body=body, idempotency_key=key)).data

    async def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """The `data` of a PATCH. Not repeated when it fails: the caller decides."""
        return (await self._call("PATCH", path, body=body)).data

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
        found: dict[str, dict[str, Any]] = {}
        for page in range(1, MOST_PAGES + 1):
            asked = {**(params or {}), "limit": PAGE_SIZE, "page": page}
            records, is_last = records_of(await self.get(path, asked), PAGE_SIZE, path)
            fresh = {r["id"]: r for r in records if r["id"] not in found}
            if records and not fresh:
                # A list without pages gives the same records again: take it in one large piece.
                whole = await self.get(path, {**(params or {}), "limit": UNPAGED_LIMIT})
                found |= {r["id"]: r for r in records_of(whole, UNPAGED_LIMIT, path)[0]}
                break
            found |= fresh
            if is_last or (most is not None and len(found) >= most):
                break
        return list(found.values())[:most]

    async def fetch_list(
        self, path: str, kind: type[T], params: Params | None = None, *, most: int | None = None
    ) -> tuple[T, ...]:
        """`list`, each record as `kind`; SMApiMalformed when one does not fit."""
        return tuple(decode(r, kind, path) for r in await self.list(path, params, most=most))

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        repeatable = may_repeat(method, has_idempotency_key=idempotency_key is not None)
        attempt = 1
        while True:
            try:
                return await self._observed(method, path, params, body, idempotency_key)
            except (SMApiUnreachable, SMApiBusy, SMApiFault) as error:
                attempt += 1
                retry_after = error.retry_after if isinstance(error, SMApiBusy) else None
                delay = delay_before(attempt, retry_after=retry_after, jitter=_jitter())
                if not repeatable or delay is None:
                    _log_failure(method, path, error)
                    raise
                await self._sleep(delay)
            except SMApiError as error:
                _log_failure(method, path, error)
                raise

    async def _observed(
        self,
        method: str,
        path: str,
        params: Params | None,
        body: Mapping[str, Any] | None,
        idempotency_key: str | None,
    ) -> Answer:
        """`_send`, and tell of it. A call that is given up on this side says nothing of SM API."""
        started = time.perf_counter()
        try:
            answer = await self._send(method, path, params, body, idempotency_key)
        except SMApiError as error:
            self._tell(path, outcome_of(error), started)
            raise
        self._tell(path, "ok", started)
        return answer

    def _tell(self, path: str, outcome: Outcome, started: float) -> None:
        if self._observe is not None:
            self._observe(resource_of(path), outcome, time.perf_counter() - started)

    async def _send(
        self,
        method: str,
        path: str,
        params: Params | None,
        body: Mapping[str, Any] | None,
        idempotency_key: str | None,
    ) -> Answer:
        headers: dict[str, str] = {}
        content: bytes | None = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = _encoder.encode(body)
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        try:
            with anyio.fail_after(self._deadline):
                async with self._http.stream(
                    method, path, params=dict(params or {}), content=content, headers=headers
                ) as response:
                    answered = await _whole_body(response)
        except TimeoutError as error:
            raise SMApiUnreachable(f"no whole answer within {self._deadline:g} s") from error
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


def _log_failure(method: str, path: str, error: SMApiError) -> None:
    log.warning(
        "sm_api_failed", method=method, path=path, error=type(error).__name__, detail=error.detail
    )
