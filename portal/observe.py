"""What an operator sees: one structured line a request, under a request id, without secrets."""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache, wraps
from typing import Any, Final, ParamSpec, TextIO, TypeVar, cast

import msgspec
import structlog
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.gathered_lines import GatheredLines
from portal.raw_headers import value_of

P = ParamSpec("P")
T = TypeVar("T")

REQUEST_ID_HEADER: Final = "X-Request-Id"
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
TOKEN_IN_PATH: Final = re.compile(r"(?<=/feed/).+", re.IGNORECASE | re.DOTALL)
"""Calendar programs can be given nothing but an address, so their token is in it, even in one that
was copied wrongly."""

ID_NAME: Final = REQUEST_ID_HEADER.lower().encode()

QUIET_PATHS: Final = ("/static/", "/healthz", "/readyz", "/metrics")
NO_ROUTE: Final = "none"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD: Final = "other"

Count = Callable[[str, str, int, float], None]
"""Told of each request that is over: its route's name, method, status and seconds."""

log = structlog.get_logger("portal.request")


def configure_logging(*, json_lines: bool, into: TextIO | None = None) -> None:
    """Send log lines to standard error: JSON in production, readable text on a terminal.

    Loggers that were used before keep going to standard error; with `into`, all of them follow.
    """
    renderer: structlog.typing.Processor = (
        _json_line
        if json_lines
        else structlog.dev.ConsoleRenderer(
            colors=False,
            pad_event_to=24,
            # The default shows local variables, and tokens are among them.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(into or _standard_error(json_lines)),
        cache_logger_on_first_use=into is None,
    )


def _standard_error(json_lines: bool) -> TextIO:
    """Standard error; a server's lines are gathered."""
    return cast(TextIO, GatheredLines(sys.stderr)) if json_lines else sys.stderr


class RequestLog:
    """Gives each request an id, logs its outcome and has it counted.

    Never the query: tokens travel there.
    """

    def __init__(self, app: ASGIApp, count: Count | None = None) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its id; log it once it is over, however it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = id_for(value_of(scope["headers"], ID_NAME))
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500
        started = time.perf_counter()

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (ID_NAME, request_id.encode())]
            await send(message)

        # A third of what `bound_contextvars` takes, which looks up and binds what stood before.
        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, note)
        finally:
            seconds = time.perf_counter() - started
            if self._count is not None:
                self._count(route_name(scope), method_name(scope), status, seconds)
            if not scope["path"].startswith(QUIET_PATHS):
                log_request(scope["method"], without_token(scope["path"]), status, seconds)
            structlog.contextvars.reset_contextvars(**bound)


def _bound_id() -> ContextVar[str]:
    """The variable in which structlog keeps the id, which it names in what it gives for undoing."""
    token = structlog.contextvars.bind_contextvars(request_id="")["request_id"]
    token.var.reset(token)
    return token.var


# Read straight: structlog's own way goes through every variable there is, six times a cold page.
_id: Final = _bound_id()


def request_id() -> str:
    """The id that work goes on under: of the request that it is for, wherever it has got to.

    Inside `identified` there always is one; elsewhere it may be new each time.
    """
    bound = _id.get(None)
    return bound if isinstance(bound, str) else secrets.token_hex(16)


def identified(work: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The same work, under an id of its own where it is for no request: in the background."""

    @wraps(work)
    async def under_an_id(*args: P.args, **kwargs: P.kwargs) -> T:
        if isinstance(_id.get(None), str):
            return await work(*args, **kwargs)
        with structlog.contextvars.bound_contextvars(request_id=request_id()):
            return await work(*args, **kwargs)

    return under_an_id


def route_name(scope: Scope) -> str:
    """The name of the route that a request came to; `none` when it came to none.

    A request that was refused on its way, by the gate or before it, came to none.
    """
    route = scope.get("route")
    if isinstance(route, Mount) and route.routes:
        # Nothing in it matched, or the route in it would stand here.
        return NO_ROUTE
    return getattr(route, "name", None) or NO_ROUTE


def method_name(scope: Scope) -> str:
    """The request's method; `other` for what a caller may have made up."""
    method: str = scope["method"]
    return method if method in METHODS else OTHER_METHOD


def without_token(path: str) -> str:
    """The path as it may be written down."""
    return TOKEN_IN_PATH.sub("…", path)


def log_request(
    method: str, path: str, status: int, seconds: float, request_id: str | None = None
) -> None:
    """Log that a request is over. `request_id`: where nothing is bound to it.

    As JSON its line is written straight: by way of structlog it takes more than twice as long.
    """
    fields: dict[str, Any] = {
        **structlog.contextvars.get_contextvars(),
        "method": method,
        "path": path,
        "status": status,
        "ms": round(seconds * 1000, 1),
    }
    if request_id is not None:
        fields["request_id"] = request_id
    config = structlog.get_config()
    if config["processors"][-1] is not _json_line:
        log.info("request", **fields)
        return
    at = f"{datetime.now(UTC).isoformat(timespec='microseconds')[:-6]}Z"
    fields |= {"event": "request", "level": "info", "timestamp": at}
    _lines(config["logger_factory"]).info(_json_line(None, "info", fields))


@lru_cache(maxsize=1)
def _lines(factory: Callable[[], structlog.WriteLogger]) -> structlog.WriteLogger:
    return factory()


def id_for(sent: bytes) -> str:
    """The caller's id when it looks like one, so that traces join up; else a new one."""
    if sent and REQUEST_ID.fullmatch(sent.decode("latin-1")):
        return sent.decode("latin-1")
    return os.urandom(16).hex()


def _json_line(_logger: object, _name: str, event: structlog.typing.EventDict) -> str:
    """The line of an event, in ASCII: nothing that a path holds can end a line or begin another.

    `msgspec` writes it in 1 µs, `json` in 7; but it escapes no more than it must.
    """
    try:
        line = msgspec.json.encode(event, enc_hook=repr).decode()
    except (ValueError, TypeError, OverflowError):
        line = ""
    return (
        line if line and line.isascii() else json.dumps(event, default=repr, separators=(",", ":"))
    )
