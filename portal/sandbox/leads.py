"""Leads: a form that anybody may send, and what follows from it (sm-api §6).

`POST /api/leads` needs no credential. The lead, a contact when its address is new, and a
`lead_submitted` activity come into being together or not at all. `GET /api/leads` is for programs
and for staff behind the edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as insert_or_update
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from portal.sandbox.api import caller_of, list_response, store_of, write_once
from portal.sandbox.callers import Caller, CallerKind, api_key, service_token
from portal.sandbox.config import SandboxConfig
from portal.sandbox.envelope import Answer, Refusal
from portal.sandbox.resources import ACTIVITIES, CONTACTS, LEADS
from portal.sandbox.schema import LEAD_POSTS, SEARCH_COLUMN, TABLES, folded
from portal.sandbox.scope import Scope
from portal.sandbox.store import Store, new_id
from portal.sandbox.validation import validate
from portal.sandbox.write import complete_row, create_record

MOST_BYTES: Final = 128 * 1024
IPV6_SITE: Final = 64
"""The bits of an IPv6 address that one customer of a provider shares."""


def routes() -> list[BaseRoute]:
    """The one route."""
    return [Route("/api/leads", leads, methods=["GET", "POST"])]


async def leads(request: Request) -> Response:
    """POST: hand in a lead. GET: the leads, newest first."""
    if request.method in ("GET", "HEAD"):
        caller = caller_of(request)
        if caller.kind is CallerKind.SESSION:
            error = "For service tokens, API keys and staff behind the edge only"
            raise Refusal(403, error, reason="not_authorized")
        return list_response(request, LEADS, caller)
    caller, store = _sender(request), store_of(request)
    if caller.kind is CallerKind.PUBLIC:
        _count_post(store, request.app.state.config, caller.name)
    return await write_once(
        request,
        caller,
        lambda connection, body: Answer.success(
            submit_lead(connection, caller.scope, body, store.now()), 201
        ),
        most_bytes=MOST_BYTES,
    )


def _sender(request: Request) -> Caller:
    """The program that sends a form on, or the public, told apart by address.

    A cookie is not looked at: a visitor whose session has ended can still write to us.
    """
    state = request.app.state
    for recognize in (service_token(state.config), api_key(state.store)):
        caller = recognize(request)
        if caller is not None:
            return caller
    return Caller(CallerKind.PUBLIC, _address(request, state.config))


def _address(request: Request, config: SandboxConfig) -> str:
    """Where the request came from; of an IPv6 address, the network that its owner has."""
    address = request.client.host if request.client else "unknown"
    if config.trust_access_email:
        # Everything comes through the edge, which names the visitor in this header.
        address = request.headers.get("cf-connecting-ip", address)
    with suppress(ValueError):
        parsed = ip_address(address)
        if isinstance(parsed, IPv6Address):
            site = IPv6Network((int(parsed), IPV6_SITE), strict=False)
            return str(parsed.ipv4_mapped or site)
    return address[:100]


def _count_post(store: Store, config: SandboxConfig, address: str) -> None:
    """Count this post in the current window. Raises Refusal (429) for one too many."""
    now = int(store.clock().timestamp())
    window = now - now % config.lead_seconds
    counted = insert_or_update(LEAD_POSTS).values(address=address, window=window, posts=1)
    with store.writing() as connection:
        connection.execute(delete(LEAD_POSTS).where(LEAD_POSTS.c.window < window))
        posts = connection.scalar(
            counted.on_conflict_do_update(
                index_elements=["address"], set_={"posts": LEAD_POSTS.c.posts + 1}
            ).returning(LEAD_POSTS.c.posts)
        )
    if posts is not None and posts > config.lead_posts:
        wait = {"Retry-After": str(window + config.lead_seconds - now)}
        raise Refusal(429, "Too many leads from this address", headers=wait)


def submit_lead(
    connection: Connection, scope: Scope, body: Mapping[str, Any], now: str
) -> dict[str, Any]:
    """Store a lead with all its effects; its id and contact. Raises Refusal (422)."""
    given = scope.claimed(LEADS, validate(LEADS, body, creating=True), None)
    stamps = {"created_at": now, "updated_at": now}
    lead = complete_row(LEADS, {"id": new_id(LEADS.prefix), **stamps, **given})
    lead["contact_id"] = _known(connection, scope, lead["email"]) or _new(
        connection, scope, lead, now
    )
    connection.execute(insert(TABLES[LEADS.name]).values(lead))
    _tell(connection, scope, lead, now)
    return {"id": lead["id"], "contact_id": lead["contact_id"], "submitted": True}


def _known(connection: Connection, scope: Scope, email: str) -> str | None:
    """The id of the first contact with this whole address, which stays as it is."""
    contacts, address = TABLES[CONTACTS.name], folded(email)
    found = connection.execute(
        select(contacts.c.id, contacts.c.email)
        .where(
            func.instr(contacts.c[SEARCH_COLUMN], address) > 0,
            contacts.c.email.is_not(None),
            scope.visible(CONTACTS, contacts),
        )
        .order_by(contacts.c.created_at, contacts.c.id)
    )
    return next((str(row.id) for row in found if folded(row.email) == address), None)


def _new(connection: Connection, scope: Scope, lead: Mapping[str, Any], now: str) -> str:
    contact = {
        "email": lead["email"],
        "full_name": lead["name"],
        "contact_type": "lead",
        "phone": lead["phone"],
        "source": lead["source"],
        "product": lead["product"],
    }
    return str(create_record(connection, CONTACTS, scope, contact, now)["id"])


def _tell(connection: Connection, scope: Scope, lead: Mapping[str, Any], now: str) -> None:
    activity = {
        "activity_type": "lead_submitted",
        "contact_id": lead["contact_id"],
        "title": f"Lead submitted by {lead['name']}",
        "description": lead["project_description"],
        "source": lead["product"] or lead["source"],
        "source_id": lead["id"],
        "metadata": {name: lead[name] for name in ("email", "company", "source", "source_detail")},
    }
    create_record(connection, ACTIVITIES, scope, activity, now)
