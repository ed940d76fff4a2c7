"""The gate: every page but the public ones needs a session that the CRM still stands behind.

The cookie says who (authentication); the CRM, asked at most 30 seconds ago, says whether, for
which company and in which role (authorisation). A staff preview changes nothing: that is refused
here, for every route at once.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.auth.audit import note_refused_write
from portal.auth.csrf import SAFE_METHODS
from portal.auth.session import Session
from portal.auth.standing import Standing, remembering, shown_before
from portal.auth.who import SignedIn, signed_in
from portal.crm.access import ClientAccess
from portal.crm.cache import Patience
from portal.crm.reads import CompanyReads
from portal.crm.staff_access import StaffAccess
from portal.crm.visibility import VisibilityRules
from portal.domain.confirmation import Trust
from portal.domain.viewer import Viewer
from portal.env import Env, env_of
from portal.errors import ChangesWait, NoClientChosen, ReadOnlyPreview

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


AS_OF_HEADER: Final = "X-Records-As-Of"
"""When SM API said the oldest of what is answered, while it cannot be asked anew."""

LEAVING_PATHS: Final = frozenset(path for path in GATED_PATHS if path.endswith("everywhere"))
"""What somebody may do whose access cannot be confirmed: end their own sessions."""


def is_public(path: str) -> bool:
    """Whether a path is served without a session. Everything not named here is not."""
    if path in GATED_PATHS:
        return False
    return path in PUBLIC_PATHS or path.startswith(PUBLIC_PREFIXES)


def access_of(request: Request) -> ClientAccess:
    """What the signed-in viewer may read; only behind the gate.

    Raises NoClientChosen for staff outside a preview.
    """
    access = access_in(request)
    if access is None:
        raise NoClientChosen
    return access


def access_in(request: Request) -> ClientAccess | None:
    """As `access_of`; None for staff outside a preview."""
    access = getattr(request.state, "access", None)
    return access if isinstance(access, ClientAccess) else None


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
            patience = Patience()
            who = await signed_in(env, request, patience)
            admit(env, request, who, patience)
            if who.preview is not None and scope["method"] not in SAFE_METHODS:
                await note_refused_write(env, who.preview, scope["method"], scope["path"])
                raise ReadOnlyPreview
            if who.trust is not Trust.FULL and _is_change(scope):
                raise ChangesWait
            if who.viewer is not None:
                send = _telling_as_of(request.state.access, send)
            if who.viewer is not None and who.preview is None:
                send = _telling_of_changes(env, request, who.viewer, send)
        await self._app(scope, receive, send)


def _is_change(scope: Scope) -> bool:
    return scope["method"] not in SAFE_METHODS and scope["path"] not in LEAVING_PATHS


def _telling_as_of(access: ClientAccess, send: Send) -> Send:
    """`send` that says so when last good data is answered: files and JSON have no banner."""

    async def tell(message: Message) -> None:
        if message["type"] == "http.response.start" and access.as_of is not None:
            MutableHeaders(scope=message)[AS_OF_HEADER] = access.as_of.isoformat()
        await send(message)

    return tell


def _telling_of_changes(env: Env, request: Request, viewer: Viewer, send: Send) -> Send:
    standing, before = Standing.of(viewer), shown_before(request)
    if standing == before:
        return send
    request.state.standing_change = standing.since(before)
    return remembering(send, standing, env.settings)


def access_for(
    env: Env, viewer: Viewer, patience: Patience | None = None, *, now: bool = False
) -> ClientAccess:
    """What a viewer may read, by this portal's rules.

    `now`: as the CRM says from now on, with an error while it cannot be asked; else from the cache
    where that is fresh, and as last good data when the CRM does not answer within `patience`.
    """
    settings = env.settings
    rules = VisibilityRules(settings.visible_activities, settings.untagged_invoices == "show")
    reads = CompanyReads(
        env.sm,
        env.reads,
        viewer.company_id,
        viewer.product,
        patience=patience,
        since=env.reads.mark() if now else 0,
        now=now,
    )
    return ClientAccess(viewer, reads, env.contacts, env.clock, rules, settings.journey)


def admit(env: Env, request: Request, who: SignedIn, patience: Patience) -> None:
    """Put on the request what pages may use: nothing that reaches beyond this person."""
    state = request.state
    state.who, state.contact, state.preview = who, who.contact, who.preview
    state.is_unconfirmed = who.trust is not Trust.FULL
    if who.viewer is not None:
        state.viewer, state.live = who.viewer, env.settings.live_interval > 0
        state.access = access_for(env, who.viewer, patience)
    elif who.staff is not None:
        state.staff = who.staff
        state.staff_access = StaffAccess(who.staff, env.sm, env.contacts)
