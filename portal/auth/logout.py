"""Signing out: the token is ended, not only the cookie, so that copies of it die too."""

from __future__ import annotations

from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from portal.activity.outbox import Activity
from portal.auth.cookies import clear_session
from portal.auth.csrf import comes_from_platform
from portal.auth.gate import who_of
from portal.auth.revocation import Revocations
from portal.auth.session import Session
from portal.auth.sign_in import end_presented_sessions
from portal.auth.sign_ins import SignIns
from portal.crm.models import Contact
from portal.env import Env, env_of
from portal.errors import CrossSite, SMApiError
from portal.submitted import wants_json

AFTER: Final = "/auth/login"

log = structlog.get_logger(__name__)


async def logout(request: Request) -> Response:
    """POST /auth/logout, or GET from one of the platform's pages: ends this session everywhere.

    HEAD, which only asks about a page, ends nothing.
    """
    env = env_of(request)
    if request.method != "POST" and not comes_from_platform(request.headers):
        raise CrossSite
    if request.method == "HEAD":
        return RedirectResponse(AFTER, status_code=303)
    ended = await end_presented_sessions(env, request)
    if ended is not None:
        contact = await _contact_of(env, ended)
        log.info("signed_out", contact_id=contact.id if contact else ended.claims.id)
        await env.outbox.record(
            Activity(
                activity_type="portal_logout",
                title="Signed out of the portal",
                contact_id=contact.id if contact else None,
                company_id=contact.company_id if contact else None,
            )
        )
    return _goodbye(request)


async def logout_everywhere(request: Request) -> Response:
    """POST /auth/logout-everywhere: ends every session of whoever is signed in; gated."""
    env, who = env_of(request), who_of(request)
    await Revocations(env.state).end_all(who.subject, env.clock())
    await SignIns(env.state).forget_all(who.subject)
    await end_presented_sessions(env, request)
    log.info("signed_out", contact_id=who.subject, everywhere=True)
    contact = who.contact
    await env.outbox.record(
        Activity(
            activity_type="portal_logout",
            title="Signed out of the portal on every device",
            contact_id=contact.id if contact else None,
            company_id=contact.company_id if contact else None,
            metadata={"everywhere": True},
        )
    )
    return _goodbye(request)


async def _contact_of(env: Env, session: Session) -> Contact | None:
    """Whose session it was; None when the CRM does not know them, or cannot be asked now."""
    try:
        return await env.contacts.of_session(session.claims.id, session.claims.email)
    except SMApiError:
        return None


def _goodbye(request: Request) -> Response:
    settings = env_of(request).settings
    response: Response = (
        JSONResponse({"ok": True})
        if wants_json(request) and request.method == "POST"
        else RedirectResponse(AFTER, status_code=303)
    )
    clear_session(response, settings)
    # Pages kept for the Back button go with the session.
    response.headers["Clear-Site-Data"] = '"cache"'
    response.headers["Cache-Control"] = "no-store"
    return response
