"""The stand-in over HTTP: discovery, account chooser, token, keys, and the switch of its faults."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from portal.sandbox.auth.pages import sign_in_page
from portal.sandbox.auth.submitted import read_form
from portal.sandbox.body import parse_object, read_body
from portal.sandbox.config import SandboxConfig
from portal.sandbox.demo import DEMO_PEOPLE
from portal.sandbox.envelope import Answer, invalid
from portal.sandbox.google.authorization import Asked, NotShowable, SentBack
from portal.sandbox.google.misbehaviour import Misbehaviour
from portal.sandbox.google.provider import GoogleStandIn
from portal.sandbox.validation import EMAIL

LONGEST_WAIT: Final = 120
LONGEST_EMAIL: Final = 254
NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def routes() -> list[BaseRoute]:
    """All under `/google`."""
    return [
        Route("/google/.well-known/openid-configuration", discovery, methods=["GET"]),
        Route("/google/auth", authorize, methods=["GET", "POST"]),
        Route("/google/token", token, methods=["POST"]),
        Route("/google/certs", certs, methods=["GET"]),
        Route("/google/misbehave", misbehave, methods=["GET", "POST"]),
        Route("/google/rotate", rotate, methods=["POST"]),
    ]


def google_of(request: Request) -> GoogleStandIn:
    """The app's provider."""
    google: GoogleStandIn = request.app.state.google
    return google


async def discovery(request: Request) -> Response:
    """The discovery document."""
    return JSONResponse(google_of(request).discovery())


async def certs(request: Request) -> Response:
    """The JWK set."""
    return JSONResponse(google_of(request).keys.published())


async def authorize(request: Request) -> Response:
    """GET: the accounts to choose from. POST: the choice, or the cancel button."""
    google = google_of(request)
    try:
        asked = google.read(request.query_params)
    except NotShowable as refusal:
        shown = {"error": refusal.error, "message": str(refusal)}
        return sign_in_page("google/refused.html", shown, 400)
    except SentBack as refusal:
        return _sent(refusal.location)
    if request.method != "POST":
        return _chooser(request, asked)
    form = await read_form(request)
    if "cancel" in form:
        return _sent(asked.refusal("access_denied", "The person cancelled"))
    email = form.get("email", "").strip()
    if not EMAIL.fullmatch(email) or len(email) > LONGEST_EMAIL:
        return _chooser(request, asked, typed=email)
    return _sent(google.choose(asked, email))


async def token(request: Request) -> Response:
    """The token endpoint; its answers are RFC 6749's and not the envelope's."""
    form = await read_form(request)
    answer = await google_of(request).exchange(form, request.headers.get("authorization"))
    if isinstance(answer.content, str):
        return HTMLResponse(answer.content, answer.status, NO_STORE)
    headers = {**NO_STORE, "WWW-Authenticate": "Basic"} if answer.status == 401 else NO_STORE
    return JSONResponse(answer.content, answer.status, headers)


async def misbehave(request: Request) -> Response:
    """POST `{mode, seconds?}`: be wrong in that way from now on. GET: how, and the ways."""
    google = google_of(request)
    if request.method == "POST":
        body = parse_object(await read_body(request))
        google.mode, google.seconds = _mode(body.get("mode")), _seconds(google, body)
    data = {
        "mode": google.mode.value,
        "seconds": google.seconds,
        "modes": [mode.value for mode in Misbehaviour],
    }
    return Answer.success(data).response()


async def rotate(request: Request) -> Response:
    """Sign with a new key from now on."""
    return Answer.success({"kid": google_of(request).keys.rotate().kid}).response()


def _chooser(request: Request, asked: Asked, typed: str = "") -> Response:
    context = {
        "people": DEMO_PEOPLE,
        "application": asked.application,
        "action": f"/google/auth?{request.url.query}",
        "typed": typed,
    }
    status = 422 if typed else 200
    return sign_in_page("google/chooser.html", context, status, leads_to=_origins(request))


def _origins(request: Request) -> tuple[str, ...]:
    """Where the form can end: the callback, and the portal that the callback sends people on to."""
    config: SandboxConfig = request.app.state.config
    return tuple(sorted(config.trusted_origins))


def _sent(location: str) -> Response:
    return RedirectResponse(location, 303, headers=NO_STORE)


def _mode(sent: Any) -> Misbehaviour:
    try:
        return Misbehaviour(sent)
    except ValueError:
        raise invalid("mode", f"must be one of {', '.join(Misbehaviour)}") from None


def _seconds(google: GoogleStandIn, body: dict[str, Any]) -> float:
    try:
        seconds = msgspec.convert(body.get("seconds", google.seconds), float, strict=False)
    except msgspec.ValidationError:
        raise invalid("seconds", "must be a number") from None
    if not 0 <= seconds <= LONGEST_WAIT:
        raise invalid("seconds", f"must be 0 to {LONGEST_WAIT}")
    return seconds
