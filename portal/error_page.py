"""The one error page and the one error envelope, for every error of the tree."""

from __future__ import annotations

from functools import partial
from typing import Final
from urllib.parse import quote, urlencode

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.auth.cookies import clear_session
from portal.auth.csrf import SAFE_METHODS
from portal.env import env_of
from portal.errors import (
    AccessRemoved,
    BadInput,
    FieldNotAllowed,
    GoogleUnavailable,
    NotFound,
    PortalError,
    PreviewEnded,
    ProductMissing,
    SignInNeeded,
    SMApiError,
    StateUnavailable,
)
from portal.submitted import wants_json
from portal.templating import Templates, render
from portal.words import msgid

HOME: Final = (msgid("Go to the start page"), "/")
AGAIN: Final = (msgid("Sign in again"), "/auth/login")

log = structlog.get_logger(__name__)


def error_response(request: Request, error: PortalError) -> Response:
    """The answer an error becomes: a way to sign in, the JSON envelope, or the error page."""
    if isinstance(error, GoogleUnavailable):
        log.warning("google_unavailable", detail=error.detail)
    if isinstance(error, StateUnavailable):
        log.warning("state_unavailable", detail=error.detail)
    if isinstance(error, SignInNeeded) and not wants_json(request):
        return _to_login(request)
    response = _envelope(error) if wants_json(request) else _page(request, error)
    if isinstance(error, SMApiError | StateUnavailable):
        response.headers["Retry-After"] = "30"
    if isinstance(error, _HttpRefusal):
        response.headers.update(error.headers)
    response.headers["Cache-Control"] = "no-store"
    return response


def _to_login(request: Request) -> Response:
    """Send the person to sign in and back; a session that does not count is taken away."""
    where = quote(request.url.path) + (f"?{request.url.query}" if request.url.query else "")
    asked = request.method in SAFE_METHODS and where != "/"
    query = f"?{urlencode({'redirect': where})}" if asked else ""
    response = RedirectResponse(
        f"/auth/login{query}", status_code=302 if request.method in SAFE_METHODS else 303
    )
    if request.headers.get("cookie"):
        clear_session(response, env_of(request).settings)
    response.headers["Cache-Control"] = "no-store"
    return response


def _envelope(error: PortalError) -> Response:
    body: dict[str, object] = {"ok": False, "error": error.message}
    if isinstance(error, ProductMissing | AccessRemoved):
        body["reason"] = "not_authorized"
    if isinstance(error, BadInput | FieldNotAllowed) and error.field:
        body["field"] = error.field
    return JSONResponse(body, status_code=error.status)


def _page(request: Request, error: PortalError) -> Response:
    templates: Templates = request.app.state.templates
    say = partial(templates.say, request)
    return render(
        request,
        "error.html",
        {
            "status": error.status,
            "title": say(error.title),
            "message": say(error.message_id, error.values),
            "request_id": getattr(request.state, "request_id", None),
            "signed_in_as": getattr(request.state, "signed_in_as", None),
            "actions": [(say(label), href) for label, href in _actions(request, error)],
            "leave_preview": isinstance(error, PreviewEnded),
        },
        status_code=error.status,
    )


def _actions(request: Request, error: PortalError) -> list[tuple[str, str]]:
    if isinstance(error, ProductMissing | AccessRemoved | PreviewEnded):
        return []
    if getattr(request.state, "signed_in_as", None):
        return [HOME]
    return [AGAIN]


def from_http(error: HTTPException) -> PortalError:
    """Starlette's own refusals (no such route, wrong method) in terms of our tree."""
    if error.status_code == 404:
        return NotFound()
    return _HttpRefusal(error)


class _HttpRefusal(PortalError):
    """A refusal of Starlette's that our tree has no name for; `headers` hold `Allow`."""

    title = msgid("That did not work")

    def __init__(self, refused: HTTPException) -> None:
        super().__init__(refused.detail)
        self.status = refused.status_code  # type: ignore[misc] # the code that Starlette chose
        self.headers = dict(refused.headers or {})


class ErrorPages:
    """Turns whatever is raised inside into an answer. Unforeseen errors are logged whole."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and answer for whatever it raises before an answer has begun."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            if started:
                raise
            response = error_response(Request(scope, receive), _known(error))
            await response(scope, receive, send)


def _known(error: Exception) -> PortalError:
    if isinstance(error, PortalError):
        return error
    if isinstance(error, HTTPException):
        return from_http(error)
    log.exception("unforeseen_error", error=type(error).__name__)
    return PortalError()
