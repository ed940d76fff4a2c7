"""`GET /openapi.json`: the CRM routes as an OpenAPI 3.1 document, made from the table of resources.

The document is public, as the contract is. Sign-in, portal and mailbox routes are not in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from portal.sandbox import magic_sessions, transcript
from portal.sandbox.config import SandboxConfig
from portal.sandbox.fields import Operation, Resource
from portal.sandbox.openapi_parts import (
    BODY,
    CREDENTIAL,
    SECURITY,
    answers,
    components,
    error_schema,
    json_content,
    list_parameters,
    list_schema,
    read_answers,
    reference,
)
from portal.sandbox.openapi_schemas import (
    Schema,
    array,
    body_schema,
    closed,
    created_schema,
    or_null,
    record_schema,
)
from portal.sandbox.query import ACTIVE_ENGAGEMENT, RECENT_INVOICE, RECENT_INVOICES
from portal.sandbox.resources import COMPANIES, CONTACTS, ENGAGEMENTS, INVOICES, LEADS, RESOURCES

ABOUT: Final = (
    "The CRM routes of the embedded SM API, as service tokens and API keys see them. People with a "
    "session see less: clients have no internal fields, and 403 for most routes."
)
VERSION: Final = "2026-05"
TEXT: Final[Schema] = {"type": "string"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
HASH: Final[Schema] = {"type": "string", "pattern": f"^{magic_sessions.HASH.pattern}$"}
NOTHING: Final[Schema] = {"type": "null"}
STATUSES: Final = ("live", "redeemed", "superseded", "exhausted", "expired")


def routes() -> list[BaseRoute]:
    """The one route."""
    return [Route("/openapi.json", openapi_json, methods=["GET"])]


async def openapi_json(request: Request) -> Response:
    """The document, for the address that the sandbox is told it has."""
    config: SandboxConfig = request.app.state.config
    return Response(
        msgspec.json.encode(document(config.origin)),
        headers={"Cache-Control": "no-cache"},
        media_type="application/json",
    )


def document(origin: str) -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, Any] = {
        "/openapi.json": {"get": _itself()},
        "/api/pipelines": {"get": _pipelines()},
        "/api/activities/transcript": {"post": _transcript()},
        "/api/magic_sessions": {"get": _find_magic_session(), "post": _new_magic_session()},
        "/api/magic_sessions/redeem": {"post": _redeem()},
    }
    for resource in RESOURCES:
        paths |= _paths(resource)
    schemas = {schema_name(resource): record_schema(resource) for resource in RESOURCES}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "SM API, sandbox",
            "version": VERSION,
            "description": ABOUT,
        },
        "servers": [{"url": origin}],
        "security": list(SECURITY),
        "paths": paths,
        "components": {"schemas": {**schemas, "Error": error_schema()}, **components()},
    }


def schema_name(resource: Resource) -> str:
    """What a record of the resource is called in `components.schemas`."""
    return resource.singular.capitalize()


def _paths(resource: Resource) -> dict[str, Any]:
    path, record = f"/api/{resource.name}", f"/api/{resource.name}/{{id}}"
    made = {
        Operation.LIST: (path, "get", _list),
        Operation.CREATE: (path, "post", _create),
        Operation.READ: (record, "get", _read),
        Operation.CHANGE: (record, "patch", _change),
    }
    paths: dict[str, Any] = {}
    for operation, (where, method, describe) in made.items():
        if operation in resource.operations:
            paths.setdefault(where, {})[method] = describe(resource)
    return paths


def _list(resource: Resource) -> dict[str, Any]:
    data = list_schema(resource, reference("schemas", schema_name(resource)))
    return {
        "operationId": f"list_{resource.name}",
        "summary": f"List {resource.name}",
        "parameters": list_parameters(resource),
        "responses": read_answers(data, (*CREDENTIAL, 422)),
    }


def _create(resource: Resource) -> dict[str, Any]:
    made = _post(
        f"create_{_word(resource)}",
        f"Create a {resource.singular}",
        body_schema(resource, creating=True),
        answers(201, created_schema(resource), (*CREDENTIAL, *BODY, *_clashes(resource))),
    )
    if resource is LEADS:
        made["responses"] = answers(201, created_schema(resource), (*CREDENTIAL, *BODY, 429))
        made["security"] = [{}, *SECURITY]
    return made


def _read(resource: Resource) -> dict[str, Any]:
    data: Schema = reference("schemas", schema_name(resource))
    if resource is COMPANIES:
        data = _company_detail()
    return {
        "operationId": f"read_{_word(resource)}",
        "summary": f"One {resource.singular}",
        "parameters": [_record_id(resource), reference("parameters", "IfNoneMatch")],
        "responses": read_answers(data, (*CREDENTIAL, 404)),
    }


def _change(resource: Resource) -> dict[str, Any]:
    data = reference("schemas", schema_name(resource))
    return {
        "operationId": f"change_{_word(resource)}",
        "summary": f"Change some fields of a {resource.singular}",
        "parameters": [_record_id(resource)],
        "requestBody": _required(body_schema(resource, creating=False)),
        "responses": answers(200, data, (*CREDENTIAL, *BODY, 404, *_clashes(resource))),
    }


def _record_id(resource: Resource) -> dict[str, Any]:
    schema = {**TEXT, "x-refers-to": resource.name}
    return {"name": "id", "in": "path", "required": True, "schema": schema}


def _clashes(resource: Resource) -> Sequence[int]:
    return (409,) if resource is CONTACTS else ()


def _company_detail() -> Schema:
    embedded = {
        "engagements": array(_part(ENGAGEMENTS, ACTIVE_ENGAGEMENT)),
        "recent_invoices": {
            **array(_part(INVOICES, RECENT_INVOICE)),
            "maxItems": RECENT_INVOICES,
        },
    }
    company = record_schema(COMPANIES)["properties"]
    return closed({**company, "contacts_count": COUNT, "deals_count": COUNT, **embedded})


def _part(resource: Resource, names: Sequence[str]) -> Schema:
    whole = record_schema(resource)["properties"]
    return closed({name: whole[name] for name in names})


def _itself() -> dict[str, Any]:
    return {
        "operationId": "read_openapi",
        "summary": "This document",
        "security": [],
        "responses": {"200": {"description": "It.", "content": json_content({"type": "object"})}},
    }


def _pipelines() -> dict[str, Any]:
    stage = closed({"key": TEXT, "label": TEXT})
    names = ("id", "label", "owner", "entity")
    pipeline = closed({**dict.fromkeys(names, TEXT), "stages": array(stage)})
    return {
        "operationId": "list_pipelines",
        "summary": "The deal pipelines and their stages",
        "parameters": [reference("parameters", "IfNoneMatch")],
        "responses": read_answers(array(pipeline), CREDENTIAL),
    }


def _transcript() -> dict[str, Any]:
    speaker = {
        "type": "object",
        "properties": {"name": TEXT, "contact_id": TEXT, "turns": COUNT, "words": COUNT},
        "required": ["name", "turns", "words"],
        "additionalProperties": False,
    }
    data = closed(
        {"id": TEXT, "speakers": array(speaker), "contact_ids": array(TEXT), "summary": TEXT}
    )
    body = body_schema(transcript.TRANSCRIPT, creating=True)
    refusals = (*CREDENTIAL, *BODY)
    return _post("create_transcript", "Take in a transcript", body, answers(201, data, refusals))


def _find_magic_session() -> dict[str, Any]:
    shown = dict.fromkeys(magic_sessions.SHOWN, TEXT) | {
        "browser_hash": HASH,
        "redirect": or_null(TEXT),
        "status": {"type": "string", "enum": list(STATUSES)},
    }
    asked = [
        {"name": "token_hash", "in": "query", "required": True, "schema": HASH},
        {"name": "product", "in": "query", "required": True, "schema": {**TEXT, "minLength": 1}},
    ]
    return {
        "operationId": "find_magic_session",
        "summary": "The magic session of a token, if there is one",
        "parameters": [*asked, reference("parameters", "IfNoneMatch")],
        "responses": read_answers({**array(closed(shown)), "maxItems": 1}, (*CREDENTIAL, 422)),
    }


def _new_magic_session() -> dict[str, Any]:
    body = body_schema(magic_sessions.NEW, creating=True)
    body["properties"] |= dict.fromkeys(magic_sessions.HASHES, HASH)
    data = closed({"id": TEXT, "expires_at": TEXT})
    refusals = (*CREDENTIAL, *BODY, 409)
    return _post("create_magic_session", "Keep a link", body, answers(201, data, refusals))


def _redeem() -> dict[str, Any]:
    body = {"oneOf": [_proof("token_hash"), _proof("browser_hash", "code_hash")]}
    names = ("id", "contact_id", "email")
    data = closed({**dict.fromkeys(names, TEXT), "redirect": or_null(TEXT)})
    refusals = (*CREDENTIAL, *BODY, 404, 410)
    return _post("redeem_magic_session", "Use a link up", body, answers(200, data, refusals))


def _proof(*hashes: str) -> Schema:
    product = body_schema(magic_sessions.PROOF, creating=True)["properties"]["product"]
    none = dict.fromkeys(magic_sessions.HASHES, NOTHING)
    given = {"product": product, **dict.fromkeys(hashes, HASH)}
    return {**closed({**none, **given}), "required": list(given)}


def _post(name: str, summary: str, body: Schema, responses: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [reference("parameters", "IdempotencyKey")],
        "requestBody": _required(body),
        "responses": responses,
    }


def _required(body: Schema) -> dict[str, Any]:
    return {"required": True, "content": json_content(body)}


def _word(resource: Resource) -> str:
    return resource.singular.replace(" ", "_")
