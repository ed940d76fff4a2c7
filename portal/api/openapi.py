"""`GET /api/openapi.json`: the portal's own `/api` as an OpenAPI 3.1 document, from its own tables.

It speaks to whoever is signed in: a client finds the projections, staff the CRM's own records.
"""

from __future__ import annotations

from collections.abc import Collection as Many
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from portal.api.envelope import ARRAY, PAGED, ListShape, envelope
from portal.api.reads import COLLECTIONS
from portal.api.writes import DEEPEST_METADATA, LONGEST_TEXT, LONGEST_TITLE
from portal.auth.cookies import SHARED_COOKIE, door_cookie
from portal.auth.gate import staff_access_of
from portal.crm import models
from portal.crm.staff_access import BELONGS, PASSED_FILTERS
from portal.domain.profile import LONGEST
from portal.env import env_of

Schema = dict[str, Any]

VERSION: Final = "2026-05"
MOST_COUNT: Final = 10**9 - 1
TEXT: Final[Schema] = {"type": "string"}
TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
BOUNDED_TEXT_OR_NULL: Final[Schema] = {**TEXT_OR_NULL, "maxLength": LONGEST_TEXT}
ANYTHING_WITH_ID: Final[Schema] = {
    "type": "object",
    "properties": {"id": TEXT},
    "required": ["id"],
}
"""A record with the CRM's own fields (sm-api §6), which staff read unprojected."""

PROJECTIONS: Final = MappingProxyType(
    {
        "companies": models.Company,
        "contacts": models.Colleague,
        "engagements": models.Engagement,
        "invoices": models.Invoice,
        "activities": models.Activity,
    }
)
"""What a client's records of each collection are decoded into."""

REFUSALS: Final = MappingProxyType(
    {
        400: "The Host header names another site.",
        401: "No session, or one that no longer counts.",
        403: "Signed in, but not for this; `field` names what may not be set.",
        404: "Not there, or not the viewer's: the same answer.",
        405: "Another method than those of this route; `Allow` lists them.",
        413: "The body is too large.",
        415: "The body is not said to be application/json.",
        422: "A value that cannot be used; `field` names it.",
        503: "The records cannot be reached; nothing is lost.",
    }
)
LATER: Final = "Kept; the records cannot be reached now, and have it once they can."
WITH_HEADER: Final = MappingProxyType({405: "Allow", 503: "Retry-After"})
EVERY: Final = (400, 401, 403, 405, 413, 503)
BODY: Final = (415, 422)


@dataclass(frozen=True)
class Audience:
    """Whom the document is for: a client, who may log `activity_types`, or staff of `product`."""

    product: str
    activity_types: Many[str]
    is_staff: bool = False


async def openapi_json(request: Request) -> Response:
    """GET /api/openapi.json: the document for whoever is signed in."""
    settings = env_of(request).settings
    audience = Audience(
        settings.product, settings.client_activities, staff_access_of(request) is not None
    )
    return envelope(document(settings.portal_origin, audience))


def document(origin: str, audience: Audience) -> dict[str, Any]:
    """The whole document, for the portal under `origin`."""
    paths: dict[str, dict[str, Any]] = {
        "/api/openapi.json": {"get": _itself()},
        "/api/portal/config": {"get": _portal_config()},
        "/api/profile": {"get": _read_profile(), "patch": _patch_profile()},
    }
    for name in BELONGS if audience.is_staff else COLLECTIONS:
        paths[f"/api/{name}"] = {"get": _list(name, audience)}
        paths[f"/api/{name}/{{id}}"] = {"get": _read(name, audience)}
    paths["/api/companies"]["post"] = _post_company(audience)
    paths["/api/activities"]["post"] = _post_activity(audience)
    paths["/api/contacts/{id}"]["patch"] = _patch_contact(audience)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Portal API",
            "version": VERSION,
            "description": "The records of whoever is signed in, for browser code.",
        },
        "servers": [{"url": origin}],
        "security": [{"Session": []}, {"PortalSession": []}],
        "paths": paths,
        "components": {
            "schemas": {**({} if audience.is_staff else projections()), "Error": _error()},
            "responses": {f"Refused{status}": _refusal(status) for status in REFUSALS},
            "securitySchemes": {
                "Session": _cookie(SHARED_COOKIE, "One sign-in for every portal."),
                "PortalSession": _cookie(door_cookie(audience.product), "This portal's own."),
            },
        },
    }


