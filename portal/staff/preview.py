"""Starting and leaving a preview: a staff person's session, with a client in its lens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from portal.auth.audit import note_preview_ended, note_preview_started
from portal.auth.cookies import clear_preview, clear_session, door_cookie, session_tokens
from portal.auth.gate import staff_access_of, who_of
from portal.auth.lens import LASTS, viewing_as
from portal.auth.revocation import Revocations
from portal.auth.session import Session
from portal.auth.session_state import session_state
from portal.auth.sign_in import hand_over, hand_over_preview, renew_staff_session
from portal.auth.staff_marks import StaffMark, StaffMarks
from portal.auth.who import presented_session, staff_behind, subject_of, viewer_for
from portal.crm.models import Contact
from portal.crm.staff_access import StaffAccess
from portal.domain.viewer import Preview, Staff
from portal.env import Env, env_of
from portal.errors import (
    AccessRemoved,
    BadInput,
    Forbidden,
    NotFound,
    PreviewEnded,
    SignInNeeded,
)
from portal.submitted import submitted, wants_json
from portal.words import msgid

AFTER: Final = "/staff"
LONGEST_REASON: Final = 300


async def view_as(request: Request) -> Response:
    """POST /auth/view-as `{contact_id | email, reason}`: a preview under a session of its own.

    Raises Forbidden for clients, NotFound for whoever is not this product's, BadInput without a
    reason and for people who cannot be previewed.
    """
    env, who, access = env_of(request), who_of(request), staff_access_of(request)
    if access is None or who.staff is None:
        raise Forbidden
    fields = await submitted(request)
    reason = _reason(fields)
    contact = await _target(env, access, fields)
    until = env.clock() + LASTS
    preview = Preview(who.staff, viewer_for(env, contact), until)
    await note_preview_started(env, preview, reason)
    mark = await _mark(env, who.session)
    claim = viewing_as(preview.viewer, until)
    token = await renew_staff_session(env, who.session, mark, claim)
    if mark.by == "google":
        await Revocations(env.state).end(who.session, env.clock())
    return hand_over_preview(_answer(request, "/"), token, env)


async def exit_view_as(request: Request) -> Response:
    """POST /auth/exit-view-as: back to the staff person's own session, under a new id.

    Works when the preview's time is over, too. Raises SignInNeeded without a session, and
    AccessRemoved for staff who are none any more.
    """
    env = env_of(request)
    response = _answer(request, AFTER)
    try:
        session = presented_session(env, request)
    except PreviewEnded:
        own = door_cookie(env.settings.product) in request.cookies
        (clear_preview if own else clear_session)(response, env.settings)
        return response
    if session.claims.viewing_as is None:
        return response
    staff = await _staff(env, session)
    await Revocations(env.state).end(session, env.clock())
    await _note_end(env, session, staff)
    mark = await _mark(env, session)
    # The platform's own session was left alone, if the browser still has one.
    if mark.by == "crm" and len(session_tokens(request, env.settings.product)) > 1:
        clear_preview(response, env.settings)
        return response
    return hand_over(response, await renew_staff_session(env, session, mark, None), env)


async def _staff(env: Env, session: Session) -> Staff:
    contact = await env.contacts.of_session(session.claims.id, session.claims.email)
    kept = await session_state(env.state, session, subject_of(session, contact))
    if kept.is_ended:
        raise SignInNeeded
    staff = staff_behind(env, session, contact, kept.mark)
    if staff is None:
        raise AccessRemoved
    return staff


async def _mark(env: Env, session: Session) -> StaffMark:
    """The session's mark; the platform's tokens are staff's by the CRM."""
    return await StaffMarks(env.state).of(session.id) or StaffMark(by="crm", in_crm=True)


async def _note_end(env: Env, session: Session, staff: Staff) -> None:
    claim = session.claims.viewing_as
    contact_id = claim.get("contact_id") if isinstance(claim, Mapping) else None
    contact = await env.contacts.by_id(contact_id) if isinstance(contact_id, str) else None
    if contact is not None:
        await note_preview_ended(env, Preview(staff, viewer_for(env, contact), env.clock()))


async def _target(env: Env, access: StaffAccess, fields: Mapping[str, str]) -> Contact:
    contact_id = fields.get("contact_id", "")
    if not contact_id and fields.get("email"):
        allowed = await env.contacts.allowed_with_address(fields["email"])
        if len(allowed) != 1:
            raise NotFound
        contact_id = allowed[0].id
    await access.record("contacts", contact_id)
    contact = await env.contacts.by_id(contact_id)
    if contact is None:
        raise NotFound
    if env.contacts.is_staff(contact):
        raise BadInput(msgid("This is one of our own people: there is no portal of theirs to see."))
    if not env.contacts.may_enter(contact):
        raise BadInput(msgid("This person has no access to the portal, so they see nothing of it."))
    return contact


def _reason(fields: Mapping[str, str]) -> str:
    reason = " ".join(fields.get("reason", "").split())
    if not reason:
        raise BadInput(msgid("Say why: the client can read it."), field="reason")
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        raise BadInput(
            msgid("A reason has at most %(count)s characters."), "reason", count=LONGEST_REASON
        )
    return reason


def _answer(request: Request, page: str) -> Response:
    if wants_json(request):
        return JSONResponse({"ok": True})
    return RedirectResponse(page, status_code=303)
