"""People as callers of the CRM routes: by session cookie, or signed in by the edge (sm-api §3)."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from portal.sandbox.auth.client_scope import READABLE, ClientScope, preview_refusal
from portal.sandbox.auth.cookies import portal_of
from portal.sandbox.auth.people import (
    Person,
    contacts_with_address,
    may_enter,
    products_of,
    the_one,
)
from portal.sandbox.auth.who import find_person
from portal.sandbox.callers import Caller, CallerKind, Recognizer
from portal.sandbox.config import SandboxConfig
from portal.sandbox.envelope import Refusal
from portal.sandbox.fields import Match, Resource
from portal.sandbox.resources import ACTIVITIES, INVOICES
from portal.sandbox.store import Store

SAFE: Final = frozenset({"GET", "HEAD"})
READ_PATHS: Final = {f"/api/{resource.name}": resource for resource in READABLE}
ADMIN: Final = "client_admin"
EDGE_HEADER: Final = "cf-access-authenticated-user-email"


def person_recognizers(config: SandboxConfig, store: Store) -> tuple[Recognizer, ...]:
    """The edge's user where the configuration trusts it, then the session cookie."""
    edge = (edge_user(store),) if config.trust_access_email else ()
    return (*edge, session_cookie(config, store))


def session_cookie(config: SandboxConfig, store: Store) -> Recognizer:
    """`sm_session_<X-SM-Product>`, then `sm_client`: staff touch everything, clients their own."""

    def recognize(request: Request) -> Caller | None:
        person = find_person(request, config, store)
        return None if person is None else _caller(request, CallerKind.SESSION, person)

    return recognize


def edge_user(store: Store) -> Recognizer:
    """The person that the edge in front has signed in, as if by a session of all their products.

    Raises Refusal (403) for an address that is no contact's, or several's that may enter.
    """

    def recognize(request: Request) -> Caller | None:
        email = request.headers.get(EDGE_HEADER, "").strip()
        if not email:
            return None
        with store.reading() as connection:
            contact = the_one(contacts_with_address(connection, email))
        if contact is None:
            raise _no_access()
        person = Person(contact, products_of(contact))
        return _caller(request, CallerKind.EDGE_USER, person)

    return recognize


def _caller(request: Request, kind: CallerKind, person: Person) -> Caller:
    name = str(person.contact["id"])
    if person.is_staff and not person.viewing_as:
        return Caller(kind, name)
    scope = _client_scope(request, person)
    _check_door(request, scope)
    return Caller(kind, name, within=scope)


def _client_scope(request: Request, person: Person) -> ClientScope:
    """The scope of a client, or of the client that staff look at. Raises Refusal (403)."""
    client, products = person.seen.contact, person.seen.products
    if not may_enter(client) or client["company_id"] is None or not products:
        raise _no_access()
    asked = portal_of(request)
    return ClientScope(
        product=asked if asked in products else products[0],
        company_id=client["company_id"],
        contact_id=client["id"],
        products=products,
        is_admin=client["portal_role"] == ADMIN,
        read_only=bool(person.viewing_as),
    )


def _check_door(request: Request, scope: ClientScope) -> None:
    """Refuse what no client has (403): writes but one, internal resources and internal filters.

    The scope hides those too; said here, it is an answer and not an empty list.
    """
    method, path = request.method, request.scope["path"]
    if method not in SAFE:
        if scope.read_only:
            raise preview_refusal()
        if (method, path) != ("POST", f"/api/{ACTIVITIES.name}"):
            raise Refusal(403, "Clients cannot write this", reason="not_authorized")
        return
    resource = READ_PATHS.get(path) or READ_PATHS.get(path.rpartition("/")[0])
    if resource is None or (resource is INVOICES and not scope.is_admin):
        raise Refusal(403, "Not for this role", reason="not_authorized")
    for name in _internal_questions(resource):
        if name in request.query_params:
            raise Refusal(403, f"Clients cannot ask by {name}", reason="not_authorized", field=name)


def _internal_questions(resource: Resource) -> list[str]:
    """The parameters whose answer would tell what an internal field holds."""
    names = [
        f.parameter
        for f in resource.filters
        if f.match is Match.EXACT and resource.field(f.compares).internal
    ]
    sorted_by = (field.removeprefix("-") for field in resource.sorts.values())
    return [*names, *(["sort"] if any(resource.field(f).internal for f in sorted_by) else [])]


def _no_access() -> Refusal:
    return Refusal(403, "No access to this data", reason="not_authorized")
