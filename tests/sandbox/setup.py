"""What the sandbox's tests build their worlds from: a clock, a client, valid bodies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx2 as httpx
from starlette.types import ASGIApp

from portal.sandbox.fields import Field, Kind, Operation, Resource, Writable
from portal.sandbox.resources import BY_NAME, RESOURCES

CLIENT_ID: Final = "portal.access"
CLIENT_SECRET: Final = "a-secret-of-the-service-token"
API_KEY: Final = "an-unbound-key"
SERVICE: Final = {"CF-Access-Client-Id": CLIENT_ID, "CF-Access-Client-Secret": CLIENT_SECRET}

WHOLE: Final = tuple(r for r in RESOURCES if r.operations == frozenset(Operation))
"""The resources that have every operation."""

EXAMPLES: Final[dict[Kind, Any]] = {
    Kind.TEXT: "Some words",
    Kind.LONG_TEXT: "Some\nlines\nof words",
    Kind.EMAIL: "someone@client.example",
    Kind.URL: "https://client.example/a?b=c",
    Kind.PRODUCT: "mode",
    Kind.INTEGER: 7,
    Kind.FLAG: 1,
    Kind.NUMBER: 42.5,
    Kind.DATE: "2026-05-13",
    Kind.MOMENT: "2026-05-13T10:42:00.000000Z",
    Kind.PRODUCTS: ["mode"],
    Kind.TEXTS: ["one", "two"],
    Kind.OBJECT: {"systems_found": 47, "deep": {"list": [1, 2.5, None]}},
}
WRONG: Final[dict[Kind, Any]] = {
    kind: ["not", {"this": 1}] if kind not in (Kind.TEXTS, Kind.PRODUCTS, Kind.ROWS) else "text"
    for kind in Kind
}


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = datetime(2026, 5, 13, 10, 42, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


def client_of(app: ASGIApp, key: str | None = None) -> httpx.AsyncClient:
    """A client of the app in this process, with an API key if given."""
    headers = {} if key is None else {"X-SM-Key": key}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://sandbox.test", headers=headers
    )


def example(field: Field) -> Any:
    """A value that fits the field."""
    if field.choices:
        return field.choices[-1]
    if field.kind is Kind.ROWS:
        return [{column.name: example(column) for column in field.columns}]
    return EXAMPLES[field.kind]


async def create(api: httpx.AsyncClient, resource: Resource, **given: Any) -> str:
    """POST a record with what is required and `given`; returns its id."""
    body = await required_body(api, resource) | given
    response = await api.post(f"/api/{resource.name}", json=body)
    assert response.status_code == 201, response.text
    record_id = response.json()["data"]["id"]
    assert isinstance(record_id, str)
    return record_id


async def required_body(api: httpx.AsyncClient, resource: Resource) -> dict[str, Any]:
    """The smallest body that a POST accepts."""
    names = {field.name for field in resource.fields if field.required}
    names |= set(resource.one_of_required[:1])
    return await _body(api, [field for field in resource.fields if field.name in names])


async def full_body(api: httpx.AsyncClient, resource: Resource) -> dict[str, Any]:
    """A body with every field that a POST accepts."""
    return await _body(
        api, [field for field in resource.fields if field.writable is not Writable.NEVER]
    )


async def _body(api: httpx.AsyncClient, fields: list[Field]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for field in fields:
        if field.refers_to is None:
            body[field.name] = example(field)
        else:
            body[field.name] = await create(api, BY_NAME[field.refers_to])
    return body


def refused(response: httpx.Response, status: int, field: str | None = None) -> dict[str, Any]:
    """Assert the one shape of a refusal, and return it."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Request-Id"]
    envelope = response.json()
    assert isinstance(envelope, dict)
    assert {"ok", "error"} <= set(envelope) <= {"ok", "error", "reason", "field", "tries_left"}
    assert envelope["ok"] is False
    assert isinstance(envelope["error"], str)
    assert envelope["error"]
    assert envelope.get("field") == field
    return envelope
