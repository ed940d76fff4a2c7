"""Every resource of the table can be listed, read, created and changed, and nothing is lost."""

from __future__ import annotations

from typing import Any, Final

from mcp import ClientSession

from portal.sandbox.fields import Filter, Match, Resource, Writable
from portal.sandbox.resources import DEALS, RESOURCES
from portal.sandbox.store import Store
from tests.sandbox.mcp.setup import (
    arguments_for,
    call,
    dump,
    full_arguments,
    http_client,
    refusal,
)
from tests.sandbox.setup import API_KEY, Clock

WRITTEN = [resource for resource in RESOURCES if not resource.own_routes]


async def test_what_is_created_is_read_listed_and_changed(agent: ClientSession) -> None:
    for resource in WRITTEN:
        one = resource.singular
        given = await full_arguments(agent, resource)
        made = await call(agent, f"create_{one}", **given)
        assert {name: made[name] for name in given} == given
        got = await call(agent, f"get_{one}", id=made["id"])
        assert {name: got[name] for name in made} == made
        assert made["id"] in await listed_ids(agent, resource)
        changing = [f for f in resource.fields if f.writable is Writable.ALWAYS]
        changes = await arguments_for(agent, changing)
        changed = await call(agent, f"update_{one}", id=made["id"], **changes)
        assert {name: changed[name] for name in changes} == changes


async def test_null_empties_what_may_be_empty(agent: ClientSession) -> None:
    for resource in WRITTEN:
        given = await full_arguments(agent, resource)
        made = await call(agent, f"create_{resource.singular}", **given)
        # These follow from other fields, or mark whose the record is.
        kept = {resource.product.field, "product", "full_name", *resource.one_of_required[:1]}
        emptied = {
            f.name: None
            for f in resource.fields
            if f.nullable and f.writable is Writable.ALWAYS and f.name not in kept
        }
        changed = await call(agent, f"update_{resource.singular}", id=made["id"], **emptied)
        assert {name: changed[name] for name in emptied} == emptied


async def test_the_pages_of_a_list_are_the_whole_list(agent: ClientSession) -> None:
    for resource in RESOURCES:
        pages = await listed_ids(agent, resource, limit=3)
        whole = await listed_ids(agent, resource, limit=100)
        assert pages == whole
        assert len(set(whole)) == len(whole)
        first = await call(agent, f"list_{resource.name}", limit=3)
        assert (first["page"], first["limit"], first["total"]) == (1, 3, len(whole))


async def listed_ids(agent: ClientSession, resource: Resource, limit: int = 100) -> list[str]:
    found: list[str] = []
    page: int | None = 1
    while page is not None:
        data = await call(agent, f"list_{resource.name}", page=page, limit=limit)
        found += [record["id"] for record in data["items"]]
        page = data["next_page"]
    return found


async def test_every_filter_narrows_the_list(agent: ClientSession, clock: Clock) -> None:
    for resource in WRITTEN:
        clock.advance(minutes=1)
        mark = {resource.product.field: ["mode"] if resource.product.many else "mode"}
        given = await full_arguments(agent, resource) | mark
        made = await call(agent, f"create_{resource.singular}", **given)
        for wanted in resource.filters:
            value = filtered_by(resource, wanted, made)
            narrowed = {wanted.parameter: value, "limit": 100}
            found = (await call(agent, f"list_{resource.name}", **narrowed))["items"]
            assert made["id"] in [record["id"] for record in found]
            if wanted.match is Match.EXACT:
                assert {record[wanted.compares] for record in found} == {value}


def filtered_by(resource: Resource, wanted: Filter, record: dict[str, Any]) -> Any:
    """A value of the filter that finds the record."""
    if wanted.match is Match.SEARCH:
        return record[resource.searched[0]].upper()
    return "mode" if wanted.match is Match.PRODUCT else record[wanted.compares]


async def test_companies_can_be_sorted_by_what_they_pay(agent: ClientSession) -> None:
    found = (await call(agent, "list_companies", sort="revenue"))["items"]
    paid = [company["monthly_revenue"] or 0 for company in found]
    assert paid == sorted(paid, reverse=True)
    assert len(set(paid)) > 1


