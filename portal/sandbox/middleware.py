"""Around every request: an id for it, and an envelope even for what nobody foresaw."""

from __future__ import annotations

import re
from typing import Final
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.sandbox.envelope import Answer, Refusal

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)

log = structlog.get_logger("portal.sandbox")


class RequestId:
    """Gives each answer `X-Request-Id`: the caller's when it looks like one, else a new one.

    An exception that no handler took is logged and answered with a 500 envelope.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = Headers(scope=scope).get("x-request-id", "")
        request_id = sent if REQUEST_ID.fullmatch(sent) else uuid4().hex
        started = False

        async def tag(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, tag)
        except ClientDisconnect:
            log.info("sandbox_caller_left", request_id=request_id, path=scope["path"])
        except Exception:
            log.exception("sandbox_failed", request_id=request_id, path=scope["path"])
            if started:
                raise
            answer = Answer.refusal(Refusal(500, "Internal error"))
            await answer.response()(scope, receive, tag)
