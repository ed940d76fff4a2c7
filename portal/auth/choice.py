"""One address at several clients: after proving the address, the person chooses the company."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Final

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.auth.redirects import local_path
from portal.auth.sign_in import Method, hand_over, start_session
from portal.crm.models import Contact
from portal.env import Env, env_of
from portal.errors import SignInNeeded
from portal.settings import Settings
from portal.submitted import submitted
from portal.templating import render

COOKIE: Final = "portal_choice"
LIFETIME: Final = 300
"""Seconds to choose in."""

SPENT: Final = "choice:"


def offer_companies(
    request: Request, env: Env, allowed: Sequence[Contact], redirect: str, method: Method
) -> Response:
    """Ask which company; what was proved waits in a signed cookie that works once."""
    response = render(
        request,
        "auth/choose_company.html",
        {
            "options": [
                (c.id, c.company_name or c.company_id, c.portal_role or "") for c in allowed
            ],
            "redirect": redirect,
        },
    )
    proof = {
        "id": secrets.token_hex(16),
        "contacts": [c.id for c in allowed],
        "email": allowed[0].email,
        "redirect": redirect,
        "method": method,
    }
    value = _serializer(env.settings).dumps(proof)
    response.set_cookie(
        COOKIE,
        value if isinstance(value, str) else value.decode(),
        max_age=LIFETIME,
        path="/auth",
        secure=env.settings.session_cookie_secure,
        httponly=True,
        samesite="lax",
    )
    return response


async def choose_company(request: Request) -> Response:
    """POST /auth/choose-company `{contact_id}`: signs in as one of the contacts that were offered.

    Raises SignInNeeded when the proof is missing, too old, used, or names another contact.
    """
    env = env_of(request)
    proof = _read(request, env.settings)
    chosen = (await submitted(request)).get("contact_id")
    if chosen not in proof["contacts"]:
        raise SignInNeeded
    allowed = await env.contacts.allowed_with_address(proof["email"])
    contact = next((c for c in allowed if c.id == chosen), None)
    if contact is None or not await env.state.add(SPENT + proof["id"], b"1", ttl=LIFETIME):
        raise SignInNeeded
    made = await start_session(env, request, contact, proof["method"])
    response = RedirectResponse(local_path(proof["redirect"]), status_code=303)
    response.delete_cookie(COOKIE, path="/auth")
    return hand_over(response, made, env)


def _read(request: Request, settings: Settings) -> dict[str, Any]:
    try:
        proof = _serializer(settings).loads(request.cookies.get(COOKIE, ""), max_age=LIFETIME)
    except BadData as error:
        raise SignInNeeded from error
    assert isinstance(proof, dict)
    return proof


def _serializer(settings: Settings) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(list(reversed(settings.session_secrets)), salt="portal.choice")
