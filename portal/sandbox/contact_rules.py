"""What follows from what: a contact's full name and `products`, a lead's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def complete_contact(changes: dict[str, Any], existing: Mapping[str, Any] | None) -> dict[str, Any]:
    """The changes with what they imply. `existing` is None for a new contact.

    `full_name` overrides the concatenation (sm-api §6). A `product` adds to `products`
    (sm-api §16, 22); `product` is always one of `products`, or null when there is none.
    """
    before: Mapping[str, Any] = existing or {}
    return {**changes, **_full_name(changes, before), **_products(changes, before)}


def complete_lead(changes: dict[str, Any], existing: Mapping[str, Any] | None) -> dict[str, Any]:
    """A lead without a name is called by the local part of its address (sm-api §6)."""
    if existing is not None or (changes.get("name") or "").strip():
        return changes
    return {**changes, "name": changes["email"].partition("@")[0]}


def _full_name(changes: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    if changes.get("full_name") or not {"first_name", "last_name", "full_name"} & set(changes):
        return {}
    was_joined = before.get("full_name") in (None, _joined(before))
    if "full_name" not in changes and not was_joined:
        return {}
    return {"full_name": _joined({**before, **changes})}


def _joined(names: Mapping[str, Any]) -> str | None:
    parts = (names.get("first_name"), names.get("last_name"))
    return " ".join(part for part in parts if part) or None


def _products(changes: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    if not {"product", "products"} & set(changes):
        return {}
    products = list(dict.fromkeys(changes.get("products", before.get("products", ()))))
    product = changes.get("product")
    if product is not None and product not in products:
        products.append(product)
    if product is None:
        kept = before.get("product")
        product = kept if kept in products else next(iter(products), None)
    return {"product": product, "products": products}