async def test_pipelines_are_listed_with_their_stages(agent: ClientSession) -> None:
    pipelines = (await call(agent, "list_pipelines"))["items"]
    choices = DEALS.field("pipeline").choices
    assert tuple(pipeline["id"] for pipeline in pipelines) == choices
    assert pipelines[0]["stages"][0] == {"key": "lead", "label": "Lead"}


REFUSALS: Final[list[tuple[str, dict[str, Any], str]]] = [
    ("get_deal", {"id": "deal_x"}, "no deal deal_x: use search or list_deals to find its id"),
    ("update_invoice", {"id": "x", "amount": 1}, "no invoice x: use search or list_invoices"),
    ("get_company_overview", {"id": "co_x"}, "no company co_x: use search or list_companies"),
    ("get_company", {}, "id: is required"),
    ("get_company", {"id": None}, "id: is required"),
    ("get_company", {"id": 7}, "id: must be a string"),
    ("get_company", {"name": "Acme"}, "name: no such argument; this tool takes id"),
    ("list_pipelines", {"page": 1}, "page: no such argument; this tool takes none"),
    ("list_companies", {"status": "gone"}, "status: must be one of active, inactive, churned"),
    ("list_companies", {"limit": 101}, "limit: must be at most 100"),
    ("list_companies", {"page": 0}, "page: must be at least 1"),
    ("list_companies", {"limit": "5"}, "limit: must be a whole number"),
    ("list_companies", {"product": "Mode!"}, "product: must be a product slug such as mode"),
    (
        "list_invoices",
        {"company_id": "co_x"},
        "company_id: there is no such company: use search or list_companies to find its id",
    ),
    (
        "create_deal",
        {"title": "x", "contact_id": "ct_x"},
        "contact_id: there is no such contact: use search or list_contacts to find its id",
    ),
    ("create_company", {}, "name: is required"),
    ("create_company", {"name": ""}, "name: must not be empty"),
    ("create_contact", {"title": "CFO"}, "email: one of email, company_id is required"),
    ("create_company", {"name": "x", "id": "co_1"}, "id: no such field; create_company takes"),
    ("create_invoice", {"company_id": "co_abc123", "amount": "9"}, "amount: must be a number"),
    (
        "create_contact",
        {"email": "JANE@acme.com", "company_id": "co_abc123"},
        "use update_contact",
    ),
    ("update_company", {"id": "co_abc123"}, "give a field to change, such as name"),
    ("update_company", {"name": "x"}, "id: is required"),
    ("update_company", {"id": "co_abc123", "name": None}, "name: must not be null"),
    ("update_company", {"id": "co_abc123", "status": "gone"}, "status: must be one of active"),
    ("update_deal", {"id": "deal_acmeret1", "company_id": "co_abc123"}, "cannot be changed"),
    ("search", {"query": "  "}, "query: must not be empty"),
    ("search", {"query": "x", "kind": "lead"}, "kind: must be one of company, contact"),
]


async def test_a_refusal_says_what_to_do_next(agent: ClientSession, demo_store: Store) -> None:
    before = dump(demo_store)
    for tool, arguments, advice in REFUSALS:
        said = await refusal(agent, tool, **arguments)
        assert advice in said, (tool, arguments, said)
    assert dump(demo_store) == before


async def test_money_stays_exact_in_both_directions(base: str) -> None:
    # Written by hand: the official client would make doubles of the numbers it sends.
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    headers |= {"Accept": "application/json", "MCP-Protocol-Version": "2025-06-18"}
    async with http_client(headers, base) as http:
        opening = message("initialize", OPENING)
        session = (await http.post("/mcp", content=opening)).headers["mcp-session-id"]
        http.headers["Mcp-Session-Id"] = session
        await http.post("/mcp", content='{"jsonrpc":"2.0","method":"notifications/initialized"}')
        for digits in ("0.1", "19192.5", "-2500.000001", "12345678901.25", "8999999999999.999999"):
            arguments = f'{{"title": "x", "value": {digits}}}'
            called = message("tools/call", f'{{"name":"create_deal","arguments":{arguments}}}')
            result = (await http.post("/mcp", content=called)).json()["result"]
            assert f'"value":{digits},' in result["content"][0]["text"]
            # Where a double would lose digits, the structured value is the digits themselves.
            value = result["structuredContent"]["value"]
            assert value == (float(digits) if len(digits) < 17 else digits)


OPENING: Final = (
    '{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}'
)


def message(method: str, params: str) -> str:
    return f'{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}'