def projections() -> dict[str, Schema]:
    """The schemas of the client-safe structs as answers carry them: every field, no others."""
    _, made = msgspec.json.schema_components(
        tuple(PROJECTIONS.values()), ref_template="#/components/schemas/{name}"
    )
    return {
        name: {
            **schema,
            "properties": {field: _answered(s) for field, s in schema["properties"].items()},
            "required": list(schema["properties"]),
            "additionalProperties": False,
        }
        for name, schema in made.items()
    }


def _answered(schema: Schema) -> Schema:
    """A field of an answer: amounts are written as numbers, and no default is left to fill in."""
    if schema.get("format") == "decimal":
        return {"type": "number"}
    kept = {name: value for name, value in schema.items() if name != "default"}
    if "anyOf" in kept:
        kept["anyOf"] = [_answered(one) for one in kept["anyOf"]]
    return kept


def _itself() -> dict[str, Any]:
    answer = {"description": "It.", "content": _json({"type": "object"})}
    return _operation("read_openapi", "This document", answer, ())


def _list(name: str, audience: Audience) -> dict[str, Any]:
    shape = COLLECTIONS[name].shape if name in COLLECTIONS else ARRAY
    filters = [_in_query(one, TEXT) for one in _filters(name, audience)]
    counts = {"limit": shape.default_limit, **({"page": 1} if shape.paged else {})}
    made = _operation(
        f"list_{name}",
        f"The {name}, narrowed by what the query names",
        _data(_listed(_record(name, audience), shape)),
        (404, 422),
    )
    return {**made, "parameters": [*filters, *(_count(*count) for count in counts.items())]}


def _filters(name: str, audience: Audience) -> list[str]:
    if audience.is_staff:
        return ["product", *PASSED_FILTERS]
    product = ["product"] if name == "contacts" else []
    return [*COLLECTIONS[name].filters, *product]


def _listed(record: Schema, shape: ListShape) -> Schema:
    records = {"type": "array", "items": record, "maxItems": shape.most_limit}
    if shape is not PAGED:
        return records
    number = {"type": "integer", "minimum": 1}
    return _closed(
        {
            "items": records,
            "total": {"type": "integer", "minimum": 0},
            "page": number,
            "limit": {**number, "maximum": shape.most_limit},
            "hasMore": {"type": "boolean"},
        }
    )


def _read(name: str, audience: Audience) -> dict[str, Any]:
    made = _operation(f"read_{name}", f"One of the {name}", _data(_record(name, audience)), (404,))
    return {**made, "parameters": [_record_id()]}


def _record(name: str, audience: Audience) -> Schema:
    if audience.is_staff:
        return ANYTHING_WITH_ID
    return {"$ref": f"#/components/schemas/{PROJECTIONS[name].__name__}"}


def _portal_config() -> dict[str, Any]:
    texts = ("id", "subdomain", "name", "brand_color", "logo_mark_url", "favicon_url")
    flags = ("nav", "billing", "cmdk", "updates", "chat")
    config = _closed(
        {
            **dict.fromkeys((*texts, "logo_og_url"), TEXT),
            "custom_domain": TEXT_OR_NULL,
            **{f"{flag}_enabled": {"type": "boolean"} for flag in flags},
        }
    )
    made = _operation("portal_config", "This portal, for anyone", _enveloped("config", config), ())
    subdomain = {"name": "subdomain", "in": "query", "required": False, "schema": TEXT}
    made["responses"]["404"] = {"$ref": "#/components/responses/Refused404"}
    return {**made, "security": [], "parameters": [subdomain]}


def _read_profile() -> dict[str, Any]:
    return _operation("read_profile", "Who is signed in", _profile(), ())


def _patch_profile() -> dict[str, Any]:
    made = _operation("patch_profile", "Change oneself", _profile(), BODY)
    made["responses"]["202"] = {**_profile(), "description": LATER}
    return {**made, "requestBody": _body(_own_fields())}


def _patch_contact(audience: Audience) -> dict[str, Any]:
    made = _operation(
        "patch_contact",
        "Change a contact of the product" if audience.is_staff else "Change oneself",
        _data(ANYTHING_WITH_ID if audience.is_staff else _closed({"id": TEXT})),
        (404, *BODY),
    )
    body = {"type": "object"} if audience.is_staff else _own_fields()
    if not audience.is_staff:
        made["responses"]["202"] = {**_data(_closed({"id": TEXT})), "description": LATER}
    return {**made, "parameters": [_record_id()], "requestBody": _body(body)}


