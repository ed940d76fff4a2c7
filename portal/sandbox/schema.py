"""The SQL tables: one for each resource, and the sandbox's own."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

import msgspec
from sqlalchemy import (
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from portal.sandbox.fields import JSON_KINDS, Field, Kind, Resource
from portal.sandbox.resources import RESOURCES

MICROS: Final = 1_000_000
SEARCH_COLUMN: Final = "search_text"
"""What `search` looks into, kept beside the fields."""

OWNER_COLUMN: Final = "owner_product"
"""Whose the record is by its own tag or its engagement's, kept so that an index can answer."""

_encoder: Final = msgspec.json.Encoder(decimal_format="number", enc_hook=dict)
_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)


class Exact(TypeDecorator[int | Decimal]):
    """A number with up to six decimals, kept as whole millionths: exact, and it sorts."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: int | Decimal | None, dialect: Dialect) -> int | None:
        """To millionths."""
        return None if value is None else int(value * MICROS)

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | Decimal | None:
        """A whole number when it is one, so that JSON shows 1200 and not 1200.000000."""
        if value is None:
            return None
        whole, rest = divmod(value, MICROS)
        return whole if rest == 0 else Decimal(value).scaleb(-6).normalize()


class Json(TypeDecorator[Any]):
    """A JSON value as text; numbers with a fraction stay exact."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """To JSON."""
        return None if value is None else _encoder.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """From JSON."""
        return None if value is None else _decoder.decode(value)


def folded(value: str) -> str:
    """Text as it is compared when case does not matter."""
    return unicodedata.normalize("NFC", value).casefold()


def search_text(values: Iterable[str | None]) -> str:
    """What `search` looks into: one line for each field, folded."""
    return "\n".join(folded(value) for value in values if value)


metadata: Final = MetaData()


def _column_type(field: Field) -> TypeEngine[Any]:
    if field.kind is Kind.NUMBER:
        return Exact()
    if field.kind in (Kind.INTEGER, Kind.FLAG):
        return Integer()
    return Json() if field.kind in JSON_KINDS else Text()


def _column(field: Field) -> Column[Any]:
    keys = [ForeignKey(f"{field.refers_to}.id")] if field.refers_to else []
    nullable = field.nullable and field.name not in ("created_at", "updated_at")
    return Column(field.name, _column_type(field), *keys, nullable=nullable)


def _table(resource: Resource) -> Table:
    kept = [Column(SEARCH_COLUMN, Text, nullable=False)] if resource.searched else []
    indexes = [("created_at", "id"), *resource.indexes]
    if resource.product.else_engagement:
        kept.append(Column(OWNER_COLUMN, Text))
        indexes.append((OWNER_COLUMN, "created_at", "id"))
    table = Table(
        resource.name,
        metadata,
        Column("id", String, primary_key=True),
        *(_column(field) for field in resource.fields),
        *kept,
    )
    for columns in indexes:
        name = f"{resource.name}_by_{'_'.join(columns)}"
        Index(name, *(table.c[column] for column in columns))
    return table


TABLES: Final = MappingProxyType({resource.name: _table(resource) for resource in RESOURCES})

Index("companies_by_folded_name", text("name COLLATE NOCASE"), _table=TABLES["companies"])

API_KEYS: Final = Table(
    "api_keys",
    metadata,
    Column("key_hash", String, primary_key=True),
    Column("name", Text, nullable=False),
    Column("product", Text),
    Column("created_at", Text, nullable=False),
)

IDEMPOTENCY: Final = Table(
    "idempotency",
    metadata,
    Column("caller", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("request_hash", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Text, nullable=False, index=True),
    PrimaryKeyConstraint("caller", "key", "path"),
)

LEAD_POSTS: Final = Table(
    "lead_posts",
    metadata,
    Column("address", String, primary_key=True),
    Column("window", Integer, nullable=False, index=True),
    Column("posts", Integer, nullable=False),
)

MAGIC_SESSIONS: Final = Table(
    "magic_sessions",
    metadata,
    Column("id", String, primary_key=True),
    Column("contact_id", ForeignKey("contacts.id"), nullable=False),
    Column("email", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("token_hash", String, nullable=False, unique=True),
    Column("code_hash", String, nullable=False),
    Column("browser_hash", String, nullable=False),
    Column("redirect", Text),
    Column("status", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("redeemed_at", Text),
    Index("magic_sessions_by_address", "address", "product"),
    Index("magic_sessions_by_browser", "browser_hash", "product", "created_at"),
)

MAIL: Final = Table(
    "mail",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("recipient", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("received_at", Text, nullable=False),
    Index("mail_by_address", "address", "number"),
)
