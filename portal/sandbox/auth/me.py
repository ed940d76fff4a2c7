"""GET /auth/me and /auth/logout: the session as browser code reads it, and its end (sm-api §5)."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from portal.sandbox.auth.cookies import clear_session, portal_of
from portal.sandbox.auth.people import Contact, Person, may_enter
from portal.sandbox.auth.portals import PORTALS
from portal.sandbox.auth.redirects import allowed_redirect
from portal.sandbox.auth.who import person_of
from portal.sandbox.config import SandboxConfig
from portal.sandbox.envelope import Refusal

STAFF_ROLE: Final = "team"
ROLE_NAMES: Final = {
    "client_admin": "Client admin",
    "client_viewer": "Client viewer",
    STAFF_ROLE: "Sprint Mode team",
}
NO_STORE: Final = {"Cache-Control": "no-store"}


async def me(request: Request) -> Response:
    """Flat fields beside `ok`, and the same again as `user`: published readers want either.

    Raises Refusal: 401 signed out, 403 signed in but not for the portal in `X-SM-Product`.
    """
    person = person_of(request)
    slug = portal_of(request)
    if slug is not None and not _has_access(person, slug):
        raise Refusal(403, "No access to this portal", reason="not_authorized")
    fields = session_fields(person.seen)
    if person.viewing_as:
        fields["viewing_as"] = person.viewing_as
    user = {"id": fields["contact_id"], **fields}
    return JSONResponse({"ok": True, **fields, "user": user}, headers=NO_STORE)


async def logout(request: Request) -> Response:
    """GET or POST: clear the cookies, then on to `redirect` if it is a known portal's.

    Raises Refusal (403) for a link on a foreign site, which would sign people out unasked.
    """
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise Refusal(403, "Only from a Sprint Mode portal")
    config: SandboxConfig = request.app.state.config
    where = allowed_redirect(request.query_params.get("redirect"), config)
    response: Response = JSONResponse({"ok": True}, headers=NO_STORE)
    if where is not None:
        response = RedirectResponse(where, 302, headers=NO_STORE)
    clear_session(response, request, config)
    return response


def role_of(person: Person) -> str | None:
    """The role: staff's, else the contact's own."""
    return STAFF_ROLE if person.is_staff else person.contact["portal_role"]


def session_fields(person: Person) -> dict[str, Any]:
    """The fields that browser code may read of a session."""
    contact, role = person.contact, role_of(person)
    return {
        **_identity(contact),
        "role": role,
        "portal_role": role,
        "role_display_name": ROLE_NAMES.get(role or ""),
        "products": list(person.products),
        "is_sm_team": person.is_staff,
        "bugs_access": 0,
        "portals": _portals(person),
        "active_role_type": "team" if person.is_staff else "customer",
        "emails": [{"email": contact["email"], "is_primary": True}],
    }


def _identity(contact: Contact) -> dict[str, Any]:
    return {
        "contact_id": contact["id"],
        "user_id": contact["id"],
        "email": contact["email"],
        "name": contact["full_name"] or contact["email"],
        "photo": contact["photo_url"],
        "title": contact["title"],
        "company_id": contact["company_id"],
        "company_name": contact["company_name"],
    }


def _portals(person: Person) -> dict[str, Any]:
    return {
        slug: {
            "access": _has_access(person, slug),
            "view_as": "customers" if person.is_staff and slug != "admin" else False,
            **portal.brand(),
        }
        for slug, portal in PORTALS.items()
    }


def _has_access(person: Person, slug: str) -> bool:
    return person.is_staff or (may_enter(person.contact) and slug in person.products)
