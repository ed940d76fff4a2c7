"""JSON Schemas (2020-12) of fields and records, from the one table of resources.

What a schema allows is what `validation` accepts; the bounds are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from portal.sandbox.fields import Field, Kind, Resource
from portal.sandbox.mcp.words import field_words
from portal.sandbox.validation import (
    LARGEST_INTEGER,
    LARGEST_NUMBER,
    LONGEST_LIST,
    LONGEST_LONG_TEXT,
    LONGEST_TEXT,
    PRODUCT,
)

Schema = dict[str, Any]

PRODUCT_PATTERN: Final = f"^{PRODUCT.pattern}$"
TEXT_KINDS: Final = frozenset(
    {
        Kind.TEXT,
        Kind.LONG_TEXT,
        Kind.EMAIL,
        Kind.URL,
        Kind.PRODUCT,
        Kind.DATE,
        Kind.MOMENT,
        Kind.REFERENCE,
    }
)
TEXT_SHAPES: Final[Mapping[Kind, Schema]] = MappingProxyType(
    {
        Kind.EMAIL: {"format": "email"},
        Kind.URL: {"format": "uri", "pattern": "^https?://"},
        Kind.DATE: {"format": "date"},
        Kind.MOMENT: {"format": "date-time"},
        Kind.PRODUCT: {"pattern": PRODUCT_PATTERN},
    }
)


def arguments_schema(fields: Iterable[Field], owner: str = "") -> Schema:
    """The schema of a tool's arguments. `owner` names the resource that the fields are of."""
    return _object(tuple(fields), owner)


def changes_schema(named_by: Field, fields: Iterable[Field], owner: str) -> Schema:
    """The same for a change: one argument names the record, and at least one other changes it.

    Null empties an optional field.
    """
    properties = {field.name: _cleared(field, owner) for field in fields}
    schema = _object((named_by,), owner)
    return schema | {"properties": schema["properties"] | properties, "minProperties": 2}


def record_schema(resource: Resource) -> Schema:
    """The schema of a record as it is answered: types only, since what is stored is valid."""
    properties = {field.name: _answered(field) for field in resource.fields}
    names = {joined.name: {"type": ["string", "null"]} for joined in resource.names}
    return {
        "type": "object",
        "properties": {"id": {"type": "string"}, **properties, **names},
        "required": ["id"],
    }


def object_schema(**properties: Schema) -> Schema:
    """An object that always has these properties."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def list_of(schema: Schema) -> Schema:
    """An array of what `schema` describes."""
    return {"type": "array", "items": schema}


def _object(fields: tuple[Field, ...], owner: str) -> Schema:
    return {
        "type": "object",
        "properties": {field.name: _given(field, owner) for field in fields},
        "required": [field.name for field in fields if field.required],
        "additionalProperties": False,
    }


def _given(field: Field, owner: str) -> Schema:
    schema = _property(field, owner)
    return schema | ({"default": field.default} if isinstance(field.default, str | int) else {})


def _cleared(field: Field, owner: str) -> Schema:
    schema = _property(field, owner)
    if field.nullable:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    return schema


def _property(field: Field, owner: str) -> Schema:
    return {**_shape(field, owner), "description": field_words(owner, field)}


def _shape(field: Field, owner: str) -> Schema:
    if field.kind in TEXT_KINDS:
        return _text(field)
    return SHAPES[field.kind](field, owner)


def _text(field: Field) -> Schema:
    if field.choices:
        return {"type": "string", "enum": list(field.choices)}
    longest = LONGEST_LONG_TEXT if field.kind is Kind.LONG_TEXT else LONGEST_TEXT
    shape = {"type": "string", "maxLength": field.longest or longest}
    return shape | ({"minLength": 1} if field.required else {}) | TEXT_SHAPES.get(field.kind, {})


def _number(field: Field, _owner: str) -> Schema:
    largest = LARGEST_NUMBER if field.kind is Kind.NUMBER else LARGEST_INTEGER
    return {
        "type": "number" if field.kind is Kind.NUMBER else "integer",
        "minimum": -largest if field.minimum is None else field.minimum,
        "maximum": largest if field.maximum is None else field.maximum,
    }


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items, "maxItems": LONGEST_LIST}


SHAPES: Final[Mapping[Kind, Callable[[Field, str], Schema]]] = MappingProxyType(
    {
        Kind.INTEGER: _number,
        Kind.NUMBER: _number,
        Kind.FLAG: lambda _field, _owner: {"type": "integer", "enum": [0, 1]},
        Kind.TEXTS: lambda _field, _owner: _array({"type": "string", "maxLength": LONGEST_TEXT}),
        Kind.PRODUCTS: lambda _field, _owner: _array(
            {"type": "string", "pattern": PRODUCT_PATTERN}
        ),
        Kind.ROWS: lambda field, owner: _array(_object(field.columns, f"{owner}.{field.name}")),
        Kind.OBJECT: lambda _field, _owner: {"type": "object"},
    }
)
"""What each kind that is not text looks like as an argument."""


def _answered(field: Field) -> Schema:
    """A field of an answer. A number that a double cannot hold comes as its digits."""
    if field.kind in (Kind.TEXTS, Kind.PRODUCTS):
        return list_of({"type": "string"})
    if field.kind is Kind.ROWS:
        columns = {column.name: _answered(column) for column in field.columns}
        return list_of({"type": "object", "properties": columns})
    types = {
        Kind.NUMBER: ["number", "string"],
        Kind.INTEGER: ["integer"],
        Kind.FLAG: ["integer"],
        Kind.OBJECT: ["object"],
    }.get(field.kind, ["string"])
    return {"type": [*types, "null"]}
