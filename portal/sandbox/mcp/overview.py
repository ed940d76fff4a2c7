"""`get_company_overview`: a client on one page, and the same as a resource to attach."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection

from portal.sandbox.envelope import not_found
from portal.sandbox.fields import Resource
from portal.sandbox.mcp.record_tools import ID
from portal.sandbox.mcp.schemas import (
    Schema,
    arguments_schema,
    list_of,
    object_schema,
    record_schema,
)
from portal.sandbox.mcp.tool import Tool, read_arguments
from portal.sandbox.query import count_records, find_record, list_records
from portal.sandbox.resources import (
    ACTIVITIES,
    COMPANIES,
    CONTACTS,
    DEALS,
    ENGAGEMENTS,
    INVOICES,
)
from portal.sandbox.scope import Scope

MOST_SHOWN: Final = 50
ACTIVITIES_SHOWN: Final = 20
OPEN: Final = ("overdue", "sent")
FIELDS: Final = (ID,)


def overview_tool() -> Tool:
    """The tool."""
    owed = object_schema(currency={"type": "string"}, amount={"type": ["number", "string"]})
    return Tool(
        name="get_company_overview",
        title="Get a company's overview",
        description=(
            "Get a company with its contacts, engagements, open invoices (overdue first, with what "
            "is owed in each currency) and most recent activities, in one call: the best start "
            f"for any question about one client. Of each at most {MOST_SHOWN} records "
            f"({ACTIVITIES_SHOWN} activities) and the total; the list tools with company_id give "
            "the rest. Without an id, use search first."
        ),
        takes=arguments_schema(FIELDS, COMPANIES.name),
        gives=object_schema(
            company=record_schema(COMPANIES),
            contacts=_some(CONTACTS),
            engagements=_some(ENGAGEMENTS),
            open_invoices=_some(INVOICES, owed=list_of(owed)),
            recent_activities=_some(ACTIVITIES),
            deals_total={"type": "integer"},
        ),
        act=lambda call: company_overview(
            call.connection, call.scope, read_arguments(FIELDS, call.arguments)["id"]
        ),
        about=COMPANIES,
    )


def company_overview(connection: Connection, scope: Scope, company_id: str) -> dict[str, Any]:
    """The overview. Raises Refusal (404)."""
    company = find_record(connection, COMPANIES, scope, company_id)
    if company is None:
        raise not_found()
    own = {"company_id": company_id}
    invoices = [
        invoice
        for status in OPEN
        for invoice in _all(connection, INVOICES, scope, own | {"status": status})
    ]
    return {
        "company": company,
        "contacts": _shown(connection, CONTACTS, scope, own),
        "engagements": _shown(connection, ENGAGEMENTS, scope, own),
        "open_invoices": {
            "items": invoices[:MOST_SHOWN],
            "total": len(invoices),
            "owed": owed_by_currency(invoices),
        },
        "recent_activities": _shown(connection, ACTIVITIES, scope, own, ACTIVITIES_SHOWN),
        "deals_total": count_records(connection, DEALS, scope, own),
    }


def owed_by_currency(invoices: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is left to pay, each currency by itself, by name."""
    owed: dict[str, int | Decimal] = defaultdict(int)
    for invoice in invoices:
        owed[invoice["currency"]] += invoice["amount"] - (invoice["amount_paid"] or 0)
    return [{"currency": currency, "amount": owed[currency]} for currency in sorted(owed)]


def _all(
    connection: Connection, resource: Resource, scope: Scope, filters: Mapping[str, str]
) -> list[dict[str, Any]]:
    count = count_records(connection, resource, scope, filters)
    return list_records(connection, resource, scope, filters, limit=count)


def _shown(
    connection: Connection,
    resource: Resource,
    scope: Scope,
    own: Mapping[str, str],
    most: int = MOST_SHOWN,
) -> dict[str, Any]:
    return {
        "items": list_records(connection, resource, scope, own, limit=most),
        "total": count_records(connection, resource, scope, own),
    }


def _some(resource: Resource, **more: Schema) -> Schema:
    items = list_of(record_schema(resource))
    return object_schema(items=items, total={"type": "integer"}, **more)
