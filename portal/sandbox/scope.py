"""Whose records a caller may touch: the one place that keeps products apart.

The platform separates products by convention only (sm-api §1). A key bound to a product gets the
stricter kind: for it, another product's records do not exist, in any list, count, name or link.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Text, false, func, true, type_coerce

from portal.sandbox.envelope import invalid
from portal.sandbox.fields import Resource
from portal.sandbox.schema import OWNER_COLUMN
from portal.sandbox.validation import PRODUCT


@dataclass(frozen=True)
class Scope:
    """Every record, or with a `product` only that product's."""

    product: str | None = None

    def visible(self, resource: Resource, table: FromClause) -> ColumnElement[bool]:
        """The condition under which a row of `table` exists for this scope."""
        return true() if self.product is None else of_product(resource, table, self.product)

    def tagged(self, resource: Resource, table: FromClause, product: str) -> ColumnElement[bool]:
        """The condition of the product filter: to ask for another product finds nothing."""
        if self.product not in (None, product):
            return false()
        return of_product(resource, table, product)

    def claimed(
        self, resource: Resource, changes: dict[str, Any], existing: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """The changes as this scope may make them: a new record is tagged with its product.

        `existing` is the record as stored. Raises Refusal (422) for another product's tag.
        """
        if self.product is None:
            return changes
        name = resource.product.field
        for tag in {name, "product"} & set(changes):
            _check_tag(tag, changes[tag], self.product)
        if resource.product.many:
            return self._claimed_among_many(name, changes, existing)
        return changes if existing is not None else {**changes, name: self.product}

    def _claimed_among_many(
        self, name: str, changes: dict[str, Any], existing: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        if existing is None:
            return {**changes, name: [self.product], "product": self.product}
        if name not in changes:
            return changes
        others = [tag for tag in existing[name] if tag != self.product]
        return {**changes, name: [*others, *changes[name]]}

    def shown(self, resource: Resource, record: dict[str, Any]) -> dict[str, Any]:
        """The record without the mention of other products."""
        if self.product is None or not resource.product.many:
            return record
        return {**record, resource.product.field: [self.product], "product": self.product}


EVERYTHING: Final = Scope()


def of_product(resource: Resource, table: FromClause, product: str) -> ColumnElement[bool]:
    """Whether a row belongs to the product, by the resource's rule."""
    if not PRODUCT.fullmatch(product):
        return false()
    rule = resource.product
    column = table.c[rule.field]
    if rule.many:
        # The list is JSON of slugs, which need no escapes: the quoted slug is in it or is not.
        return func.instr(type_coerce(column, Text), f'"{product}"') > 0
    return (table.c[OWNER_COLUMN] if rule.else_engagement else column) == product


def _check_tag(field: str, value: Any, product: str) -> None:
    tags = value if isinstance(value, list | tuple) else [value]
    if any(tag not in (None, product) for tag in tags):
        raise invalid(field, f"this key may only write records of {product}")
