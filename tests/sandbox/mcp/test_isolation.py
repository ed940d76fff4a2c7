"""Whatever tool a key bound to a product calls, another product's records do not exist."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from mcp import ClientSession, MCPError

from portal.sandbox.envelope import Refusal
from portal.sandbox.fields import Field, Resource, Writable
from portal.sandbox.keys import create_api_key
from portal.sandbox.mcp.answers import advice, as_text
from portal.sandbox.mcp.catalogue import all_tools
from portal.sandbox.mcp.record_tools import record_tools
from portal.sandbox.mcp.tool import Call, Effect, Tool
from portal.sandbox.resources import RESOURCES
from portal.sandbox.scope import Scope
from portal.sandbox.store import Store
from tests.sandbox.mcp.setup import Transport, call, connected, create, dump, refusal, text_of
from tests.sandbox.setup import API_KEY
from tests.sandbox.test_scope import NOW, owners, world_store, worlds

World = dict[str, list[dict[str, Any]]]
READING = [tool for tool in all_tools() if tool.effect is Effect.READ]
WRITTEN = [resource for resource in RESOURCES if not resource.own_routes]


@given(world=worlds())
@settings(max_examples=5, deadline=None)
def test_no_reading_tool_tells_anything_of_another_products_records(world: World) -> None:
    whose = owners(world)
    foreign = {record_id for record_id, products in whose.items() if "mode" not in products}
    store = world_store({resource.name: [] for resource in RESOURCES} | world)
    with store.reading() as connection:
        for tool in READING:
            for arguments in calls(tool, [*whose, "co_none"]):
                told = tell(tool, Call(connection, Scope("mode"), arguments, NOW))
                named = set(arguments.values())
                for record_id in foreign:
                    assert f'"{record_id}"' not in told, (tool.name, arguments)
                    assert f'secret of {record_id}"' not in told
                assert '"signal"' not in told
                if foreign & named and "query" not in arguments:
                    [hidden] = foreign & named
                    absent = dict.fromkeys(arguments, "co_none")
                    other = tell(tool, Call(connection, Scope("mode"), absent, NOW))
                    assert told == other.replace("co_none", hidden)
        check_totals(Call(connection, Scope("mode"), {}, NOW), world, whose)
    store.close()


def calls(tool: Tool, ids: list[str]) -> Iterator[dict[str, Any]]:
    """Every way to call a reading tool that matters here: with any id wherever one goes."""
    takes = tool.takes["properties"]
    if "query" in takes:
        yield from ({"query": word, "limit": 20} for word in ("secret", "signal", *ids))
        return
    if "id" not in takes:
        yield {}
    references = [name for name in takes if name == "id" or name.endswith("_id")]
    yield from ({name: record_id} for name in references for record_id in ids)
    for name in ("product", "source", "search"):
        if name in takes:
            yield from ({name: word} for word in ("mode", "signal", "secret"))


def tell(tool: Tool, called: Call) -> str:
    """All that the caller gets to read."""
    try:
        return as_text(tool.act(called))
    except Refusal as refused:
        return advice(tool, refused, called.arguments)


def check_totals(called: Call, world: World, whose: dict[str, set[str | None]]) -> None:
    tools = {tool.name: tool for tool in READING}
    for name, records in world.items():
        own = [record for record in records if "mode" in whose[record["id"]]]
        listed = tools[f"list_{name}"].act(called)
        assert listed["total"] == len(own)
        assert {record["id"] for record in listed["items"]} == {record["id"] for record in own}
    for company in world["companies"]:
        if "mode" in whose[company["id"]]:
            check_overview(tools["get_company_overview"], called, company["id"], world, whose)


def check_overview(
    tool: Tool, called: Call, company_id: str, world: World, whose: dict[str, set[str | None]]
) -> None:
    overview = tool.act(replace(called, arguments={"id": company_id}))
    own = {
        name: sum(r.get("company_id") == company_id and "mode" in whose[r["id"]] for r in records)
        for name, records in world.items()
    }
    assert overview["contacts"]["total"] == own["contacts"]
    assert overview["engagements"]["total"] == own["engagements"]
    assert overview["recent_activities"]["total"] == own["activities"]
    assert overview["deals_total"] == own["deals"]


def tagged(resource: Resource, product: str) -> dict[str, Any]:
    """The arguments that mark a record as that product's."""
    return {resource.product.field: [product] if resource.product.many else product}


