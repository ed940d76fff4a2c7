"""The gate: every page but the public ones needs a session that the CRM still stands behind.

The cookie says who (authentication); the CRM, asked at most 30 seconds ago, says whether, for
which company and in which role (authorisation). A staff preview changes nothing: that is refused
here, for every route at once.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from portal.auth.audit import note_refused_write
from portal.auth.csrf import SAFE_METHODS
from portal.auth.session import Session
from portal.auth.standing import Standing, remembering, shown_before
from portal.auth.who import SignedIn, signed_in
from portal.crm.access import ClientAccess
from portal.crm.staff_access import StaffAccess
from portal.crm.visibility import VisibilityRules
from portal.domain.viewer import Viewer
from portal.env import Env, env_of
from portal.errors import NoClientChosen, ReadOnlyPreview

PUBLIC_PATHS: Final = frozenset(
    {
        *("/favicon.ico", "/robots.txt", "/healthz", "/readyz", "/verify"),
        # Refuses whoever is neither of our network nor holds its token.
        "/metrics",
        *("/.well-known/security.txt", "/speculation-rules.json", "/api/portal/config"),
        "/accent.css",
        "/notices/unsubscribe",
    }
)
PUBLIC_PREFIXES: Final = ("/auth/", "/api/auth/", "/static/", "/calendar/feed/")
GATED_PATHS: Final = frozenset(
    f"{prefix}/{name}"
    for prefix in ("/auth", "/api/auth")
    for name in ("view-as", "logout-everywhere")
)
"""Of the sign-in pages those that somebody has to be signed in for."""


def is_public(path: str) -> bool:
    """Whether a path is served without a session. Everything not named here is not."""
    if path in GATED_PATHS:
        return False
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
    return who_of(request).session


def staff_access_of(request: Request) -> StaffAccess | None:
    """What the signed-in staff person may do; None for a client, and in a preview.

    Only behind the gate.
    """
    access = getattr(request.state, "staff_access", None)
    return access if isinstance(access, StaffAccess) else None


def viewer_of(request: Request) -> Viewer:
    """The signed-in viewer; only behind the gate."""
    return access_of(request).viewer


def who_of(request: Request) -> SignedIn:
    """Who is signed in; only behind the gate."""
    who = request.state.who
    assert isinstance(who, SignedIn)
    return who


class Gate:
    """Lets a request through with what its page may use in its state, or raises."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in, or raise as `signed_in` does; ReadOnlyPreview for a change."""
        if scope["type"] == "http" and not is_public(scope["path"]):
            request = Request(scope)
            env = env_of(request)
            who = await signed_in(env, request)
            admit(env, request, who)
            if who.preview is not None and scope["method"] not in SAFE_METHODS:
                await note_refused_write(env, who.preview, scope["method"], scope["path"])
                raise ReadOnlyPreview
            if who.viewer is not None and who.preview is None:
                send = _telling_of_changes(env, request, who.viewer, send)
        await self._app(scope, receive, send)


def _telling_of_changes(env: Env, request: Request, viewer: Viewer, send: Send) -> Send:
    standing, before = Standing.of(viewer), shown_before(request)
    if standing == before:
        return send
    request.state.standing_change = standing.since(before)
    return remembering(send, standing, env.settings)


def access_for(env: Env, viewer: Viewer) -> ClientAccess:
    """What a viewer may read, by this portal's rules."""
    settings = env.settings
    rules = VisibilityRules(settings.visible_activities, settings.untagged_invoices == "show")
    return ClientAccess(viewer, env.sm, env.contacts, env.clock, rules, settings.journey)


def admit(env: Env, request: Request, who: SignedIn) -> None:
    """Put on the request what pages may use: nothing that reaches beyond this person."""
    state = request.state
    state.who, state.contact, state.preview = who, who.contact, who.preview
    if who.viewer is not None:
        state.viewer, state.live = who.viewer, env.settings.live_interval > 0
        state.access = access_for(env, who.viewer)
    elif who.staff is not None:
        state.staff = who.staff
        state.staff_access = StaffAccess(who.staff, env.sm, env.contacts)