def _post_company(audience: Audience) -> dict[str, Any]:
    made = _operation(
        "post_company",
        "Create a company; for staff alone",
        _data(ANYTHING_WITH_ID),
        BODY,
        status=201,
    )
    ours = {"type": ["string", "null"], "enum": [audience.product, None]}
    body = {"type": "object", "properties": {"name": TEXT, "product": ours}, "required": ["name"]}
    return {**made, "requestBody": _body(body)}


def _post_activity(audience: Audience) -> dict[str, Any]:
    answer = ANYTHING_WITH_ID if audience.is_staff else _closed({"id": TEXT})
    made = _operation(
        "post_activity", "Log what happened on a page", _data(answer), (404, *BODY), status=201
    )
    kind = {**TEXT, "maxLength": LONGEST_TITLE}
    if not audience.is_staff:
        kind = {**TEXT, "enum": sorted(audience.activity_types)}
    nested = f"Nested at most {DEEPEST_METADATA} deep."
    body = {
        "type": "object",
        "properties": {
            "activity_type": kind,
            "title": {**TEXT_OR_NULL, "maxLength": LONGEST_TITLE},
            "description": BOUNDED_TEXT_OR_NULL,
            "company_id": TEXT_OR_NULL,
            "contact_id": TEXT_OR_NULL,
            "source": TEXT_OR_NULL,
            "metadata": {"type": "object", "description": nested},
        },
        "required": ["activity_type"],
    }
    return {**made, "requestBody": _body(body)}


def _own_fields() -> Schema:
    texts = {name: {**TEXT_OR_NULL, "maxLength": longest} for name, longest in LONGEST.items()}
    # A name may be changed, not cleared.
    texts["full_name"]["type"] = "string"
    zone = {**TEXT_OR_NULL, "description": "An IANA zone: Europe/Warsaw."}
    language = {**TEXT_OR_NULL, "description": "A language and region: de-AT."}
    return {
        "type": "object",
        "properties": {**texts, "timezone": zone, "locale": language},
        "additionalProperties": False,
        "minProperties": 1,
    }


def _profile() -> dict[str, Any]:
    names = ("full_name", "email", "title", "phone", "photo_url", "company_name", "portal_role")
    address = _closed({"email": TEXT_OR_NULL, "is_primary": {"type": "integer", "const": 1}})
    emails = {"type": "array", "items": address, "minItems": 1, "maxItems": 1}
    profile = _closed({"id": TEXT, **dict.fromkeys(names, TEXT_OR_NULL), "emails": emails})
    return _enveloped("profile", profile)


def _operation(
    name: str, summary: str, answer: dict[str, Any], refusals: Many[int], *, status: int = 200
) -> dict[str, Any]:
    refused = {
        str(one): {"$ref": f"#/components/responses/Refused{one}"}
        for one in sorted({*EVERY, *refusals})
    }
    return {"operationId": name, "summary": summary, "responses": {str(status): answer, **refused}}


def _data(schema: Schema) -> dict[str, Any]:
    return _enveloped("data", schema)


def _enveloped(name: str, schema: Schema) -> dict[str, Any]:
    content = _json(_closed({"ok": {"type": "boolean", "const": True}, name: schema}))
    return {"description": "Done.", "content": content}


def _error() -> Schema:
    whole = _closed({"ok": {"type": "boolean", "const": False}, "error": {**TEXT, "minLength": 1}})
    named = {"reason": {**TEXT, "description": "For programs."}, "field": TEXT}
    return {**whole, "properties": {**whole["properties"], **named}}


def _refusal(status: int) -> dict[str, Any]:
    refusal = {
        "description": REFUSALS[status],
        "content": _json({"$ref": "#/components/schemas/Error"}),
    }
    if status in WITH_HEADER:
        refusal["headers"] = {WITH_HEADER[status]: {"required": True, "schema": TEXT}}
    return refusal


def _record_id() -> dict[str, Any]:
    return {"name": "id", "in": "path", "required": True, "schema": TEXT}


def _count(name: str, default: int) -> dict[str, Any]:
    bounds = {"minimum": 1, "maximum": MOST_COUNT}
    return _in_query(name, {"type": "integer", **bounds, "default": default})


def _in_query(name: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


def _cookie(name: str, description: str) -> dict[str, str]:
    return {"type": "apiKey", "in": "cookie", "name": name, "description": description}


def _body(schema: Schema) -> dict[str, Any]:
    return {"required": True, "content": _json(schema)}


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _closed(properties: dict[str, Schema]) -> Schema:
    """An object with all of these and nothing else."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
