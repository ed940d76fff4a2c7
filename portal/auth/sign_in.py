"""Starting a session: the one place where the cookies of a session are issued."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from portal.activity.outbox import Activity
from portal.auth.browser import describe_browser
from portal.auth.cookies import session_tokens, set_preview, set_session
from portal.auth.prefetch import prefetch
from portal.auth.prelogin import clear_prelogin
from portal.auth.revocation import Revocations
from portal.auth.session import Claims, Session, new_claims, session_id, sign, verify
from portal.auth.sign_ins import SignInNote, SignIns
from portal.auth.staff_marks import StaffMark, StaffMarks
from portal.crm.models import Contact
from portal.env import Env
from portal.errors import SignInNeeded

Method = Literal["magic_link", "code", "google"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Subject:
    """Whoever signs in. `contact_id` is None for staff whom the CRM does not know."""

    id: str
    email: str
    name: str
    contact_id: str | None = None
    company_id: str | None = None
    avatar: str | None = None
    products: tuple[str, ...] = ()

    @classmethod
    def of(cls, contact: Contact) -> Subject:
        """The subject that a contact of the CRM is."""
        email = contact.email or ""
        return cls(
            id=contact.id,
            email=email,
            name=(contact.full_name or "").strip() or email,
            contact_id=contact.id,
            company_id=contact.company_id,
            avatar=contact.photo_url,
            products=contact.products,
        )


async def start_session(
    env: Env, request: Request, subject: Subject, method: Method, mark: StaffMark | None = None
) -> str:
    """Make a fresh session, staff's with a `mark`, and end those the browser had. The token.

    The subject may enter; whoever calls has made sure. The sign-in is in the outbox before this
    returns.
    """
    now, lifetime = env.clock(), env.settings.session_lifetime
    await end_presented_sessions(env, request)
    env.contacts.forget_id(subject.id, subject.email)
    await env.outbox.record(
        Activity(
            activity_type="portal_login",
            title="Signed in to the portal",
            contact_id=subject.contact_id,
            company_id=subject.company_id,
            metadata={"method": method, **({"staff_id": subject.id} if mark else {})},
        )
    )
    token = sign(await fresh_claims(env, subject, lifetime), env.settings.session_secrets[0])
    if mark is not None:
        await StaffMarks(env.state).put(session_id(token), mark, lifetime)
    browser = describe_browser(request.headers.get("user-agent"))
    note = SignInNote(at=now, method=method, browser=browser)
    await SignIns(env.state).remember(subject.id, session_id(token), note, lifetime)
    if mark is None and env.settings.read_freshness:
        env.ctx.wait_until(prefetch(env, subject.id))
    env.metrics.signed_in(method)
    log.info("signed_in", method=method, contact_id=subject.id, staff=mark is not None)
    return token


async def fresh_claims(env: Env, subject: Subject, lifetime: timedelta) -> Claims:
    """Claims of a new session under a new id, valid from now."""
    return new_claims(
        subject=subject.id,
        email=subject.email,
        name=subject.name,
        avatar=subject.avatar,
        products=sorted({env.settings.product, *subject.products}),
        now=env.clock(),
        lifetime=lifetime,
        not_before=await Revocations(env.state).first_valid_second(subject.id),
    )


async def renew_staff_session(
    env: Env, old: Session, mark: StaffMark, viewing_as: dict[str, Any] | None
) -> str:
    """The same staff person's session under a new id, in or out of a preview. The token.

    It ends when the old one would have.
    """
    claims, now = old.claims, env.clock()
    left = timedelta(seconds=claims.exp - now.timestamp())
    subject = Subject(claims.id, claims.email, claims.name or claims.email, avatar=claims.avatar)
    products = tuple(p for p in claims.products if isinstance(p, str))
    fresh = await fresh_claims(env, replace(subject, products=products), left)
    fresh = msgspec.structs.replace(fresh, viewing_as=viewing_as)
    token = sign(fresh, env.settings.session_secrets[0])
    await StaffMarks(env.state).put(session_id(token), mark, left)
    return token


def hand_over(response: Response, token: str, env: Env) -> Response:
    """Put the session on the answer and take the pre-login cookie away."""
    set_session(response, token, env.settings)
    clear_prelogin(response, env.settings)
    response.headers["Cache-Control"] = "no-store"
    return response


def hand_over_preview(response: Response, token: str, env: Env) -> Response:
    """Put a preview on the answer, for this portal alone."""
    set_preview(response, token, env.settings)
    response.headers["Cache-Control"] = "no-store"
    return response


async def end_presented_sessions(env: Env, request: Request) -> Session | None:
    """End every session whose token this request carries; returns the first of them.

    A token that does not verify has nothing to end.
    """
    first: Session | None = None
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
        first = first or session
    return first
