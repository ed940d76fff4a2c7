"""The tools that every resource has: list, get, create and update, as its operations allow."""

from __future__ import annotations

from typing import Any, Final

from portal.sandbox.envelope import Refusal, invalid, not_found
from portal.sandbox.fields import Field, Filter, Kind, Match, Operation, Resource, Writable
from portal.sandbox.mcp.schemas import (
    arguments_schema,
    changes_schema,
    list_of,
    object_schema,
    record_schema,
)
from portal.sandbox.mcp.tool import Call, Effect, Tool, read_arguments
from portal.sandbox.mcp.words import a, finding, resource_words
from portal.sandbox.query import company_detail, find_record, list_page, record_exists
from portal.sandbox.resources import BY_NAME, COMPANIES
from portal.sandbox.write import change_record, create_record

DEFAULT_LIMIT: Final = 25
MOST_LIMIT: Final = 100
LAST_PAGE: Final = 1_000_000
ID: Final = Field("id", Kind.REFERENCE, required=True)
"""The argument that names one record."""


def record_tools(resource: Resource) -> list[Tool]:
    """The resource's tools.

    One with routes of its own does more on a write than store a record: such a tool is made apart.
    """
    makers = {
        Operation.LIST: _list_tool,
        Operation.READ: _get_tool,
        Operation.CREATE: _create_tool,
        Operation.CHANGE: _update_tool,
    }
    reading = (Operation.LIST, Operation.READ)
    return [
        make(resource)
        for operation, make in makers.items()
        if operation in resource.operations and (operation in reading or not resource.own_routes)
    ]


def _list_tool(resource: Resource) -> Tool:
    fields = (*(_filter(resource, f) for f in resource.filters), *_paging(resource))
    words = resource_words(resource)
    order = f"by {resource.order}" if not resource.order.startswith("-") else "newest first"
    filters = ", ".join(f.parameter for f in resource.filters)
    description = _joined(
        f"List {resource.name}, {order}, all or narrowed by {filters}.",
        words.what,
        "Returns items with all their fields, total (how many there are in all), and next_page: "
        "pass it as page for more; null means that this was the last.",
        words.after,
    )

    def act(call: Call) -> dict[str, Any]:
        given = read_arguments(fields, call.arguments)
        _check_references(call, fields, given)
        page, limit = given["page"], given["limit"]
        found = list_page(
            call.connection,
            resource,
            call.scope,
            {name: value for name, value in given.items() if name not in ("page", "limit", "sort")},
            limit=limit,
            offset=(page - 1) * limit,
            sort=given.get("sort"),
        )
        more = page * limit < found.total
        return {
            "items": found.items,
            "total": found.total,
            "page": page,
            "limit": limit,
            "next_page": page + 1 if more else None,
        }

    number = {"type": "integer"}
    return Tool(
        name=f"list_{resource.name}",
        title=f"List {resource.name}",
        description=description,
        takes=arguments_schema(fields, resource.name),
        gives=object_schema(
            items=list_of(record_schema(resource)),
            total=number,
            page=number,
            limit=number,
            next_page={"type": ["integer", "null"]},
        ),
        act=act,
        about=resource,
    )


def _get_tool(resource: Resource) -> Tool:
    fields = (ID,)
    description = _joined(
        f"Get one {resource.singular} by its id, with all its fields.",
        "Its counts, active engagements and last invoices come with it."
        if resource is COMPANIES
        else "",
        f"Without an id, use {finding(resource)} first.",
        resource_words(resource).after,
    )

    def act(call: Call) -> dict[str, Any]:
        record_id = read_arguments(fields, call.arguments)["id"]
        if resource is COMPANIES:
            record = company_detail(call.connection, call.scope, record_id)
        else:
            record = find_record(call.connection, resource, call.scope, record_id)
        if record is None:
            raise not_found()
        return record

    return Tool(
        name=f"get_{resource.singular}",
        title=f"Get {a(resource)}",
        description=description,
        takes=arguments_schema(fields, resource.name),
        gives=record_schema(resource),
        act=act,
        about=resource,
    )


def _create_tool(resource: Resource) -> Tool:
    fields = tuple(f for f in resource.fields if f.writable is not Writable.NEVER)
    description = _joined(
        f"Create {a(resource)}.",
        resource_words(resource).what,
        resource_words(resource).creating,
        "Returns the record as stored, with its new id. Calling it twice creates two.",
    )

    def act(call: Call) -> dict[str, Any]:
        return create_record(call.connection, resource, call.scope, call.arguments, call.now)

    return Tool(
        name=f"create_{resource.singular}",
        title=f"Create {a(resource)}",
        description=description,
        takes=arguments_schema(fields, resource.name),
        gives=record_schema(resource),
        act=act,
        effect=Effect.CREATE,
        about=resource,
    )


def _update_tool(resource: Resource) -> Tool:
    changing = tuple(f for f in resource.fields if f.writable is Writable.ALWAYS)
    description = _joined(
        f"Change fields of one {resource.singular}; what you leave out stays as it is, and null "
        "empties an optional field.",
        f"Without an id, use {finding(resource)} first; look with get_{resource.singular} before "
        "you overwrite text.",
        "Returns the whole record as it is now.",
    )

    def act(call: Call) -> dict[str, Any]:
        changes = dict(call.arguments)
        only_id = {"id": changes.pop("id", None)}
        record_id = read_arguments((ID,), only_id)["id"]
        if not changes:
            raise invalid(
                "id", f"is not enough; give a field to change, such as {changing[0].name}"
            )
        return change_record(call.connection, resource, call.scope, record_id, changes, call.now)

    return Tool(
        name=f"update_{resource.singular}",
        title=f"Update {a(resource)}",
        description=description,
        takes=changes_schema(ID, changing, resource.name),
        gives=record_schema(resource),
        act=act,
        effect=Effect.CHANGE,
        about=resource,
    )


def _filter(resource: Resource, wanted: Filter) -> Field:
    """The argument that a query parameter becomes: typed as the field that it compares."""
    if wanted.match is Match.PRODUCT:
        return Field(wanted.parameter, Kind.PRODUCT)
    if wanted.match is Match.SEARCH:
        return Field(wanted.parameter)
    compared = resource.field(wanted.compares)
    return Field(
        wanted.parameter,
        compared.kind,
        choices=compared.choices,
        refers_to=compared.refers_to,
        minimum=compared.minimum,
        maximum=compared.maximum,
    )


def _paging(resource: Resource) -> tuple[Field, ...]:
    most = min(MOST_LIMIT, resource.most_limit)
    default = min(DEFAULT_LIMIT, resource.default_limit)
    sort = (Field("sort", choices=tuple(resource.sorts)),) if resource.sorts else ()
    return (
        *sort,
        Field("page", Kind.INTEGER, default=1, minimum=1, maximum=LAST_PAGE),
        Field("limit", Kind.INTEGER, default=default, minimum=1, maximum=most),
    )


def _check_references(call: Call, fields: tuple[Field, ...], given: dict[str, Any]) -> None:
    """A list of nothing would hide that an id is wrong. Raises Refusal (422)."""
    for field in fields:
        if field.refers_to is None or field.name not in given:
            continue
        target = BY_NAME[field.refers_to]
        if not record_exists(call.connection, target, call.scope, given[field.name]):
            raise Refusal(
                422, f"{field.name}: there is no such {target.singular}", field=field.name
            )


def _joined(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)
