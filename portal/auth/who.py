"""Who a request's session stands for: a client's viewer, staff, or staff in a preview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from portal.auth.audit import note_hub_preview
from portal.auth.company_hint import hint_in
from portal.auth.cookies import session_tokens
from portal.auth.csrf import SAFE_METHODS
from portal.auth.lens import read_lens
from portal.auth.revocation import Revocations
from portal.auth.session import Session, read, verify
from portal.auth.session_state import UNKNOWN, SessionState, session_state
from portal.auth.staff_marks import StaffMark
from portal.crm.access import ask_ahead
from portal.crm.cache import Patience
from portal.crm.contacts import RECORD_ID, Confirmed, viewer_of_contact
from portal.crm.models import Contact
from portal.crm.reads import CompanyReads
from portal.domain.confirmation import Trust
from portal.domain.viewer import Preview, Role, Staff, Viewer
from portal.env import Env
from portal.errors import (
    AccessRemoved,
    AccessUnconfirmed,
    PreviewEnded,
    ProductMissing,
    SignInNeeded,
    StateUnavailable,
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """One request's answer to "who".

    `subject`: whose session it is, a contact's id where the CRM knows them. `contact`: the record
    behind what is shown, in a preview the client's. For clients `viewer` is set; for staff
    `staff`; in a preview both, and `preview`. `trust`: how far the CRM's last word still carries.
    `confirmed`: that word, where it alone says all of this.
    """

    session: Session
    subject: str
    contact: Contact | None
    viewer: Viewer | None = None
    staff: Staff | None = None
    preview: Preview | None = None
    trust: Trust = Trust.FULL
    confirmed: Confirmed | None = None


async def signed_in(env: Env, request: Request, patience: Patience | None = None) -> SignedIn:
    """Resolve the request's session against the token, the revocations and the CRM.

    Raises SignInNeeded, ProductMissing, AccessRemoved or PreviewEnded; AccessUnconfirmed when
    the CRM has been away for too long; SMApiError when it cannot be asked and nothing is known;
    StateUnavailable when the revocations cannot, save for a client who only reads.
    """
    token, session = _presented(env, request)
    claims = session.claims
    request.state.signed_in_as = claims.email
    if not claims.holds(env.settings.product):
        raise ProductMissing
    confirmed, kept = await _confirmed(env, request, token, session, patience)
    contact, trust = confirmed.contact, trust_in(env, confirmed)
    subject = subject_of(session, contact)
    if kept.is_ended:
        raise SignInNeeded
    if trust is Trust.NONE:
        await Revocations(env.state).end(session, env.clock())
        raise AccessUnconfirmed
    staff = staff_behind(env, session, contact, kept.mark)
    if session.claims.viewing_as is not None:
        if staff is None:
            raise AccessRemoved
        # Whoever looks over a shoulder, or at a picture of the page, sees the client's side only.
        request.state.signed_in_as = None
        return await _in_preview(env, request, session, staff)
    if staff is not None:
        # An address may be a client contact's, too: staff do not act under that one's name.
        own = contact if contact is not None and contact.id == staff.id else None
        return SignedIn(session, subject, own, staff=staff, trust=trust)
    if contact is None or not env.contacts.may_enter(contact):
        raise AccessRemoved
    viewer = viewer_for(env, contact)
    return SignedIn(session, subject, contact, viewer=viewer, trust=trust, confirmed=confirmed)


async def _confirmed(
    env: Env, request: Request, token: str, session: Session, patience: Patience | None
) -> tuple[Confirmed, SessionState]:
    """What the CRM and STATE say of the session. Raises as `signed_in` does."""
    claims = session.claims
    kept = await _kept(env, session, claims.id)
    if isinstance(kept, SessionState) and not kept.is_ended:
        _ask_ahead(env, request, token, session)
    confirmed = await env.contacts.confirmed(claims.id, claims.email, patience)
    subject = subject_of(session, confirmed.contact)
    if subject != claims.id:
        kept = await _kept(env, session, subject)
    if isinstance(kept, StateUnavailable):
        if not may_read_unchecked(env, request, session, confirmed.contact):
            raise kept
        kept = UNKNOWN
    return confirmed, kept


def _ask_ahead(env: Env, request: Request, token: str, session: Session) -> None:
    """Have a page's lists asked for while the CRM is asked whether its viewer may come in.

    Which makes one round trip to SM API of two. Of the company that the CRM named last, else of
    the one that the token names: nothing is shown of it unless the CRM says that they are of it.
    """
    claims, product = session.claims, env.settings.product
    if claims.viewing_as is not None or request.scope["method"] not in SAFE_METHODS:
        return
    if env.contacts.has(claims.id):
        known = env.contacts.overdue(claims.id, claims.email)
        company_id = known.company_id if known else None
        sees_money = known is not None and Role.of(known.portal_role) is Role.CLIENT_ADMIN
    else:
        hint = hint_in(token)
        company_id, sees_money = hint.company_id, hint.sees_money
    if company_id and RECORD_ID.fullmatch(company_id):
        reads = CompanyReads(env.sm, env.reads, company_id, product)
        ask_ahead(reads, request.scope["path"], sees_money=sees_money)


def may_read_unchecked(
    env: Env, request: Request, session: Session, contact: Contact | None
) -> bool:
    """Whether a session that STATE cannot vouch for right now may still have its page.

    A client's may, to read: their token and the CRM say who they are, and an outage of ours must
    not hide their own data. Nobody who is staff, or might be, and nothing that changes anything.
    """
    if request.method not in SAFE_METHODS or session.claims.viewing_as is not None:
        return False
    if contact is None or env.contacts.is_staff(contact):
        return False
    # An account of our own Workspace may have the address of a contact, and not their id.
    return subject_of(session, contact) == contact.id


async def _kept(env: Env, session: Session, subject: str) -> SessionState | StateUnavailable:
    """What STATE says of the session; what it raises when it is away, for later."""
    try:
        return await session_state(env.state, session, subject)
    except StateUnavailable as away:
        return away


def trust_in(env: Env, confirmed: Confirmed) -> Trust:
    """How far it carries what the CRM said of somebody; all the way while it can be asked."""
    if not confirmed.is_last_good:
        return Trust.FULL
    return env.settings.trust_limits.of(env.clock() - confirmed.at)


def presented_session(env: Env, request: Request) -> Session:
    """The first of the sent tokens that verifies. Raises SignInNeeded when none does.

    A preview whose token has expired does not give way to the session beneath it: whoever looks
    at the client's page must not find themself acting as staff. Raises PreviewEnded.
    """
    return _presented(env, request)[1]


def _presented(env: Env, request: Request) -> tuple[str, Session]:
    settings = env.settings
    for token in session_tokens(request, settings.product):
        try:
            return token, verify(token, settings.session_secrets, env.clock())
        except SignInNeeded:
            if _is_preview(token, settings.session_secrets):
                raise PreviewEnded from None
    raise SignInNeeded


def _is_preview(token: str, keys: Sequence[str]) -> bool:
    try:
        return read(token, keys).claims.viewing_as is not None
    except SignInNeeded:
        return False


def staff_behind(
    env: Env, session: Session, contact: Contact | None, mark: StaffMark | None
) -> Staff | None:
    """The staff person of a session with this mark; None when it is a client's.

    A platform token (no `jti`) is staff's when the CRM says so; one of ours when it is marked:
    it proves a mailbox otherwise, which is what clients sign in by. Raises AccessRemoved for
    staff who are none any more.
    """
    is_staff = contact is not None and env.contacts.is_staff(contact)
    if session.claims.jti is not None:
        if mark is None:
            return None
        if not mark.counts(is_staff, env.settings.staff_domains):
            raise AccessRemoved
    elif not is_staff:
        return None
    claims = session.claims
    name = (contact.full_name if contact else None) or claims.name or claims.email
    return Staff(subject_of(session, contact), claims.email, name.strip(), env.settings.product)


def subject_of(session: Session, contact: Contact | None) -> str:
    """Whose session it is.

    Ours name a contact or an account; a platform token may name a user of the hub, and then the
    contact counts.
    """
    if session.claims.jti is None and contact is not None:
        return contact.id
    return session.claims.id


def viewer_for(env: Env, contact: Contact) -> Viewer:
    """The viewer that a contact is in this portal."""
    settings = env.settings
    return viewer_of_contact(
        contact,
        settings.product,
        time_zone=settings.default_timezone,
        locale=settings.default_locale,
    )


async def _in_preview(env: Env, request: Request, session: Session, staff: Staff) -> SignedIn:
    """The client that staff look at, if it still may be looked at. Raises PreviewEnded."""
    lens = read_lens(session.claims, env.clock())
    assert lens is not None
    contact = await env.contacts.by_id(lens.contact_id)
    if contact is None or env.contacts.is_staff(contact) or not env.contacts.may_enter(contact):
        raise PreviewEnded
    preview = Preview(staff, viewer_for(env, contact), lens.until)
    if session.claims.jti is None:
        await note_hub_preview(env, session.id, preview)
    request.state.signed_in_as = contact.email
    return SignedIn(session, staff.id, contact, preview.viewer, staff, preview)
