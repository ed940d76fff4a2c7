"""The `search` tool: words, looked for in everything that people wrote into the CRM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, literal, or_, select

from portal.sandbox.fields import Field, Kind, Operation, Resource
from portal.sandbox.mcp.schemas import arguments_schema, list_of, object_schema
from portal.sandbox.mcp.tool import Call, Tool, read_arguments
from portal.sandbox.query import find_record
from portal.sandbox.resources import RESOURCES
from portal.sandbox.schema import TABLES, folded
from portal.sandbox.scope import Scope

SEARCHED: Final = tuple(r for r in RESOURCES if Operation.READ in r.operations)
SEARCHED_KINDS: Final = frozenset({Kind.TEXT, Kind.LONG_TEXT, Kind.EMAIL, Kind.URL})
TITLES: Final = ("name", "full_name", "title", "invoice_number", "email", "activity_type")
AROUND: Final = 80
"""How many characters a snippet shows on either side of the word found."""

FIELDS: Final = (
    Field("query", required=True, longest=200),
    Field("kind", choices=tuple(resource.singular for resource in SEARCHED)),
    Field("limit", Kind.INTEGER, default=5, minimum=1, maximum=20),
)


def search_tool() -> Tool:
    """The tool."""
    names = [resource.name for resource in SEARCHED]
    text = {"type": "string"}
    return Tool(
        name="search",
        title="Search the CRM",
        description=(
            f"Find {', '.join(names[:-1])} and {names[-1]} by words, when you have a name, an "
            "e-mail address, a domain, an invoice number or something that was said, and no id. "
            "Finds records whose own text has every word, in any case and order, also within "
            "words; a whole id finds its record. Returns items of kind, id, title and snippet (of "
            "each kind those called so first, then those that mention it, newest first), and more: "
            "the kinds that have further matches. "
            "Next: get_<kind> with the id, or get_company_overview for a company. What belongs to "
            "a company is found by a list tool with company_id, not by the company's name."
        ),
        takes=arguments_schema(FIELDS, "search"),
        gives=object_schema(
            items=list_of(object_schema(kind=text, id=text, title=text, snippet=text)),
            more=list_of(text),
        ),
        act=search,
    )


def search(call: Call) -> dict[str, Any]:
    """Up to `limit` matches of each kind. Raises Refusal (422)."""
    given = read_arguments(FIELDS, call.arguments)
    words, limit = folded(given["query"]).split(), given["limit"]
    items: list[dict[str, str]] = []
    more: list[str] = []
    _teach_folding(call.connection)
    for resource in SEARCHED:
        if given.get("kind", resource.singular) != resource.singular:
            continue
        found = _matching(call.connection, resource, call.scope, words, limit + 1)
        items += [_item(resource, record, words) for record in found[:limit]]
        more += [resource.singular] if len(found) > limit else []
    return {"items": items, "more": more}


def searched_fields(resource: Resource) -> tuple[Field, ...]:
    """The fields that hold what people wrote, rather than a mark from a list."""
    return tuple(
        field
        for field in resource.fields
        if field.kind in SEARCHED_KINDS
        and not field.choices
        and field.default is None
        and field.name != resource.product.field
    )


def _matching(
    connection: Connection, resource: Resource, scope: Scope, words: list[str], limit: int
) -> list[dict[str, Any]]:
    """Records called by the words come first, then those that mention them."""
    names = tuple(field.name for field in searched_fields(resource))
    titles = tuple(name for name in names if name in TITLES)
    ids: dict[str, None] = {}
    for among in (titles, names):
        found = _ids(connection, resource, scope, among, words, limit)
        ids |= dict.fromkeys(found)
    records = (find_record(connection, resource, scope, found) for found in list(ids)[:limit])
    return [record for record in records if record is not None]


def _ids(
    connection: Connection,
    resource: Resource,
    scope: Scope,
    among: tuple[str, ...],
    words: list[str],
    limit: int,
) -> Sequence[str]:
    table = TABLES[resource.name]
    text: ColumnElement[str] = literal("")
    for name in among:
        text = text.concat("\n").concat(func.coalesce(table.c[name], ""))
    has_words = and_(*(func.instr(func.folded(text), word) > 0 for word in words))
    is_named = table.c.id == " ".join(words)
    return connection.scalars(
        select(table.c.id)
        .where(scope.visible(resource, table), or_(is_named, has_words))
        .order_by(table.c.created_at.desc(), table.c.id.desc())
        .limit(limit)
    ).all()


def _item(resource: Resource, record: dict[str, Any], words: list[str]) -> dict[str, str]:
    title = next((str(record[name]) for name in TITLES if record.get(name)), record["id"])
    return {
        "kind": resource.singular,
        "id": record["id"],
        "title": title,
        "snippet": _snippet(resource, record, words[0]),
    }


def _snippet(resource: Resource, record: dict[str, Any], word: str) -> str:
    """The text around the first place where the word is, after the name of its field."""
    for field in searched_fields(resource):
        text = record[field.name] or ""
        # Folding may lengthen a text a little, so the place is near and not exact.
        at = folded(text).find(word)
        if at >= 0:
            start, end = max(at - AROUND, 0), at + len(word) + AROUND
            dots = ("…" if start else "", "…" if end < len(text) else "")
            return f"{field.name}: {dots[0]}{text[start:end]}{dots[1]}"
    return f"id: {record['id']}"


def _teach_folding(connection: Connection) -> None:
    """SQLite's own `lower` knows ASCII only."""
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.create_function("folded", 1, _folded, deterministic=True)


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else folded(text)
