"""What portals read beside the CRM: configuration, one's portals, one's profile (sm-api §7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from portal.sandbox.api import store_of
from portal.sandbox.auth.client_scope import preview_refusal
from portal.sandbox.auth.me import ROLE_NAMES, role_of
from portal.sandbox.auth.people import Contact, Person, may_enter
from portal.sandbox.auth.portals import PORTALS, Portal
from portal.sandbox.auth.who import person_of
from portal.sandbox.body import parse_object, read_body
from portal.sandbox.envelope import Refusal, invalid, not_found
from portal.sandbox.resources import CONTACTS
from portal.sandbox.scope import EVERYTHING
from portal.sandbox.write import change_record

OWN_FIELDS: Final = frozenset({"full_name", "title", "phone", "photo_url"})
"""What people change about themselves. The address is how they sign in, so it is not here."""

NO_STORE: Final = {"Cache-Control": "no-store"}


def routes() -> list[BaseRoute]:
    """Two public ones, and two for sessions."""
    return [
        Route("/api/portal/config", portal_config, methods=["GET"]),
        Route("/api/portals/{sub}/config", portals_config, methods=["GET"]),
        Route("/api/my-portals", my_portals, methods=["GET"]),
        Route("/api/profile", profile, methods=["GET", "PATCH"]),
    ]


async def portal_config(request: Request) -> Response:
    """GET /api/portal/config?subdomain=: `{ok, config}`, public."""
    subdomain = request.query_params.get("subdomain", "").strip()
    if not subdomain:
        raise invalid("subdomain", "is required")
    return JSONResponse({"ok": True, "config": _portal(subdomain).config()})


async def portals_config(request: Request) -> Response:
    """GET /api/portals/:sub/config: the same under `data`."""
    return JSONResponse({"ok": True, "data": _portal(request.path_params["sub"]).config()})


async def my_portals(request: Request) -> Response:
    """GET /api/my-portals: where the signed-in person may go, the admin portal first."""
    person = person_of(request)
    role = role_of(person.seen)
    portals = [
        {"portal": slug, "role": role, **portal.brand()}
        for slug, portal in PORTALS.items()
        if slug in person.seen.products
    ]
    return JSONResponse({"ok": True, "data": {"portals": portals}}, headers=NO_STORE)


async def profile(request: Request) -> Response:
    """GET and PATCH /api/profile: `{ok, profile}` of the signed-in person.

    Raises Refusal: 401; 403 without access, or for a change during a preview; 422.
    """
    person = person_of(request)
    shown = person.seen
    if not shown.is_staff and not may_enter(shown.contact):
        raise Refusal(403, "No access", reason="not_authorized")
    if request.method == "PATCH":
        if person.viewing_as:
            raise preview_refusal()
        body = parse_object(await read_body(request))
        store = store_of(request)
        with store.writing() as connection:
            contact = _changed(connection, person.contact, body, store.now())
        shown = Person(contact, person.granted)
    return JSONResponse({"ok": True, "profile": _profile(shown)}, headers=NO_STORE)


def _portal(slug: str) -> Portal:
    portal = PORTALS.get(slug)
    if portal is None:
        raise not_found()
    return portal


def _changed(
    connection: Connection, contact: Contact, body: Mapping[str, Any], now: str
) -> Contact:
    for name in body:
        if name == "email":
            raise invalid("email", "cannot be changed here")
        if name not in OWN_FIELDS:
            raise invalid(name[:100], "no such field")
    name = body.get("full_name", "-")
    if name is None or (isinstance(name, str) and not name.strip()):
        raise invalid("full_name", "must not be empty")
    return change_record(connection, CONTACTS, EVERYTHING, contact["id"], body, now)


def _profile(person: Person) -> dict[str, Any]:
    contact, role = person.contact, role_of(person)
    return {
        "id": contact["id"],
        "full_name": contact["full_name"],
        "email": contact["email"],
        "title": contact["title"],
        "phone": contact["phone"],
        "photo_url": contact["photo_url"],
        "company_name": contact["company_name"],
        "portal_role": contact["portal_role"],
        "role": role,
        "role_label": ROLE_NAMES.get(role or ""),
        "hire_date": None,
        "portal_last_login": contact["portal_last_login"],
        "contact_type": contact["contact_type"],
        "emails": [{"email": contact["email"], "is_primary": 1}],
    }
