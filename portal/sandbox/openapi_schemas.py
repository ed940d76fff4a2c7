"""From a field of the table to JSON Schema (2020-12), as it is written and as it is read."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any, Final

from portal.sandbox.fields import Field, Kind, Operation, Resource, Writable
from portal.sandbox.validation import (
    DATE,
    DEEPEST_JSON,
    EMAIL,
    LARGEST_INTEGER,
    LARGEST_NUMBER,
    LONGEST_LIST,
    LONGEST_LONG_TEXT,
    LONGEST_TEXT,
    PRODUCT,
    SMALLEST_STEP,
    URL,
)

Schema = dict[str, Any]

STEP: Final = float(SMALLEST_STEP)
STAMP: Final = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$"
NOT_EMPTY: Final = r"[^\s\x1c-\x1f\x85]"
PATTERNS: Final = MappingProxyType(
    {
        kind: f"^{pattern.pattern}$"
        for kind, pattern in (
            (Kind.PRODUCT, PRODUCT),
            (Kind.EMAIL, EMAIL),
            (Kind.URL, URL),
            (Kind.DATE, DATE),
        )
    }
)
FORMATS: Final = MappingProxyType({Kind.DATE: "date", Kind.MOMENT: "date-time"})
SUBMITTED: Final[Schema] = {"type": "boolean", "const": True}
LOOKS: Final = MappingProxyType(
    {
        Kind.EMAIL: "An e-mail address: something before and after one @, without spaces.",
        Kind.URL: "An http or https address without spaces.",
        Kind.NUMBER: "At most 6 decimals; kept and answered exactly.",
        Kind.OBJECT: f"Nested at most {DEEPEST_JSON} deep.",
        Kind.MOMENT: "ISO 8601; without an offset it is UTC. Answered in UTC with microseconds.",
    }
)


def written(field: Field, *, creating: bool) -> Schema:
    """What a request may carry in this field."""
    schema = _described(field, _typed(field, answered=False))
    if field.required and schema["type"] == "string":
        schema.setdefault("pattern", NOT_EMPTY)
    if field.nullable or (creating and not field.required):
        return or_null(schema)
    return schema


def read(field: Field) -> Schema:
    """What an answer carries in this field.

    A reference reads as null for a key that is bound to another product than its record's.
    """
    schema = _described(field, _typed(field, answered=True))
    stamped = field.writable is Writable.NEVER and field.kind is Kind.MOMENT
    nullable = (field.nullable and not stamped) or field.refers_to is not None
    return or_null(schema) if nullable else schema


def or_null(schema: Schema) -> Schema:
    """The schema, or null."""
    optional = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        optional["enum"] = [*schema["enum"], None]
    return optional


def record_schema(resource: Resource) -> Schema:
    """A whole record in an answer."""
    properties = {"id": record_id(resource), **{f.name: read(f) for f in resource.fields}}
    for joined in resource.names:
        properties[joined.name] = {
            "type": ["string", "null"],
            "description": f"Looked up by `{joined.via}`.",
        }
    return closed(properties)


def created_schema(resource: Resource) -> Schema:
    """The `data` of the answer to a POST."""
    whole = record_schema(resource)
    names = resource.created or tuple(whole["properties"])
    return closed({name: whole["properties"].get(name, SUBMITTED) for name in names})


def body_schema(resource: Resource, *, creating: bool) -> Schema:
    """The body of a POST, or of a PATCH with any subset."""
    refused = (Writable.NEVER,) if creating else (Writable.NEVER, Writable.ON_CREATE)
    fields = [field for field in resource.fields if field.writable not in refused]
    schema: Schema = {
        "type": "object",
        "properties": {f.name: written(f, creating=creating) for f in fields},
        "additionalProperties": False,
    }
    if creating:
        schema["required"] = [field.name for field in fields if field.required]
        if resource.one_of_required:
            schema["anyOf"] = [_present(name) for name in resource.one_of_required]
    return schema


def record_id(resource: Resource) -> Schema:
    """An id as the server makes them; the demo's are shorter."""
    return {"type": "string", "pattern": f"^{resource.prefix}_[0-9a-z]+$"}


def closed(properties: dict[str, Schema]) -> Schema:
    """An object with all of these and nothing else."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def array(items: Schema) -> Schema:
    """An array of these."""
    return {"type": "array", "items": items}


def has(resource: Resource, operations: Iterable[Operation]) -> list[Operation]:
    """Those of the operations that the resource has."""
    return [operation for operation in operations if operation in resource.operations]


def _present(name: str) -> Schema:
    return {"required": [name], "properties": {name: {"not": {"type": "null"}}}}


def _described(field: Field, schema: Schema) -> Schema:
    words = [LOOKS[field.kind]] if field.kind in LOOKS else []
    if field.refers_to:
        words.append(f"Of {field.refers_to}.")
        schema.get("items", schema)["x-refers-to"] = field.refers_to
    if field.internal:
        words.append("Internal: no client may see it.")
    if words:
        schema["description"] = " ".join(words)
    if isinstance(field.default, str | int):
        schema["default"] = field.default
    return schema


def _typed(field: Field, *, answered: bool) -> Schema:
    kind = field.kind
    if kind is Kind.FLAG:
        return {"type": "integer", "enum": [0, 1]}
    if kind is Kind.NUMBER:
        # Only of what is sent: floating point would find a remainder in many an exact answer.
        return _number(field) if answered else {**_number(field), "multipleOf": STEP}
    if kind is Kind.INTEGER:
        return _number(field)
    if kind is Kind.OBJECT:
        return {"type": "object"}
    if kind in (Kind.TEXTS, Kind.PRODUCTS, Kind.ROWS):
        return _list(field, answered=answered)
    return _text(field, answered=answered)


def _number(field: Field) -> Schema:
    whole = field.kind is Kind.INTEGER
    bound = LARGEST_INTEGER if whole else LARGEST_NUMBER
    return {
        "type": "integer" if whole else "number",
        "minimum": -bound if field.minimum is None else field.minimum,
        "maximum": bound if field.maximum is None else field.maximum,
    }


def _list(field: Field, *, answered: bool) -> Schema:
    if field.kind is Kind.ROWS:
        items: Schema = {
            "type": "object",
            "properties": {
                c.name: read(c) if answered else written(c, creating=False) for c in field.columns
            },
            "required": [column.name for column in field.columns if column.required],
            "additionalProperties": False,
        }
    else:
        item_kind = Kind.PRODUCT if field.kind is Kind.PRODUCTS else Kind.TEXT
        items = _text(Field(field.name, item_kind), answered=answered)
    # The products of a contact grow with each grant, beyond what one request may carry.
    return array(items) if answered else {**array(items), "maxItems": LONGEST_LIST}


def _text(field: Field, *, answered: bool) -> Schema:
    if field.choices:
        return {"type": "string", "enum": list(field.choices)}
    if field.kind is Kind.MOMENT and answered:
        return {"type": "string", "format": "date-time", "pattern": STAMP}
    longest = LONGEST_LONG_TEXT if field.kind is Kind.LONG_TEXT else LONGEST_TEXT
    schema: Schema = {"type": "string", "maxLength": field.longest or longest}
    if field.kind in FORMATS:
        schema["format"] = FORMATS[field.kind]
    if field.kind in PATTERNS:
        schema["pattern"] = PATTERNS[field.kind]
    return schema
