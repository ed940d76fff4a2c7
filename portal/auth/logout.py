"""Signing out: the token is ended, not only the cookie, so that copies of it die too."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from portal.activity.outbox import Activity
from portal.auth.cookies import clear_session
from portal.auth.csrf import comes_from_platform
from portal.auth.gate import signed_in
from portal.auth.revocation import Revocations
from portal.auth.sign_in import end_presented_sessions
from portal.auth.sign_ins import SignIns
from portal.env import env_of
from portal.errors import CrossSite, PortalError
from portal.submitted import wants_json

AFTER = "/auth/login"


async def logout(request: Request) -> Response:
    """POST /auth/logout, or GET from one of the platform's pages: ends this session everywhere."""
    env = env_of(request)
    if request.method != "POST" and not comes_from_platform(request.headers):
        raise CrossSite
    subject = await end_presented_sessions(env, request)
    if subject is not None:
        await env.outbox.record(
            Activity(
                activity_type="portal_logout", title="Signed out of the portal", contact_id=subject
            )
        )
    return _goodbye(request)


async def logout_everywhere(request: Request) -> Response:
    """POST /auth/logout-everywhere: ends every session of whoever is signed in."""
    env = env_of(request)
    try:
        who = await signed_in(env, request)
    except PortalError:
        return _goodbye(request)
    lifetime = env.settings.session_lifetime
    await Revocations(env.state).end_all(who.contact.id, env.clock(), lifetime)
    await SignIns(env.state).forget_all(who.contact.id)
    await env.outbox.record(
        Activity(
            activity_type="portal_logout",
            title="Signed out of the portal on every device",
            contact_id=who.contact.id,
            company_id=who.contact.company_id,
            metadata={"everywhere": True},
        )
    )
    return _goodbye(request)


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
