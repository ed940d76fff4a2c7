"""Giving a contact access to the portal, with a role, or taking it away: on record, at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import structlog

from portal.activity.outbox import Activity
from portal.auth.google.subjects import Subjects
from portal.auth.revocation import Revocations
from portal.auth.sign_ins import SignIns
from portal.auth.who import viewer_for
from portal.crm.models import Contact
from portal.crm.staff_access import StaffAccess
from portal.domain.viewer import Role
from portal.env import Env
from portal.errors import BadInput, NotFound
from portal.mail import Letter, MailFailed
from portal.words import msgid

INVITATION: Final = msgid("Your access to %(portal)s")

log = structlog.get_logger(__name__)


def read_role(sent: str | None) -> Role:
    """A role by its name in the CRM. Raises BadInput for any other word."""
    try:
        return Role(sent or "")
    except ValueError:
        known = ", ".join(Role)
        raise BadInput(msgid("The role must be one of %(known)s."), "role", known=known) from None


async def grant(env: Env, access: StaffAccess, contact_id: str, role: Role) -> Contact:
    """Let a contact of this product in, in this role. The contact as it is afterwards.

    Whoever held the address at Google before is forgotten, so that this is also the way to let
    a new account in. Raises NotFound for another product's, BadInput for staff and for a contact
    without an address or a company.
    """
    record = await access.record("contacts", contact_id)
    _check_can_enter(record)
    changes = {"portal_access": 1, "portal_role": role.value}
    if not (record.get("product") or record.get("products")):
        changes["product"] = env.settings.product
    await access.patch_contact(contact_id, changes)
    contact = await _contact(env, contact_id)
    await Subjects(env.state).forget(contact.email or "")
    await _note(env, access, contact, "portal_access_granted", {"role": role.value})
    return contact


async def revoke(env: Env, access: StaffAccess, contact_id: str) -> Contact:
    """Shut a contact out and end their sessions here. The contact as it is afterwards.

    Raises NotFound for another product's.
    """
    await access.patch_contact(contact_id, {"portal_access": 0})
    contact = await _contact(env, contact_id)
    await Revocations(env.state).end_all(contact_id, env.clock())
    await SignIns(env.state).forget_all(contact_id)
    await _note(env, access, contact, "portal_access_revoked", {})
    return contact


async def invite(env: Env, contact: Contact) -> bool:
    """Mail a contact with access how to sign in. False when the mail server did not take it.

    The mail signs nobody in by itself: it may lie in a mailbox for weeks. It leads to the sign-in
    page with the address filled in, and from there a link of ten minutes does.
    """
    settings, address = env.settings, contact.email or ""
    reader = viewer_for(env, contact)
    context = {
        "name": reader.name,
        "company": reader.company_name,
        "portal_name": settings.portal_name,
        "link": f"{settings.portal_origin}/auth/login?{urlencode({'email': address})}",
        "address": address,
    }
    letter = Letter(
        to=address,
        subject=env.templates.say_to(reader, INVITATION, {"portal": settings.portal_name}),
        text=env.templates.mail("mail/invitation.txt", context, reader),
        html=env.templates.mail("mail/invitation.html", context, reader),
    )
    try:
        await env.mailer.send(letter)
    except MailFailed as error:
        log.warning("invitation_not_sent", contact_id=contact.id, detail=str(error))
        return False
    log.info("invitation_sent", contact_id=contact.id)
    return True


def _check_can_enter(record: Mapping[str, Any]) -> None:
    if record.get("is_sm_team") == 1:
        raise BadInput(msgid("This is one of our own people: they come in as staff."))
    if not record.get("email"):
        raise BadInput(msgid("This contact has no e-mail address to sign in with."))
    if not record.get("company_id"):
        raise BadInput(msgid("This contact belongs to no company, so there is nothing to show."))


async def _contact(env: Env, contact_id: str) -> Contact:
    contact = await env.contacts.by_id(contact_id)
    if contact is None:
        raise NotFound
    return contact


async def _note(
    env: Env, access: StaffAccess, contact: Contact, activity_type: str, more: Mapping[str, Any]
) -> None:
    staff = access.staff
    log.info(activity_type, staff_id=staff.id, contact_id=contact.id, **more)
    titles = {
        "portal_access_granted": "Portal access granted",
        "portal_access_revoked": "Portal access taken away",
    }
    await env.outbox.record(
        Activity(
            activity_type=activity_type,
            title=titles[activity_type],
            contact_id=contact.id,
            company_id=contact.company_id,
            metadata={"staff_id": staff.id, "staff_name": staff.name, **more},
        )
    )
