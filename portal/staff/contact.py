"""/staff/contacts/{id}: one person of a client, their access, and the way into their preview."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.auth.gate import staff_access_of, who_of
from portal.auth.lens import LASTS
from portal.auth.who import viewer_for
from portal.crm.models import Contact
from portal.crm.staff_access import StaffAccess
from portal.domain.viewer import Role
from portal.env import Env, env_of
from portal.errors import Forbidden, NotFound
from portal.staff.granting import grant, invite, read_role, revoke
from portal.staff.who_sees_what import seen_by
from portal.submitted import submitted
from portal.templating import render
from portal.words import msgid

NO_ROLE: Final = "none"
IN_PREVIEW: Final = msgid(
    "You see what the client sees. Leave the preview to go back to your clients."
)
DONE: Final = ("granted", "invited", "mail_failed", "revoked")
"""What the page says after a change, as the word in its address."""


async def contact_page(request: Request) -> Response:
    """GET /staff/contacts/{id}. Raises Forbidden for clients, NotFound for another product's."""
    env, access = env_of(request), staff_only(request)
    contact = await _contact(env, access, request.path_params["id"])
    done = request.query_params.get("done")
    return render(
        request,
        "staff/contact.html",
        {
            **_shown(env, contact),
            "done": done if done in DONE else None,
            "minutes": int(LASTS.total_seconds() // 60),
        },
    )


async def confirm_access(request: Request) -> Response:
    """GET /staff/contacts/{id}/access?role=: what the person will see, before it is so.

    `role` is a client's role, or `none` to take access away. Raises BadInput for another.
    """
    env, access = env_of(request), staff_only(request)
    contact = await _contact(env, access, request.path_params["id"])
    role = _role(request.query_params.get("role"))
    seen = None
    if role is not None:
        seen = await seen_by(env, replace(viewer_for(env, contact), role=role))
    return render(
        request,
        "staff/confirm_access.html",
        {**_shown(env, contact), "role": role.value if role else NO_ROLE, "seen": seen},
    )


async def change_access(request: Request) -> Response:
    """POST /staff/contacts/{id}/access `{role, invite?}`: gives access, or takes it away."""
    env, access = env_of(request), staff_only(request)
    fields = await submitted(request)
    contact_id, role = request.path_params["id"], _role(fields.get("role"))
    if role is None:
        await revoke(env, access, contact_id)
        done = "revoked"
    else:
        contact = await grant(env, access, contact_id, role)
        done = "granted"
        if fields.get("invite"):
            done = "invited" if await invite(env, contact) else "mail_failed"
    return RedirectResponse(f"/staff/contacts/{contact_id}?done={done}", status_code=303)


def staff_only(request: Request) -> StaffAccess:
    """The staff person's access. Raises Forbidden for clients, and in a preview."""
    access = staff_access_of(request)
    if access is None:
        raise Forbidden(IN_PREVIEW if who_of(request).preview else None)
    return access


def _role(sent: str | None) -> Role | None:
    return None if sent == NO_ROLE else read_role(sent)


async def _contact(env: Env, access: StaffAccess, contact_id: str) -> Contact:
    await access.record("contacts", contact_id)
    contact = await env.contacts.by_id(contact_id)
    if contact is None:
        raise NotFound
    return contact


def _shown(env: Env, contact: Contact) -> dict[str, Any]:
    others = [p for p in contact.products if p != env.settings.product]
    return {
        "contact": contact,
        "name": (contact.full_name or "").strip() or contact.email or contact.id,
        "may_enter": env.contacts.may_enter(contact),
        "is_staff": env.contacts.is_staff(contact),
        "can_be_let_in": bool(contact.email and contact.company_id),
        "other_products": others,
    }
