"""The CRM routes: what each resource's entry in the table gives it, and the pipelines.

Handlers are thin: who calls, what they want, the store, the envelope.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from portal.sandbox.body import MOST_BYTES, parse_object, read_body
from portal.sandbox.callers import Caller, Callers
from portal.sandbox.envelope import Answer, invalid, not_found, read_response
from portal.sandbox.fields import Operation, Resource
from portal.sandbox.idempotency import Once
from portal.sandbox.pipelines import PIPELINES
from portal.sandbox.query import company_detail, find_record, list_page, list_records
from portal.sandbox.resources import COMPANIES, RESOURCES
from portal.sandbox.store import Store
from portal.sandbox.write import change_record, create_record

Endpoint = Callable[[Request], Awaitable[Response]]

WHOLE_NUMBER: Final = re.compile(r"(-?\d{1,15})(?:\.0{1,15})?", re.ASCII)
"""As JSON Schema has it: 2.0 is an integer."""


METHODS: Final[Mapping[Operation, str]] = MappingProxyType(
    {
        Operation.LIST: "GET",
        Operation.CREATE: "POST",
        Operation.READ: "GET",
        Operation.CHANGE: "PATCH",
    }
)
COLLECTION: Final = (Operation.LIST, Operation.CREATE)
RECORD: Final = (Operation.READ, Operation.CHANGE)


def routes() -> list[BaseRoute]:
    """The pipelines, and the routes of every resource that has none of its own."""
    crm: list[BaseRoute] = [Route("/api/pipelines", pipelines, methods=["GET"])]
    for resource in RESOURCES:
        path = f"/api/{resource.name}"
        if not resource.own_routes:
            crm += _routes(path, _collection(resource), methods_of(resource, COLLECTION))
            crm += _routes(f"{path}/{{id}}", _record(resource), methods_of(resource, RECORD))
    return crm


def methods_of(resource: Resource, among: tuple[Operation, ...]) -> list[str]:
    """The HTTP methods of those operations that the resource has."""
    return [METHODS[operation] for operation in among if operation in resource.operations]


def _routes(path: str, endpoint: Endpoint, methods: list[str]) -> list[Route]:
    return [Route(path, endpoint, methods=methods)] if methods else []


async def pipelines(request: Request) -> Response:
    """GET /api/pipelines."""
    caller_of(request)
    return read_response(request, PIPELINES)


def caller_of(request: Request) -> Caller:
    """Who calls; every route asks this first. Raises Refusal."""
    callers: Callers = request.app.state.callers
    return callers.of(request)


def store_of(request: Request) -> Store:
    """The app's store."""
    store: Store = request.app.state.store
    return store


def _collection(resource: Resource) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        caller = caller_of(request)
        if request.method == "POST":
            return await write_once(
                request,
                caller,
                lambda connection, body: _created(request, connection, resource, caller, body),
            )
        return list_response(request, resource, caller)

    return endpoint


def _record(resource: Resource) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        caller = caller_of(request)
        if request.method == "PATCH":
            return await _patch(request, resource, caller)
        return _get(request, resource, caller)

    return endpoint


async def write_once(
    request: Request,
    caller: Caller,
    act: Callable[[Connection, dict[str, Any]], Answer],
    *,
    most_bytes: int = MOST_BYTES,
) -> Response:
    """Carry out a POST or PATCH in one transaction, or answer a repeat of it as before.

    A refusal that `act` raises undoes everything and is not remembered; one that it returns is.
    """
    raw = await read_body(request, most_bytes)
    store = store_of(request)
    once = Once.of(request, caller, raw)
    with store.writing() as connection:
        answer = once.recall(connection)
        if answer is None:
            answer = act(connection, parse_object(raw))
            once.remember(connection, store, answer)
    return answer.response()


def _created(
    request: Request,
    connection: Connection,
    resource: Resource,
    caller: Caller,
    body: Mapping[str, Any],
) -> Answer:
    now = store_of(request).now()
    record = create_record(connection, resource, caller.scope, body, now)
    shown = resource.created or tuple(record)
    return Answer.success({name: record[name] for name in shown}, 201)


async def _patch(request: Request, resource: Resource, caller: Caller) -> Response:
    record_id, now = request.path_params["id"], store_of(request).now()

    def change(connection: Connection, body: dict[str, Any]) -> Answer:
        scope = caller.scope
        return Answer.success(change_record(connection, resource, scope, record_id, body, now))

    return await write_once(request, caller, change)


def _get(request: Request, resource: Resource, caller: Caller) -> Response:
    record_id = request.path_params["id"]
    with store_of(request).reading() as connection:
        if resource is COMPANIES:
            record = company_detail(connection, caller.scope, record_id)
        else:
            record = find_record(connection, resource, caller.scope, record_id)
    if record is None:
        raise not_found()
    return read_response(request, record)


def list_response(request: Request, resource: Resource, caller: Caller) -> Response:
    """GET of a list, in the shape that the resource has. Raises Refusal (422)."""
    asked = request.query_params
    limit = _clamped(asked.get("limit"), "limit", resource.default_limit, resource.most_limit)
    filters = dict(asked)
    store = store_of(request)
    if not resource.paged:
        with store.reading() as connection:
            records = list_records(connection, resource, caller.scope, filters, limit=limit)
        return read_response(request, records)
    page = _clamped(asked.get("page"), "page", 1, 10**9)
    with store.reading() as connection:
        found = list_page(
            connection,
            resource,
            caller.scope,
            filters,
            limit=limit,
            offset=(page - 1) * limit,
            sort=asked.get("sort"),
        )
    data = {
        "items": found.items,
        "total": found.total,
        "page": page,
        "limit": limit,
        "hasMore": page * limit < found.total,
    }
    return read_response(request, data)


def _clamped(text: str | None, name: str, default: int, most: int) -> int:
    """A number of 1 to `most`; what lies outside is moved to the nearer end (sm-api §16, 32)."""
    if not text:
        return default
    number = WHOLE_NUMBER.fullmatch(text)
    if number is None:
        raise invalid(name, "must be a whole number")
    return min(max(int(number[1]), 1), most)
