"""Who a request's session stands for: a client's viewer, staff, or staff in a preview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from portal.auth.audit import note_hub_preview
from portal.auth.cookies import session_tokens
from portal.auth.lens import read_lens
from portal.auth.revocation import Revocations
from portal.auth.session import Session, read, verify
from portal.auth.staff_marks import StaffMarks
from portal.crm.contacts import viewer_of_contact
from portal.crm.models import Contact
from portal.domain.viewer import Preview, Staff, Viewer
from portal.env import Env
from portal.errors import AccessRemoved, PreviewEnded, ProductMissing, SignInNeeded


@dataclass(frozen=True)
class SignedIn:
    """One request's answer to "who".

    `subject`: whose session it is, a contact's id where the CRM knows them. `contact`: the record
    behind what is shown, in a preview the client's. For clients `viewer` is set; for staff
    `staff`; in a preview both, and `preview`.
    """

    session: Session
    subject: str
    contact: Contact | None
    viewer: Viewer | None = None
    staff: Staff | None = None
    preview: Preview | None = None


async def signed_in(env: Env, request: Request) -> SignedIn:
    """Resolve the request's session against the token, the revocations and the CRM.

    Raises SignInNeeded, ProductMissing, AccessRemoved or PreviewEnded; SMApiError when the CRM
    cannot be asked.
    """
    session = presented_session(env, request)
    request.state.signed_in_as = session.claims.email
    if not session.claims.holds(env.settings.product):
        raise ProductMissing
    contact = await env.contacts.of_session(session.claims.id, session.claims.email)
    subject = subject_of(session, contact)
    if await Revocations(env.state).is_ended(session, subject):
        raise SignInNeeded
    staff = await staff_behind(env, session, contact)
    if session.claims.viewing_as is not None:
        if staff is None:
            raise AccessRemoved
        # Whoever looks over a shoulder, or at a picture of the page, sees the client's side only.
        request.state.signed_in_as = None
        return await _in_preview(env, request, session, staff)
    if staff is not None:
        # An address may be a client contact's, too: staff do not act under that one's name.
        own = contact if contact is not None and contact.id == staff.id else None
        return SignedIn(session, subject, own, staff=staff)
    if contact is None or not env.contacts.may_enter(contact):
        raise AccessRemoved
    return SignedIn(session, subject, contact, viewer=viewer_for(env, contact))


def presented_session(env: Env, request: Request) -> Session:
    """The first of the sent tokens that verifies. Raises SignInNeeded when none does.

    A preview whose token has expired does not give way to the session beneath it: whoever looks
    at the client's page must not find themself acting as staff. Raises PreviewEnded.
    """
    settings = env.settings
    for token in session_tokens(request, settings.product):
        try:
            return verify(token, settings.session_secrets, env.clock())
        except SignInNeeded:
            if _is_preview(token, settings.session_secrets):
                raise PreviewEnded from None
    raise SignInNeeded


def _is_preview(token: str, keys: Sequence[str]) -> bool:
    try:
        return read(token, keys).claims.viewing_as is not None
    except SignInNeeded:
        return False


async def staff_behind(env: Env, session: Session, contact: Contact | None) -> Staff | None:
    """The staff person of this session; None when it is a client's.

    A platform token (no `jti`) is staff's when the CRM says so; one of ours when it is marked:
    it proves a mailbox otherwise, which is what clients sign in by. Raises AccessRemoved for
    staff who are none any more.
    """
    is_staff = contact is not None and env.contacts.is_staff(contact)
    if session.claims.jti is not None:
        mark = await StaffMarks(env.state).of(session.id)
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
