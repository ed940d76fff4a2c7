"""One address at several clients: after proving the address, the person chooses the company."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.auth.redirects import local_path
from portal.auth.sign_in import Method, Subject, hand_over, start_session
from portal.auth.signed_cookie import SignedCookie
from portal.crm.models import Contact
from portal.env import Env, env_of
from portal.errors import SignInNeeded
from portal.submitted import submitted
from portal.templating import render

COOKIE: Final = SignedCookie("portal_choice", lifetime=300, purpose="choice")
"""It gives five minutes to choose in."""

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
    COOKIE.put(response, proof, env)
    return response


async def choose_company(request: Request) -> Response:
    """POST /auth/choose-company `{contact_id}`: signs in as one of the contacts that were offered.

    Raises SignInNeeded when the proof is missing, too old, used, or names another contact.
    """
    env = env_of(request)
    proof: dict[str, Any] | None = COOKIE.read(request, env)
    if proof is None:
        raise SignInNeeded
    chosen = (await submitted(request)).get("contact_id")
    if chosen not in proof["contacts"]:
        raise SignInNeeded
    allowed = await env.contacts.allowed_with_address(proof["email"])
    contact = next((c for c in allowed if c.id == chosen), None)
    if contact is None or not await env.state.add(SPENT + proof["id"], b"1", ttl=COOKIE.lifetime):
        raise SignInNeeded
    token = await start_session(env, request, Subject.of(contact), proof["method"])
    response = RedirectResponse(local_path(proof["redirect"]), status_code=303)
    COOKIE.clear(response, env.settings)
    return hand_over(response, token, env)
