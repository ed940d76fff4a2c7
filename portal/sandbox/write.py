"""Writing records: validated, within the caller's scope, or refused as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select, true, update

from portal.sandbox.envelope import Refusal, invalid, not_found
from portal.sandbox.fields import Resource
from portal.sandbox.query import find_record, record_exists
from portal.sandbox.resources import BY_NAME, CONTACTS, ENGAGEMENTS, RESOURCES
from portal.sandbox.schema import OWNER_COLUMN, SEARCH_COLUMN, TABLES, folded, search_text
from portal.sandbox.scope import EVERYTHING, Scope
from portal.sandbox.store import new_id
from portal.sandbox.validation import validate


def create_record(
    connection: Connection, resource: Resource, scope: Scope, body: Mapping[str, Any], now: str
) -> dict[str, Any]:
    """Insert what `body` describes and return it as stored. Raises Refusal (409, 422)."""
    given = scope.claimed(resource, validate(resource, body, creating=True), None)
    _check_references(connection, resource, scope, given)
    record = {"id": new_id(resource.prefix), "created_at": now, "updated_at": now, **given}
    row = complete_row(resource, record)
    _check_address(connection, resource, scope, row)
    table = TABLES[resource.name]
    connection.execute(insert(table).values(row))
    settle_owner(connection, resource, table.c.id == row["id"])
    return _written(connection, resource, scope, row["id"])


def change_record(
    connection: Connection,
    resource: Resource,
    scope: Scope,
    record_id: str,
    body: Mapping[str, Any],
    now: str,
) -> dict[str, Any]:
    """Apply the changes of `body` and return the record. Raises Refusal (404, 409, 422)."""
    if not record_exists(connection, resource, scope, record_id):
        raise not_found()
    existing = find_record(connection, resource, EVERYTHING, record_id)
    assert existing is not None
    changes = scope.claimed(resource, validate(resource, body, creating=False), existing)
    changes = resource.complete(changes, existing)
    _check_references(connection, resource, scope, changes)
    after = {**existing, **changes}
    _check_one_of_required(resource, after)
    if {"email", "company_id"} & set(changes):
        _check_address(connection, resource, scope, after)
    if changes:
        row = {**changes, **_searched(resource, after), "updated_at": now}
        table = TABLES[resource.name]
        connection.execute(update(table).where(table.c.id == record_id).values(row))
        _settle_owners(connection, resource, record_id)
    return _written(connection, resource, scope, record_id)


def insert_records(
    connection: Connection, resource: Resource, records: Iterable[Mapping[str, Any]]
) -> None:
    """Insert many records that need no checks: the demo's. Each has id and created_at."""
    rows = [complete_row(resource, {"updated_at": r["created_at"], **r}) for r in records]
    if rows:
        connection.execute(insert(TABLES[resource.name]), rows)
        settle_owner(connection, resource, true())


def settle_owner(connection: Connection, resource: Resource, which: ColumnElement[bool]) -> None:
    """Note whose product the records are, where that may depend on their engagement."""
    rule, table = resource.product, TABLES[resource.name]
    if rule.else_engagement:
        engagement = TABLES["engagements"].c
        its = select(engagement.product).where(engagement.id == table.c.engagement_id)
        owner = func.coalesce(table.c[rule.field], its.scalar_subquery())
        connection.execute(update(table).where(which).values({OWNER_COLUMN: owner}))


def _settle_owners(connection: Connection, changed: Resource, record_id: str) -> None:
    settle_owner(connection, changed, TABLES[changed.name].c.id == record_id)
    if changed is ENGAGEMENTS:
        for resource in RESOURCES:
            if resource.product.else_engagement:
                which = TABLES[resource.name].c.engagement_id == record_id
                settle_owner(connection, resource, which)


def complete_row(resource: Resource, record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with its defaults, what follows from other fields, and its search text."""
    defaults = {field.name: field.default for field in resource.fields}
    row = {**defaults, **record}
    row |= resource.complete(row, None)
    return row | _searched(resource, row)


def _searched(resource: Resource, record: Mapping[str, Any]) -> dict[str, str]:
    if not resource.searched:
        return {}
    return {SEARCH_COLUMN: search_text(record[name] for name in resource.searched)}


def _written(
    connection: Connection, resource: Resource, scope: Scope, record_id: str
) -> dict[str, Any]:
    record = find_record(connection, resource, scope, record_id)
    if record is None:
        raise invalid(resource.product.field, f"the record would not be {scope.product}'s")
    return record


def _check_references(
    connection: Connection, resource: Resource, scope: Scope, values: Mapping[str, Any]
) -> None:
    for field in resource.fields:
        target, value = field.refers_to, values.get(field.name)
        if (
            target is not None
            and value is not None
            and not record_exists(connection, BY_NAME[target], scope, value)
        ):
            raise invalid(field.name, f"there is no such {BY_NAME[target].singular}")


def _check_one_of_required(resource: Resource, record: Mapping[str, Any]) -> None:
    either = resource.one_of_required
    if either and all(record[name] is None for name in either):
        raise invalid(either[0], f"one of {', '.join(either)} is required")


def _check_address(
    connection: Connection, resource: Resource, scope: Scope, row: Mapping[str, Any]
) -> None:
    """A company has one contact for an address, whatever its case (ours; 409)."""
    if resource is not CONTACTS or row["email"] is None or row["company_id"] is None:
        return
    table = TABLES[resource.name]
    others = connection.scalars(
        select(table.c.email).where(
            table.c.company_id == row["company_id"],
            table.c.id != row["id"],
            scope.visible(resource, table),
        )
    )
    if any(other is not None and folded(other) == folded(row["email"]) for other in others):
        raise Refusal(409, "This company already has a contact with this email", field="email")
