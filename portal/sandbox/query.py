"""Reading records: lists with their filters, single records, the company's detail.

Every function takes the Scope of who asks. Under a scope bound to a product a reference to
another product's record reads as null, so that not even its id is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Text,
    and_,
    collate,
    func,
    select,
)

from portal.sandbox.fields import Filter, Match, Resource
from portal.sandbox.resources import BY_NAME, COMPANIES, CONTACTS, DEALS, ENGAGEMENTS, INVOICES
from portal.sandbox.schema import SEARCH_COLUMN, TABLES, folded
from portal.sandbox.scope import Scope

ACTIVE_ENGAGEMENT: Final = ("id", "name", "status", "monthly_revenue", "headcount")
RECENT_INVOICE: Final = ("id", "amount", "status", "issued_date")
RECENT_INVOICES: Final = 12


@dataclass(frozen=True)
class Page:
    """Some records of a list, and how many there are in all."""

    items: list[dict[str, Any]]
    total: int


@dataclass(frozen=True)
class _View:
    """A resource as a scope sees it: the tables joined, and what each field of the answer is."""

    resource: Resource
    scope: Scope
    source: FromClause
    fields: Mapping[str, ColumnElement[Any]]

    def where(self, filters: Mapping[str, str]) -> ColumnElement[bool]:
        """The scope's condition and those of the filters given."""
        table = TABLES[self.resource.name]
        wanted = [
            self._condition(f, filters[f.parameter])
            for f in self.resource.filters
            if f.parameter in filters
        ]
        return and_(self.scope.visible(self.resource, table), *wanted)

    def _condition(self, wanted: Filter, value: str) -> ColumnElement[bool]:
        table = TABLES[self.resource.name]
        if wanted.match is Match.PRODUCT:
            return self.scope.tagged(self.resource, table, value)
        if wanted.match is Match.SEARCH:
            # A substring test and not LIKE: `%` and `_` are ordinary characters here.
            return func.instr(table.c[SEARCH_COLUMN], folded(value)) > 0
        return self.fields[wanted.compares] == value

    def order(self, sort: str | None) -> list[ColumnElement[Any]]:
        """How the list is sorted; the id breaks ties."""
        sorted_by = self.resource.sorts.get(sort or "")
        named = [sorted_by] if sorted_by else []
        return [part for name in (*named, self.resource.order) for part in self._order_by(name)]

    def _order_by(self, name: str) -> list[ColumnElement[Any]]:
        table = TABLES[self.resource.name]
        column = table.c[name.removeprefix("-")]
        if name.startswith("-"):
            return (
                [column.desc(), table.c.id.desc()]
                if name == self.resource.order
                else [column.desc().nulls_last()]
            )
        by = collate(column, "NOCASE") if isinstance(column.type, Text) else column
        return [by, table.c.id]

    @cached_property
    def select(self) -> Select[Any]:
        """All fields of the answer, of no particular rows yet."""
        columns = [column.label(name) for name, column in self.fields.items()]
        return select(*columns).select_from(self.source)


@lru_cache(maxsize=256)
def _view(name: str, scope: Scope) -> _View:
    resource = BY_NAME[name]
    table = TABLES[resource.name]
    source: FromClause = table
    fields: dict[str, ColumnElement[Any]] = {"id": table.c.id}
    for field in resource.fields:
        fields[field.name] = table.c[field.name]
        names = [joined for joined in resource.names if joined.via == field.name]
        if field.refers_to is None or not (names or scope.product):
            continue
        target = TABLES[field.refers_to].alias(f"{field.name}_target")
        exists = scope.visible(BY_NAME[field.refers_to], target)
        source = source.outerjoin(target, and_(target.c.id == table.c[field.name], exists))
        if scope.product is not None:
            fields[field.name] = target.c.id
        for joined in names:
            shown = [target.c[column] for column in joined.shows]
            fields[joined.name] = func.coalesce(*shown, None)
    return _View(resource, scope, source, fields)


def list_records(
    connection: Connection,
    resource: Resource,
    scope: Scope,
    filters: Mapping[str, str],
    *,
    limit: int,
    offset: int = 0,
    sort: str | None = None,
) -> list[dict[str, Any]]:
    """Records in the resource's order. Filters are by query parameter; unknown ones count not."""
    view = _view(resource.name, scope)
    statement = view.select.where(view.where(filters)).order_by(*view.order(sort))
    rows = connection.execute(statement.limit(limit).offset(offset)).mappings()
    return [scope.shown(resource, dict(row)) for row in rows]


def count_records(
    connection: Connection, resource: Resource, scope: Scope, filters: Mapping[str, str]
) -> int:
    """How many records `list_records` would give without a limit."""
    view = _view(resource.name, scope)
    statement = select(func.count()).select_from(view.source).where(view.where(filters))
    return connection.scalar(statement) or 0


def list_page(
    connection: Connection,
    resource: Resource,
    scope: Scope,
    filters: Mapping[str, str],
    *,
    limit: int,
    offset: int = 0,
    sort: str | None = None,
) -> Page:
    """One page, and the count of all."""
    items = list_records(
        connection, resource, scope, filters, limit=limit, offset=offset, sort=sort
    )
    return Page(items, count_records(connection, resource, scope, filters))


def find_record(
    connection: Connection, resource: Resource, scope: Scope, record_id: str
) -> dict[str, Any] | None:
    """One record, or None when it does not exist for this scope."""
    view = _view(resource.name, scope)
    table = TABLES[resource.name]
    row = (
        connection.execute(view.select.where(table.c.id == record_id, view.where({})))
        .mappings()
        .first()
    )
    return None if row is None else scope.shown(resource, dict(row))


def record_exists(connection: Connection, resource: Resource, scope: Scope, record_id: str) -> bool:
    """Whether the record exists for this scope."""
    table = TABLES[resource.name]
    statement = select(table.c.id).where(table.c.id == record_id, scope.visible(resource, table))
    return connection.execute(statement).first() is not None


def company_detail(connection: Connection, scope: Scope, company_id: str) -> dict[str, Any] | None:
    """A company with its counts, active engagements and last invoices (sm-api §6)."""
    company = find_record(connection, COMPANIES, scope, company_id)
    if company is None:
        return None
    own = {"company_id": company_id}
    active = list_records(
        connection,
        ENGAGEMENTS,
        scope,
        {**own, "status": "active"},
        limit=ENGAGEMENTS.most_limit,
    )
    invoices = list_records(connection, INVOICES, scope, own, limit=RECENT_INVOICES)
    return {
        **company,
        "contacts_count": count_records(connection, CONTACTS, scope, own),
        "deals_count": count_records(connection, DEALS, scope, own),
        "engagements": [{name: e[name] for name in ACTIVE_ENGAGEMENT} for e in active],
        "recent_invoices": [{name: i[name] for name in RECENT_INVOICE} for i in invoices],
    }