def text_field(resource: Resource) -> Field:
    return next(
        f
        for f in resource.fields
        if f.kind in ("text", "long_text") and f.writable is Writable.ALWAYS and not f.choices
    )


async def test_a_bound_key_writes_its_own_products_records_only(
    base: str, agent: ClientSession, demo_store: Store
) -> None:
    key = create_api_key(demo_store, "bound", "mode")
    async with connected(base, key) as bound:
        for resource in WRITTEN:
            theirs = await create(agent, resource, **tagged(resource, "signal"))
            ours = await create(bound, resource)
            record = await call(agent, f"get_{resource.singular}", id=ours)
            assert (
                record[resource.product.field] == tagged(resource, "mode")[resource.product.field]
            )
            before = dump(demo_store)
            update, text = f"update_{resource.singular}", text_field(resource).name
            said = await refusal(bound, update, id=theirs, **{text: "taken over"})
            assert said == f"no {resource.singular} {theirs}: use search or " + (
                f"list_{resource.name} to find its id"
            )
            await refusal(bound, update, id=ours, **tagged(resource, "signal"))
            await refusal(bound, f"create_{resource.singular}", **tagged(resource, "signal"))
            assert dump(demo_store) == before


async def test_a_bound_key_cannot_refer_to_what_does_not_exist_for_it(
    base: str, agent: ClientSession, demo_store: Store
) -> None:
    key = create_api_key(demo_store, "bound", "mode")
    names = {resource.name: resource for resource in RESOURCES}
    async with connected(base, key) as bound:
        for resource in WRITTEN:
            ours = await create(bound, resource)
            for field in resource.fields:
                if field.refers_to is None or field.writable is not Writable.ALWAYS:
                    continue
                target = names[field.refers_to]
                foreign = await create(agent, target, **tagged(target, "signal"))
                for record_id in (foreign, "none"):
                    said = await refusal(
                        bound, f"update_{resource.singular}", id=ours, **{field.name: record_id}
                    )
                    assert said.startswith(f"{field.name}: there is no such {target.singular}")


async def test_two_agents_at_once_each_see_with_their_own_key(base: str, demo_store: Store) -> None:
    keys = {
        None: API_KEY,
        "mode": create_api_key(demo_store, "a", "mode"),
        "signal": create_api_key(demo_store, "b", "signal"),
    }
    seen: dict[tuple[str | None, Transport], set[str]] = {}

    async def look(product: str | None, transport: Transport) -> None:
        async with connected(base, keys[product], transport) as session:
            for _ in range(5):
                answer = await call(session, "list_engagements", limit=100)
                found = {record["product"] for record in answer["items"]}
                assert seen.setdefault((product, transport), found) == found

    async with anyio.create_task_group() as group:
        for product in keys:
            for transport in Transport:
                group.start_soon(look, product, transport)
    for transport in Transport:
        assert seen[("mode", transport)] == {"mode"}
        assert seen[("signal", transport)] == {"signal"}
        assert seen[(None, transport)] == {"mode", "signal"}


async def test_the_overview_resource_is_kept_apart_too(
    base: str, agent: ClientSession, demo_store: Store
) -> None:
    uri = "sm://companies/co_abc123/overview"
    assert '"product":"signal"' in str(await agent.read_resource(uri))
    async with connected(base, create_api_key(demo_store, "a", "mode")) as bound:
        assert '"product":"signal"' not in str(await bound.read_resource(uri))
    async with connected(base, create_api_key(demo_store, "b", "signal")) as bound:
        with pytest.raises(MCPError, match="There is no company co_abc123"):
            await bound.read_resource(uri)


async def test_a_bound_key_is_offered_the_same_tools(base: str, demo_store: Store) -> None:
    async with connected(base, create_api_key(demo_store, "a", "signal")) as bound:
        listed = (await bound.list_tools()).tools
        assert [tool.name for tool in listed] == [tool.name for tool in all_tools()]
        result = await bound.call_tool("search", {"query": "jane"})
        assert "acme" not in json.dumps(json.loads(text_of(result)))
        assert len(record_tools(RESOURCES[0])) == 4
