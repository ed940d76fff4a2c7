"""GET /auth/sso/google and its callback: to the Google stand-in and back (sm-api §5)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.sandbox.auth.attempts import (
    Attempt,
    remember,
    resume_attempt,
    start_attempt,
    state_of,
)
from portal.sandbox.auth.cookies import SLUG
from portal.sandbox.auth.google_identity import Expected, Identity, NotBelieved, read_identity
from portal.sandbox.auth.pages import sign_in_page
from portal.sandbox.auth.people import Contact, best_of, contacts_with_address
from portal.sandbox.auth.redirects import redirect_or_default
from portal.sandbox.auth.sign_in import hand_over, record_sign_in, session_secret
from portal.sandbox.config import SandboxConfig
from portal.sandbox.google.authorization import CALLBACK
from portal.sandbox.google.codes import s256
from portal.sandbox.google.provider import GoogleStandIn
from portal.sandbox.resources import CONTACTS
from portal.sandbox.scope import EVERYTHING
from portal.sandbox.store import Store
from portal.sandbox.write import create_record

LONGEST_SAID: Final = 300


async def start(request: Request) -> Response:
    """Send the person to choose an account; `redirect` and `product` travel in `state`."""
    config, google = _config(request), _google(request)
    secret, query = session_secret(config), request.query_params
    product = query.get("product", "")
    attempt = start_attempt(
        request,
        redirect_or_default(query.get("redirect"), config),
        product if SLUG.fullmatch(product) else None,
    )
    asked = {
        "client_id": google.hub.id,
        "redirect_uri": config.origin + CALLBACK,
        "response_type": "code",
        "scope": "openid email profile",
        "state": state_of(attempt, secret),
        "nonce": attempt.nonce,
        "code_challenge": s256(attempt.verifier),
        "code_challenge_method": "S256",
        "prompt": "select_account",
    }
    response = RedirectResponse(f"{google.issuer}/auth?{urlencode(asked)}", 302)
    response.headers["Cache-Control"] = "no-store"
    remember(response, attempt, config)
    return response


async def callback(request: Request) -> Response:
    """Sign in whom Google vouches for; who is no contact yet becomes one, without access."""
    config, query = _config(request), request.query_params
    attempt = resume_attempt(request, query.get("state", ""), session_secret(config))
    if attempt is None:
        return _refused(NotBelieved("This sign-in was started elsewhere, or too long ago."))
    try:
        identity = await _identity(request, attempt)
    except NotBelieved as refusal:
        return _refused(refusal)
    store: Store = request.app.state.store
    with store.writing() as connection:
        contact = _known_or_new(connection, store, identity, attempt.product)
        record_sign_in(connection, store, contact, "Google")
    # The state was signed, and the configuration may have changed since.
    where = redirect_or_default(attempt.redirect, config)
    return hand_over(RedirectResponse(where, 302), request, contact)


async def _identity(request: Request, attempt: Attempt) -> Identity:
    """Exchange the code, with the very function that the token endpoint uses."""
    config, google, query = _config(request), _google(request), request.query_params
    if "error" in query:
        raise _provider_error(query.get("error_description") or query["error"])
    form = {
        "grant_type": "authorization_code",
        "code": query.get("code", ""),
        "redirect_uri": config.origin + CALLBACK,
        "client_id": google.hub.id,
        "client_secret": google.hub.secret,
        "code_verifier": attempt.verifier,
    }
    answer = await google.exchange(form, None)
    if isinstance(answer.content, str):
        raise NotBelieved("Google cannot be reached just now. Please try again later.")
    if answer.status != 200:
        raise _provider_error(answer.content.get("error_description", ""))
    now = request.app.state.store.clock().timestamp()
    expected = Expected(google.issuer, google.hub.id, attempt.nonce, now)
    return read_identity(answer.content.get("id_token"), google.keys.published(), expected)


def _refused(refusal: NotBelieved) -> Response:
    shown = {"message": str(refusal), "said": refusal.said}
    return sign_in_page("auth/refused.html", shown, 403)


def _provider_error(said: str) -> NotBelieved:
    return NotBelieved("Google did not sign you in.", said[:LONGEST_SAID] or None)


def _known_or_new(
    connection: Connection, store: Store, identity: Identity, product: str | None
) -> Contact:
    """The contact with this whole address, else a new one without access (sm-api §16, 23)."""
    known = best_of(contacts_with_address(connection, identity.email), product)
    if known is not None:
        return known
    new = {"email": identity.email, "full_name": identity.name, "source": "google_sso"}
    return create_record(connection, CONTACTS, EVERYTHING, new, store.now())


def _config(request: Request) -> SandboxConfig:
    config: SandboxConfig = request.app.state.config
    return config


def _google(request: Request) -> GoogleStandIn:
    google: GoogleStandIn = request.app.state.google
    return google
