"""Starting a session: the one place where `sm_client` is issued."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import structlog
from starlette.requests import Request
from starlette.responses import Response

from portal.activity.outbox import Activity
from portal.auth.browser import describe_browser
from portal.auth.cookies import session_tokens, set_session
from portal.auth.prelogin import clear_prelogin
from portal.auth.revocation import Revocations
from portal.auth.session import new_claims, session_id, sign, verify
from portal.auth.sign_ins import SignInNote, SignIns
from portal.crm.models import Contact
from portal.env import Env
from portal.errors import SignInNeeded

Method = Literal["magic_link", "code", "google"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SignIn:
    """A finished sign-in: whose, by which method, and the token to issue."""

    contact: Contact
    method: Method
    token: str


async def start_session(env: Env, request: Request, contact: Contact, method: Method) -> SignIn:
    """Make a fresh session for a contact that may enter, and end the one the browser had.

    The sign-in is in the outbox before this returns.
    """
    now, settings = env.clock(), env.settings
    lifetime = settings.session_lifetime
    claims = new_claims(
        subject=contact.id,
        email=contact.email or "",
        name=(contact.full_name or "").strip() or (contact.email or ""),
        avatar=contact.photo_url,
        products=sorted({settings.product, *contact.products}),
        now=now,
        lifetime=lifetime,
        not_before=await Revocations(env.state).first_valid_second(contact.id),
    )
    await end_presented_sessions(env, request)
    env.contacts.forget(contact)
    await env.outbox.record(
        Activity(
            activity_type="portal_login",
            title="Signed in to the portal",
            contact_id=contact.id,
            company_id=contact.company_id,
            metadata={"method": method},
        )
    )
    token = sign(claims, settings.session_secrets[0])
    browser = describe_browser(request.headers.get("user-agent"))
    await SignIns(env.state).remember(
        contact.id, session_id(token), SignInNote(at=now, method=method, browser=browser), lifetime
    )
    log.info("signed_in", method=method, contact_id=contact.id)
    return SignIn(contact, method, token)


def hand_over(response: Response, made: SignIn, env: Env) -> Response:
    """Put the session on the answer and take the pre-login cookie away."""
    set_session(response, made.token, env.settings)
    clear_prelogin(response, env.settings)
    response.headers["Cache-Control"] = "no-store"
    return response


async def end_presented_sessions(env: Env, request: Request) -> str | None:
    """End every session whose token this request carries; returns whose the first was.

    A token that does not verify has nothing to end.
    """
    subject: str | None = None
    try:
        tokens = session_tokens(request, env.settings.product)
    except SignInNeeded:
        return None
    for token in tokens:
        try:
            session = verify(token, env.settings.session_secrets, env.clock())
        except SignInNeeded:
            continue
        await Revocations(env.state).end(session, env.clock())
        await SignIns(env.state).forget(session.claims.id, session.id)
        subject = subject or session.claims.id
    return subject
