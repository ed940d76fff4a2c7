"""Writes for browser code: a short list for clients, the guide's examples for staff."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from portal.activity.outbox import Activity
from portal.activity.write import ACTIVITIES, Write
from portal.api.envelope import envelope, ok
from portal.auth.gate import access_of, session_of, staff_access_of, viewer_of
from portal.crm.models import Contact
from portal.domain import profile as changing
from portal.env import env_of
from portal.errors import (
    AccessRemoved,
    BadInput,
    FieldNotAllowed,
    NotFound,
    RoleNotAllowed,
    SMApiError,
    SMApiRejected,
)
from portal.submitted import json_object

PREFERENCES: Final = ("timezone", "locale")
OWN_FIELDS: Final = frozenset({*changing.LONGEST, *PREFERENCES})
"""What people may change about themselves. The address is how they sign in, so it is not here."""

LONGEST_TEXT: Final = 2000
LONGEST_TITLE: Final = 1000
DEEPEST_METADATA: Final = 20
"""What the CRM takes at most: an activity that it would refuse later is refused now."""


class _SentActivity(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of an activity that browser code may send (sm-api §6)."""

    activity_type: str
    title: str | None = None
    description: str | None = None
    company_id: str | None = None
    contact_id: str | None = None
    source: str | None = None
    metadata: dict[str, Any] = {}


async def post_activity(request: Request) -> Response:
    """POST /api/activities: what happened on a page. 201 with the id it is queued under.

    A client's activity gets its company, contact and source from the session, and must be of a
    kind that clients may log. Staff name the company and contact, within this product, and get the
    CRM's own answer when it comes in time.
    """
    body = await json_object(request)
    sent = _read_activity(body)
    staff = staff_access_of(request)
    if staff is not None:
        return await _log_for_staff(request, await staff.own_activity(body))
    env, viewer = env_of(request), viewer_of(request)
    if sent.activity_type not in env.settings.client_activities:
        raise FieldNotAllowed("activity_type")
    if sent.company_id not in (None, viewer.company_id):
        raise NotFound
    queued = await env.outbox.record(
        Activity(
            activity_type=sent.activity_type,
            title=sent.title or sent.activity_type.replace("_", " ").capitalize(),
            description=sent.description,
            contact_id=viewer.contact_id,
            company_id=viewer.company_id,
            metadata=sent.metadata,
        )
    )
    return ok({"id": queued}, 201)


async def patch_contact(request: Request) -> Response:
    """PATCH /api/contacts/{id}: oneself, and only what people may change about themselves.

    202 when the CRM cannot be asked now: it will have the change once it can.
    Raises NotFound for anyone else, FieldNotAllowed for any other field.
    """
    contact_id, body = request.path_params["id"], await json_object(request)
    staff = staff_access_of(request)
    if staff is not None:
        return ok(await staff.patch_contact(contact_id, body))
    if contact_id != viewer_of(request).contact_id:
        raise NotFound
    is_there, _ = await _patch_self(request, body)
    return ok({"id": contact_id}, 200 if is_there else 202)


async def read_profile(request: Request) -> Response:
    """GET /api/profile: `{ok, profile}` (sm-api §7)."""
    return envelope({"ok": True, "profile": _profile(request.state.contact)})


async def patch_profile(request: Request) -> Response:
    """PATCH /api/profile: the same as patching one's own contact."""
    is_there, changes = await _patch_self(request, await json_object(request))
    known = {name: changes[name] for name in changes if hasattr(request.state.contact, name)}
    expected = msgspec.structs.replace(request.state.contact, **known)
    if not is_there:
        return envelope({"ok": True, "profile": _profile(expected)}, 202)
    claims = session_of(request).claims
    try:
        changed = await env_of(request).contacts.of_session(claims.id, claims.email)
    except SMApiError:
        # It has carried the change out; that it cannot be asked now takes nothing of that back.
        changed = expected
    if changed is None:
        raise AccessRemoved
    return envelope({"ok": True, "profile": _profile(changed)})


async def post_company(request: Request) -> Response:
    """POST /api/companies: staff only; the product is this portal's."""
    body = await json_object(request)
    staff = staff_access_of(request)
    if staff is None:
        raise RoleNotAllowed("Only our own people create companies.")
    return ok(await staff.post_company(body), 201)


async def _patch_self(request: Request, body: dict[str, Any]) -> tuple[bool, dict[str, str | None]]:
    """Whether the CRM has the changes already, and what they are."""
    changes = _own_changes(body)
    outbox = env_of(request).outbox
    return await access_of(request).change_self(changes, outbox), changes


def _own_changes(body: dict[str, Any]) -> dict[str, str | None]:
    """The changes that a body asks for, read as the account form is; null clears a field."""
    for name, value in body.items():
        if name not in OWN_FIELDS:
            raise FieldNotAllowed(name)
        if value is not None and not isinstance(value, str):
            raise BadInput(f"{name} must be a text.", field=name)
    cleared = [name for name in PREFERENCES if name in body and body[name] is None]
    typed = {name: value or "" for name, value in body.items() if name not in cleared}
    read = changing.read_profile(typed) if typed or not cleared else {}
    return {**read, **dict.fromkeys(cleared)}


async def _log_for_staff(request: Request, body: dict[str, Any]) -> Response:
    contact_id = body.get("contact_id")
    line = contact_id if isinstance(contact_id, str) else None
    try:
        queued, answer = await env_of(request).outbox.write(Write("POST", ACTIVITIES, body), line)
    except SMApiRejected as error:
        raise error.as_bad_input() from error
    return ok({"id": queued} if answer is None else answer.data, 201)


def _profile(contact: Contact) -> dict[str, Any]:
    return {
        "id": contact.id,
        "full_name": contact.full_name,
        "email": contact.email,
        "title": contact.title,
        "phone": contact.phone,
        "photo_url": contact.photo_url,
        "company_name": contact.company_name,
        "portal_role": contact.portal_role,
        "emails": [{"email": contact.email, "is_primary": 1}],
    }


def _read_activity(body: dict[str, Any]) -> _SentActivity:
    try:
        sent = msgspec.convert(body, _SentActivity)
    except msgspec.ValidationError as error:
        raise BadInput(f"The activity does not fit: {error}") from error
    if not sent.activity_type.strip():
        raise BadInput("activity_type is missing.", field="activity_type")
    _check_text("activity_type", sent.activity_type, LONGEST_TITLE)
    _check_text("title", sent.title or "", LONGEST_TITLE)
    _check_text("description", sent.description or "", LONGEST_TEXT)
    if _depth(sent.metadata) > DEEPEST_METADATA:
        raise BadInput("metadata is nested too deep.", field="metadata")
    return sent


def _check_text(field: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise BadInput(f"{field} is too long.", field=field)
    if "\0" in text:
        raise BadInput(f"{field} must not contain NUL.", field=field)


def _depth(value: Any) -> int:
    """How many levels lie in a JSON value: 1 for a plain one, or for an empty object or list."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [inner for outer in level for inner in _inside(outer)]
    return depth


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
