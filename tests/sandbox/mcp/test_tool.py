"""What the tools promise in schemas and hints is what they do."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import pytest
from mcp import ClientSession

from portal.sandbox.fields import Field, Filter, Kind, Match, Operation, Resource, Writable
from portal.sandbox.mcp.catalogue import all_tools
from portal.sandbox.mcp.record_tools import record_tools
from portal.sandbox.mcp.tool import Effect, Tool
from portal.sandbox.resources import BY_NAME, RESOURCES
from portal.sandbox.store import Store
from tests.sandbox.mcp.setup import arguments_for, call, dump, full_arguments
from tests.sandbox.setup import WRONG, Clock, example

IDS = {
    "company": "co_abc123",
    "contact": "ct_abc123",
    "engagement": "eng_abc123",
    "invoice": "inv_2026001",
    "deal": "deal_acmeret1",
    "activity": "act_acme0001",
}
TOOLS = all_tools()
MOMENT = re.compile(r"2026-05-13T1[01]:\d\d:00.000000Z")


def fields_of(tool: Tool) -> dict[str, Field]:
    return {} if tool.about is None else {field.name: field for field in tool.about.fields}


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_the_schemas_are_valid_and_every_argument_is_described(tool: Tool) -> None:
    for schema in (tool.takes, tool.gives):
        jsonschema_rs.meta.validate(schema)
        assert schema["type"] == "object"
        # Model providers refuse these at the top of a tool's schema.
        assert not {"anyOf", "oneOf", "allOf", "$ref"} & set(schema)
    assert tool.takes["additionalProperties"] is False
    for name, schema in tool.takes["properties"].items():
        assert schema["description"], name
        assert "type" in schema
    assert len(tool.description) > 60


def test_names_are_short_unique_and_plain() -> None:
    names = [tool.name for tool in TOOLS]
    assert len(set(names)) == len(names)
    assert all(name.replace("_", "").isalpha() and len(name) <= 64 for name in names)


def test_every_operation_of_every_resource_has_its_tool() -> None:
    names = {tool.name for tool in TOOLS}
    for resource in RESOURCES:
        expected = {
            f"list_{resource.name}": Operation.LIST in resource.operations,
            f"get_{resource.singular}": Operation.READ in resource.operations,
            f"create_{resource.singular}": Operation.CREATE in resource.operations,
            f"update_{resource.singular}": Operation.CHANGE in resource.operations
            and not resource.own_routes,
        }
        assert {name: name in names for name in expected} == expected


@pytest.mark.parametrize(
    "tool", [tool for tool in TOOLS if tool.effect is not Effect.READ], ids=lambda tool: tool.name
)
def test_a_schema_allows_what_fits_a_field_and_nothing_else(tool: Tool) -> None:
    creating = tool.effect is Effect.CREATE
    fields = fields_of(tool)
    for name, schema in tool.takes["properties"].items():
        allows = jsonschema_rs.validator_for(schema).is_valid
        if name == "id":
            assert allows("co_1")
            continue
        field = fields[name]
        assert field.writable is Writable.ALWAYS or creating
        assert allows("co_1" if field.refers_to else example(field))
        assert not allows(WRONG[field.kind])
        assert not allows({"not": "listed"} if field.choices else True)
        assert allows(None) is (field.nullable and not creating)
        if field.choices:
            assert all(allows(choice) for choice in field.choices)
        if field.minimum is not None:
            assert allows(field.minimum)
            assert not allows(field.minimum - 1)
        if field.maximum is not None:
            assert not allows(field.maximum + 1)
        if field.longest is not None:
            assert not allows("x" * (field.longest + 1))
    required = {name for name, field in fields.items() if field.required}
    assert set(tool.takes["required"]) == (required if creating else {"id"})


def test_a_new_resource_and_a_new_field_are_covered_by_themselves() -> None:
    parcel = Resource(
        name="parcels",
        singular="parcel",
        prefix="pa",
        filters=(Filter("size", "box_size"), Filter("search", match=Match.SEARCH)),
        fields=(
            Field("box_size", choices=("small", "large"), default="small"),
            Field("weight", Kind.NUMBER, minimum=0, required=True),
            Field("company_id", Kind.REFERENCE, refers_to="companies"),
            Field("arrived_at", Kind.MOMENT, writable=Writable.NEVER, internal=True),
        ),
    )
    listing, getting, creating, updating = record_tools(parcel)
    names = [tool.name for tool in (listing, getting, creating, updating)]
    assert names == ["list_parcels", "get_parcel", "create_parcel", "update_parcel"]
    assert list(listing.takes["properties"]) == ["size", "search", "page", "limit"]
    assert listing.takes["properties"]["size"]["enum"] == ["small", "large"]
    assert list(creating.takes["properties"]) == ["box_size", "weight", "company_id"]
    assert creating.takes["required"] == ["weight"]
    assert creating.takes["properties"]["weight"]["minimum"] == 0
    assert creating.takes["properties"]["box_size"]["default"] == "small"
    assert "list_companies" in creating.takes["properties"]["company_id"]["description"]
    assert list(updating.takes["properties"]) == ["id", "box_size", "weight", "company_id"]
    assert "arrived_at" in getting.gives["properties"]


async def test_every_hint_is_true(agent: ClientSession, demo_store: Store, clock: Clock) -> None:
    for tool in (await agent.list_tools()).tools:
        hints = tool.annotations
        assert hints is not None
        assert hints.open_world_hint is False
        arguments = await arguments_of(agent, tool.name)
        before = dump(demo_store)
        await call(agent, tool.name, **arguments)
        once = dump(demo_store)
        assert hints.read_only_hint is (once == before)
        if hints.destructive_hint is False:
            assert set(before) <= set(once), "something that was there is gone"
        clock.advance(minutes=1)
        arguments |= {"email": "other@b.example"} if tool.name == "create_contact" else {}
        await call(agent, tool.name, **arguments)
        assert hints.idempotent_hint is (unstamped(dump(demo_store)) == unstamped(once))


def unstamped(statements: list[str]) -> list[str]:
    """A dump without the moments of change: 10:42 and the minutes that the test lets pass."""
    return [MOMENT.sub("", statement) for statement in statements]


async def arguments_of(agent: ClientSession, name: str) -> dict[str, Any]:
    """Arguments under which the tool does something."""
    verb, _, rest = name.partition("_")
    if name == "search":
        return {"query": "acme"}
    if name == "get_company_overview":
        return {"id": IDS["company"]}
    if verb == "list":
        return {}
    if verb == "get":
        return {"id": IDS[rest]}
    resource = next(r for r in RESOURCES if r.singular == rest)
    if verb == "create":
        return await full_arguments(agent, resource)
    fields = [f for f in resource.fields if f.writable is Writable.ALWAYS and f.name != "email"]
    return {"id": IDS[rest], **await arguments_for(agent, fields)}


async def test_the_tools_of_a_resource_refuse_what_their_schemas_forbid(
    agent: ClientSession,
) -> None:
    for resource in BY_NAME.values():
        for tool in record_tools(resource):
            result = await agent.call_tool(tool.name, {"no_such_argument": 1})
            assert result.is_error
