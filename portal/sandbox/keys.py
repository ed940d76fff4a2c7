"""API keys: kept as hashes, each with a name and perhaps a product it is bound to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from secrets import token_urlsafe

from sqlalchemy import delete, insert, or_, select

from portal.sandbox.schema import API_KEYS
from portal.sandbox.store import Store
from portal.sandbox.validation import PRODUCT


@dataclass(frozen=True)
class ApiKey:
    """What is known of a key afterwards; the key itself is not. `created_at` is ISO in UTC."""

    name: str
    product: str | None
    created_at: str


def create_api_key(
    store: Store, name: str, product: str | None = None, *, key: str | None = None
) -> str:
    """Make a key, or register `key`, under a name; returns it, for the only time.

    An older key of the same name stops working. Raises ValueError for what is not a product.
    """
    if product is not None and not PRODUCT.fullmatch(product):
        raise ValueError(f"not a product: {product!r}")
    key = key or f"smk_{token_urlsafe(32)}"
    row = {"key_hash": _hash(key), "name": name, "product": product, "created_at": store.now()}
    with store.writing() as connection:
        same = or_(API_KEYS.c.name == name, API_KEYS.c.key_hash == row["key_hash"])
        connection.execute(delete(API_KEYS).where(same))
        connection.execute(insert(API_KEYS).values(row))
    return key


def list_api_keys(store: Store) -> list[ApiKey]:
    """Every key, by name."""
    columns = (API_KEYS.c.name, API_KEYS.c.product, API_KEYS.c.created_at)
    with store.reading() as connection:
        return [ApiKey(*row) for row in connection.execute(select(*columns).order_by("name"))]


def find_api_key(store: Store, key: str) -> ApiKey | None:
    """Whose key it is. Looked up by hash, so the time it takes tells nothing of the key."""
    columns = (API_KEYS.c.name, API_KEYS.c.product, API_KEYS.c.created_at)
    with store.reading() as connection:
        row = connection.execute(select(*columns).where(API_KEYS.c.key_hash == _hash(key))).first()
    return None if row is None else ApiKey(*row)


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
