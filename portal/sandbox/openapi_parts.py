"""What the routes of the OpenAPI document share: refusals, headers, credentials, parameters."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

from portal.sandbox.fields import Filter, Match, Resource
from portal.sandbox.idempotency import LONGEST_KEY
from portal.sandbox.openapi_schemas import Schema, array, closed

MOST_NUMBER: Final = 10**15 - 1

REFUSALS: Final = MappingProxyType(
    {
        302: "A wrong service token is sent to the login page of the edge.",
        400: "The body is not a JSON object, or the Idempotency-Key is none.",
        401: "No credential, or a wrong one.",
        403: "Known, but not allowed to do this; `reason` says why.",
        404: "No such record, or not one that this caller may see.",
        405: "Another method than those of this route; `Allow` lists them.",
        409: "There is one already; `field` names what must differ.",
        410: "Expired, used, superseded or exhausted; `reason` says which.",
        413: "The body is too large.",
        415: "The body is not said to be application/json.",
        422: "A value that cannot be used; `field` names it.",
        429: "Too many; `Retry-After` says when to come back, in seconds.",
    }
)
NAMED_HEADERS: Final = MappingProxyType(
    {
        "X-Request-Id": "The caller's own if it looks like one, else a new one.",
        "ETag": "Strong; send it back as If-None-Match.",
        "Location": "Where to sign in.",
        "Allow": "The methods of this route.",
        "Retry-After": "Seconds to wait.",
    }
)
WITH_HEADER: Final = MappingProxyType({302: "Location", 405: "Allow", 429: "Retry-After"})

EVERY: Final = (405,)
CREDENTIAL: Final = (302, 401, 403)
BODY: Final = (400, 413, 415, 422)

SECURITY: Final[tuple[Schema, ...]] = (
    {"ServiceId": [], "ServiceSecret": []},
    {"Key": []},
    {"Bearer": []},
)


def components() -> dict[str, Any]:
    """Everything that paths refer to, but the records."""
    return {
        "headers": {
            name: {"description": text, "required": True, "schema": {"type": "string"}}
            for name, text in NAMED_HEADERS.items()
        },
        "parameters": {
            "IdempotencyKey": {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "A repeat with the same key and body gets the first answer again, "
                "for two days; with another body it is refused with 422.",
                "schema": {"type": "string", "maxLength": LONGEST_KEY, "pattern": r"\S"},
            },
            "IfNoneMatch": {
                "name": "If-None-Match",
                "in": "header",
                "description": "The ETag of an earlier answer.",
                "schema": {"type": "string"},
            },
        },
        "responses": {f"Refused{status}": _refusal(status) for status in REFUSALS},
        "securitySchemes": {
            "ServiceId": _in_header("CF-Access-Client-Id", "Service token, with its secret."),
            "ServiceSecret": _in_header("CF-Access-Client-Secret", "Service token, with its id."),
            "Key": _in_header("X-SM-Key", "An API key."),
            "Bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
        },
    }


def error_schema() -> Schema:
    """The envelope of every refusal."""
    return {
        "type": "object",
        "properties": {
            "ok": {"type": "boolean", "const": False},
            "error": {"type": "string", "minLength": 1, "description": "For people."},
            "reason": {"type": "string", "description": "For programs."},
            "field": {"type": "string", "description": "The field or parameter at fault."},
            "tries_left": {"type": "integer", "minimum": 0},
        },
        "required": ["ok", "error"],
        "additionalProperties": False,
    }


def answers(status: int, data: Schema, refusals: Sequence[int]) -> dict[str, Any]:
    """The responses of a write: the one that succeeds and those that do not."""
    success = _success("Done." if status == 200 else "Created.", data, ["X-Request-Id"])
    return {str(status): success, **_refusals(refusals)}


def read_answers(data: Schema, refusals: Sequence[int]) -> dict[str, Any]:
    """The responses of a read, which carries an entity tag."""
    return {
        "200": _success("Found.", data, ["X-Request-Id", "ETag"]),
        "304": {"description": "As the caller has it.", "headers": _headers(["ETag"])},
        **_refusals(refusals),
    }


def list_schema(resource: Resource, items: Schema) -> Schema:
    """The `data` of a list: a page, or an array."""
    if not resource.paged:
        return array(items)
    number = {"type": "integer", "minimum": 1}
    return closed(
        {
            "items": array(items),
            "total": {"type": "integer", "minimum": 0},
            "page": number,
            "limit": {**number, "maximum": resource.most_limit},
            "hasMore": {"type": "boolean"},
        }
    )


def list_parameters(resource: Resource) -> list[dict[str, Any]]:
    """The query parameters of a list."""
    clamped = f"1 to {resource.most_limit}; what lies outside is moved to the nearer end."
    parameters = [
        *(_in_query(f.parameter, _filter_words(resource, f), _TEXT) for f in resource.filters),
        _number("limit", clamped, resource.default_limit),
    ]
    if resource.paged:
        parameters.append(_number("page", "From 1; what is less is 1.", 1))
    if resource.sorts:
        words = f"{', '.join(resource.sorts)}; anything else is the usual order."
        parameters.append(_in_query("sort", words, _TEXT))
    return [*parameters, reference("parameters", "IfNoneMatch")]


def reference(kind: str, name: str) -> dict[str, str]:
    """A `$ref` to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def json_content(schema: Schema) -> dict[str, Any]:
    """A JSON body."""
    return {"application/json": {"schema": schema}}


_TEXT: Final[Schema] = {"type": "string"}


def _number(name: str, description: str, default: int) -> dict[str, Any]:
    bounds = {"minimum": -MOST_NUMBER, "maximum": MOST_NUMBER}
    schema = {"type": "integer", **bounds, "default": default}
    return {**_in_query(name, description, schema), "allowEmptyValue": True}


def _filter_words(resource: Resource, wanted: Filter) -> str:
    if wanted.match is Match.SEARCH:
        return f"A part of {' or '.join(resource.searched)}, whatever its case."
    if wanted.match is Match.PRODUCT:
        return "Only records of this product."
    choices = ", ".join(resource.field(wanted.compares).choices)
    return f"Equals `{wanted.compares}`" + (f": {choices}." if choices else ".")


def _in_query(name: str, description: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _in_header(name: str, description: str) -> dict[str, str]:
    return {"type": "apiKey", "in": "header", "name": name, "description": description}


def _success(description: str, data: Schema, headers: list[str]) -> dict[str, Any]:
    envelope = closed({"ok": {"type": "boolean", "const": True}, "data": data})
    return {
        "description": description,
        "headers": _headers(headers),
        "content": json_content(envelope),
    }


def _refusal(status: int) -> dict[str, Any]:
    named = [WITH_HEADER[status]] if status in WITH_HEADER else []
    return {
        "description": REFUSALS[status],
        "headers": _headers(["X-Request-Id", *named]),
        "content": json_content(reference("schemas", "Error")),
    }


def _refusals(statuses: Sequence[int]) -> dict[str, Any]:
    return {str(s): reference("responses", f"Refused{s}") for s in sorted({*statuses, *EVERY})}


def _headers(names: list[str]) -> dict[str, Any]:
    return {name: reference("headers", name) for name in names}
