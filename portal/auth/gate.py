"""The gate: every page but the public ones needs a session that the CRM still stands behind.

The cookie says who (authentication); the CRM, asked at most 30 seconds ago, says whether, for
which company and in which role (authorisation).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from portal.auth.cookies import session_tokens
from portal.auth.revocation import Revocations
from portal.auth.session import Session, verify
from portal.crm.access import ClientAccess, VisibilityRules
from portal.crm.contacts import viewer_of_contact
from portal.crm.models import Contact
from portal.crm.staff_access import StaffAccess
from portal.domain.viewer import Staff, Viewer
from portal.env import Env, env_of
from portal.errors import AccessRemoved, NoClientChosen, ProductMissing, SignInNeeded

PUBLIC_PATHS: Final = frozenset({"/favicon.ico", "/robots.txt", "/healthz", "/readyz"})
PUBLIC_PREFIXES: Final = ("/auth/", "/api/auth/", "/static/")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SignedIn:
    """One request's answer to "who": the session, the contact behind it, and what they are here.

    Either `viewer` or `staff` is set.
    """

    session: Session
    contact: Contact
    viewer: Viewer | None = None
    staff: Staff | None = None


def is_public(path: str) -> bool:
    """Whether a path is served without a session. Everything not named here is not."""
    return path in PUBLIC_PATHS or path.startswith(PUBLIC_PREFIXES)


def access_of(request: Request) -> ClientAccess:
    """What the signed-in viewer may read; only behind the gate.

    Raises NoClientChosen for staff outside a preview.
    """
    access = getattr(request.state, "access", None)
    if not isinstance(access, ClientAccess):
        raise NoClientChosen
    return access


def session_of(request: Request) -> Session:
    """The session of this request; only behind the gate."""
    session = request.state.session
    assert isinstance(session, Session)
    return session


def staff_access_of(request: Request) -> StaffAccess | None:
    """What the signed-in staff person may do, None when it is a client; only behind the gate."""
    access = getattr(request.state, "staff_access", None)
    return access if isinstance(access, StaffAccess) else None


def viewer_of(request: Request) -> Viewer:
    """The signed-in viewer; only behind the gate."""
    return access_of(request).viewer


async def signed_in(env: Env, request: Request) -> SignedIn:
    """Resolve the request's session against the token, the revocations and the CRM.

    Raises SignInNeeded, ProductMissing or AccessRemoved; SMApiError when the CRM cannot be asked.
    """
    session = _session(env, request)
    request.state.signed_in_as = session.claims.email
    if not session.claims.holds(env.settings.product):
        raise ProductMissing
    contact = await env.contacts.of_session(session.claims.id, session.claims.email)
    subject = contact.id if contact is not None else session.claims.id
    if await Revocations(env.state).is_ended(session, subject):
        raise SignInNeeded
    if contact is not None and _is_staff_session(env, session, contact):
        return SignedIn(session, contact, staff=_staff(contact, env.settings.product))
    if contact is None or not env.contacts.may_enter(contact):
        raise AccessRemoved
    viewer = viewer_of_contact(
        contact,
        env.settings.product,
        time_zone=env.settings.default_timezone,
        locale=env.settings.default_locale,
    )
    return SignedIn(session, contact, viewer=viewer)


def _is_staff_session(env: Env, session: Session, contact: Contact) -> bool:
    """Whether this is a platform token (ours carry a `jti`) of someone the CRM calls staff.

    A session that we issued came by magic link or code, which never makes anyone staff.
    """
    return session.claims.jti is None and env.contacts.is_staff(contact)


def _staff(contact: Contact, product: str) -> Staff:
    email = contact.email or ""
    return Staff(contact.id, email, (contact.full_name or "").strip() or email, product)


def _session(env: Env, request: Request) -> Session:
    """The first of the sent tokens that verifies. Raises SignInNeeded when none does."""
    for token in session_tokens(request, env.settings.product):
        try:
            return verify(token, env.settings.session_secrets, env.clock())
        except SignInNeeded:
            continue
    raise SignInNeeded


class Gate:
    """Lets a request through with `viewer` and `access` in its state, or raises."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in with what its page may use, or raise as `signed_in` does."""
        if scope["type"] == "http" and not is_public(scope["path"]):
            request = Request(scope)
            env = env_of(request)
            who = await signed_in(env, request)
            _admit(env, request, who)
        await self._app(scope, receive, send)


def _admit(env: Env, request: Request, who: SignedIn) -> None:
    """Put on the request what pages may use: nothing that reaches beyond this person."""
    settings, state = env.settings, request.state
    state.session, state.contact = who.session, who.contact
    if who.viewer is not None:
        rules = VisibilityRules(settings.visible_activities, settings.untagged_invoices == "show")
        state.viewer = who.viewer
        state.access = ClientAccess(who.viewer, env.sm, env.contacts, env.clock, rules)
    elif who.staff is not None:
        state.staff = who.staff
        state.staff_access = StaffAccess(who.staff, env.sm)
