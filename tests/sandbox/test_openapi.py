"""The OpenAPI document and the server say the same: routes, fields, bounds, answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import httpx2 as httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.config import (
    ChecksConfig,
    GenerationConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)
from starlette.routing import Route
from starlette.testclient import TestClient

from portal.sandbox import api as crm
from portal.sandbox import leads, magic_sessions, openapi, transcript
from portal.sandbox.app import SandboxConfig, create_sandbox
from portal.sandbox.demo import seed
from portal.sandbox.fields import Field, Operation, Resource, Writable
from portal.sandbox.openapi import document, schema_name
from portal.sandbox.resources import RESOURCES
from portal.sandbox.schema import TABLES
from portal.sandbox.store import Store
from tests.sandbox.setup import API_KEY, CLIENT_ID, CLIENT_SECRET, Clock

DOCUMENT: Final = document("http://sandbox.test")
OPERATIONS: Final = [(method, path) for path, item in DOCUMENT["paths"].items() for method in item]
WITHOUT_PARAMETERS: Final = ("/openapi.json", "/api/pipelines")
EXAMPLES: Final = 6
REFUSED: Final = ["400", "404", "413", "422"]
ACCEPTED: Final = ["200", "201", "304", "403", "404", "409", "410"]
"""What a fitting request may get: a link or an address may be used up by an earlier one."""


def ids_in(store: Store) -> dict[str, list[str]]:
    """Some ids of each resource."""
    with store.reading() as connection:
        return {
            name: [row.id for row in connection.execute(table.select().limit(5))]
            for name, table in TABLES.items()
        }


def narrowed(schema: Any, ids: dict[str, list[str]]) -> Any:
    """The document in which each reference is one that exists, so that writes can succeed."""
    if isinstance(schema, list):
        return [narrowed(item, ids) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {
        name: value if name in ("responses", "schemas") else narrowed(value, ids)
        for name, value in schema.items()
    }
    if "x-refers-to" in schema:
        null = [None] if "null" in schema["type"] else []
        inner["enum"] = [*ids[schema["x-refers-to"]], *null]
    return inner


@pytest.fixture(scope="module")
def contract() -> Iterator[Any]:
    """The document as the server gives it, and that server, with the demo's records in it."""
    clock = Clock()
    store = Store(None, clock)
    seed(store, clock())
    config = SandboxConfig(CLIENT_ID, CLIENT_SECRET, API_KEY, lead_posts=10**9)
    app = create_sandbox(config, store, clock)
    checks = ChecksConfig.from_dict(
        {
            "negative_data_rejection": {"expected-statuses": REFUSED},
            "positive_data_acceptance": {"expected-statuses": ACCEPTED},
        }
    )
    generation = GenerationConfig(allow_x00=False, with_security_parameters=False)
    default = ProjectConfig(generation=generation, checks=checks)
    served = TestClient(app).get("/openapi.json").json()
    found = schemathesis.openapi.from_dict(
        narrowed(served, ids_in(store)),
        config=SchemathesisConfig(seed=1, projects=ProjectsConfig(default=default)),
    )
    found.app = app
    yield found
    store.close()


@pytest.mark.parametrize("mode", tuple(schemathesis.GenerationMode))
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_whatever_is_sent_the_answer_is_as_documented(
    contract: Any, method: str, path: str, mode: schemathesis.GenerationMode
) -> None:
    if mode is schemathesis.GenerationMode.NEGATIVE and path in WITHOUT_PARAMETERS:
        return
    operation = contract[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def answers_as_documented(case: Any) -> None:
        if mode is schemathesis.GenerationMode.POSITIVE:
            # Keys repeat, and the same one with another body is rightly refused.
            case.headers.pop("Idempotency-Key", None)
        case.call_and_validate(headers={"X-SM-Key": API_KEY})

    answers_as_documented()


def test_every_crm_route_is_in_the_document_and_the_other_way_round() -> None:
    modules = (crm, leads, magic_sessions, openapi, transcript)
    served = {
        (method.lower(), route.path)
        for module in modules
        for route in module.routes()
        if isinstance(route, Route)
        for method in (route.methods or {"POST"}) - {"HEAD"}
    }
    assert served == set(OPERATIONS)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.name)
def test_every_field_of_the_table_is_in_the_document(resource: Resource) -> None:
    read = DOCUMENT["components"]["schemas"][schema_name(resource)]
    names = {"id", *(f.name for f in resource.fields), *(n.name for n in resource.names)}
    assert set(read["properties"]) == set(read["required"]) == names
    for operation, path, method, never in (
        (Operation.CREATE, f"/api/{resource.name}", "post", {Writable.NEVER}),
        (
            Operation.CHANGE,
            f"/api/{resource.name}/{{id}}",
            "patch",
            {Writable.NEVER, Writable.ON_CREATE},
        ),
    ):
        if operation in resource.operations:
            body = body_of(path, method)
            fields = {f.name: f for f in resource.fields if f.writable not in never}
            assert set(body["properties"]) == set(fields)
            assert all(fits(fields[name], body["properties"][name]) for name in fields)
            required = {n for n in fields if fields[n].required and operation is Operation.CREATE}
            assert set(body.get("required", ())) == required


def body_of(path: str, method: str) -> dict[str, Any]:
    content = DOCUMENT["paths"][path][method]["requestBody"]["content"]
    assert list(content) == ["application/json"]
    schema = content["application/json"]["schema"]
    assert isinstance(schema, dict)
    return schema


def fits(field: Field, schema: dict[str, Any]) -> bool:
    """Whether the schema has the field's choices, bounds, default and length."""
    return (
        (not field.choices or set(field.choices) <= set(schema["enum"]))
        and (field.minimum is None or schema["minimum"] == field.minimum)
        and (field.maximum is None or schema["maximum"] == field.maximum)
        and (field.longest is None or schema["maxLength"] == field.longest)
        and (not isinstance(field.default, str | int) or schema["default"] == field.default)
    )


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.name)
def test_every_filter_and_limit_of_the_table_is_in_the_document(resource: Resource) -> None:
    given = {
        p["name"]: p for p in DOCUMENT["paths"][f"/api/{resource.name}"]["get"]["parameters"][:-1]
    }
    paging = {"limit", "page"} if resource.paged else {"limit"}
    sorting = {"sort"} if resource.sorts else set()
    assert set(given) == {f.parameter for f in resource.filters} | paging | sorting
    assert given["limit"]["schema"]["default"] == resource.default_limit
    assert str(resource.most_limit) in given["limit"]["description"]


async def test_the_document_is_public_and_names_this_server(
    store: Store, clock: Clock, api: httpx.AsyncClient
) -> None:
    public = await api.get("/openapi.json", headers={"X-SM-Key": "wrong"})
    assert public.status_code == 200
    assert public.json()["openapi"] == "3.1.0"
    assert public.json()["servers"] == [{"url": SandboxConfig("", "").origin}]
