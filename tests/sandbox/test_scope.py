"""For a key bound to a product, another product's records do not exist anywhere."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.sandbox.app import SandboxConfig, create_sandbox
from portal.sandbox.keys import create_api_key
from portal.sandbox.resources import (
    ACTIVITIES,
    BY_NAME,
    COMPANIES,
    CONTACTS,
    DEALS,
    ENGAGEMENTS,
    INVOICES,
    RESOURCES,
)
from portal.sandbox.store import Store
from portal.sandbox.write import insert_records
from tests.sandbox.setup import WHOLE, Clock, client_of, create, refused

NOW = "2026-05-13T10:42:00.000000Z"
PRODUCTS = ("mode", "signal")
tags = st.sampled_from([*PRODUCTS, None])


def ids(prefix: str, count: int) -> list[str]:
    return [f"{prefix}_{number:016x}" for number in range(count)]


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    """Records of two products that refer to each other at will."""

    def record(record_id: str, **fields: Any) -> dict[str, Any]:
        return {"id": record_id, "created_at": NOW, **fields}

    def one_of(choices: list[str]) -> str:
        return draw(st.sampled_from(choices))

    def perhaps(choices: list[str]) -> str | None:
        return draw(st.none() | st.sampled_from(choices))

    companies, contacts, engagements = ids("co", 3), ids("ct", 4), ids("eng", 4)
    return {
        "companies": [record(i, name=f"secret of {i}", product=draw(tags)) for i in companies],
        "contacts": [
            record(
                i,
                company_id=perhaps(companies),
                full_name=f"secret of {i}",
                products=draw(st.lists(st.sampled_from(PRODUCTS), unique=True)),
            )
            for i in contacts
        ],
        "engagements": [
            record(
                i,
                company_id=one_of(companies),
                name=f"secret of {i}",
                product=draw(st.sampled_from(PRODUCTS)),
            )
            for i in engagements
        ],
        "invoices": [
            record(
                i,
                company_id=one_of(companies),
                engagement_id=perhaps(engagements),
                product=draw(tags),
                amount=1,
                notes=f"secret of {i}",
            )
            for i in ids("inv", 4)
        ],
        "deals": [
            record(
                i,
                company_id=perhaps(companies),
                contact_id=perhaps(contacts),
                product=draw(tags),
                title=f"secret of {i}",
            )
            for i in ids("deal", 3)
        ],
        "activities": [
            record(
                i,
                company_id=perhaps(companies),
                contact_id=perhaps(contacts),
                engagement_id=perhaps(engagements),
                source=draw(tags),
                activity_type="note",
                title=f"secret of {i}",
            )
            for i in ids("act", 5)
        ],
        "leads": [
            record(
                i,
                contact_id=perhaps(contacts),
                product=draw(tags),
                email="someone@client.example",
                name=f"secret of {i}",
            )
            for i in ids("ld", 3)
        ],
    }


def owners(world: dict[str, list[dict[str, Any]]]) -> dict[str, set[str | None]]:
    """Whose each record is, said anew and without the database."""
    engagements = {e["id"]: e["product"] for e in world["engagements"]}
    found: dict[str, set[str | None]] = {}
    for name, records in world.items():
        for record in records:
            own = record.get("source") if name == "activities" else record.get("product")
            if own is None and name in ("invoices", "activities"):
                own = engagements.get(record["engagement_id"])
            found[record["id"]] = set(record["products"]) if name == "contacts" else {own}
    return found


def world_store(world: dict[str, list[dict[str, Any]]]) -> Store:
    store = Store(None, Clock())
    with store.writing() as connection:
        for resource in RESOURCES:
            insert_records(connection, resource, world[resource.name])
    return store


@given(world=worlds())
@settings(max_examples=15, deadline=None)
async def test_no_read_route_tells_anything_of_another_products_records(
    world: dict[str, list[dict[str, Any]]],
) -> None:
    store = world_store(world)
    app = create_sandbox(SandboxConfig("i", "s"), store, Clock())
    whose = owners(world)
    async with client_of(app, create_api_key(store, "bound", "mode")) as api:
        for name, records in world.items():
            own = {r["id"] for r in records if "mode" in whose[r["id"]]}
            await check_lists(api, name, own, whose)
            for record in records if BY_NAME[name] in WHOLE else ():
                single = await api.get(f"/api/{name}/{record['id']}")
                assert single.status_code == (200 if record["id"] in own else 404)
                check_nothing_foreign(single, whose)
    store.close()


async def check_lists(
    api: httpx.AsyncClient, name: str, own: set[str], whose: dict[str, set[str | None]]
) -> None:
    resource = BY_NAME[name]
    for query in queries(whose):
        response = await api.get(f"/api/{name}", params=query)
        check_nothing_foreign(response, whose)
        data = response.json()["data"]
        found = {r["id"] for r in (data["items"] if resource.paged else data)}
        assert found <= own
        if not query:
            assert found == own
        if resource.paged:
            assert data["total"] == len(found)
        known = {f.parameter for f in resource.filters}
        foreign = {i for i, products in whose.items() if "mode" not in products}
        if set(query) & known and (foreign | {"signal"}) & set(query.values()):
            assert found == set()


def queries(whose: dict[str, set[str | None]]) -> list[dict[str, str]]:
    by_reference = [
        {parameter: record_id}
        for parameter, prefix in (("company_id", "co_"), ("contact_id", "ct_"))
        for record_id in whose
        if record_id.startswith(prefix)
    ]
    others: list[dict[str, str]] = [
        {},
        {"product": "mode"},
        {"product": "signal"},
        {"source": "signal"},
        {"search": "secret"},
    ]
    return by_reference + others


def check_nothing_foreign(response: httpx.Response, whose: dict[str, set[str | None]]) -> None:
    for record_id, products in whose.items():
        if "mode" not in products:
            assert f'"{record_id}"' not in response.text
            assert f'secret of {record_id}"' not in response.text
    assert "signal" not in response.text


async def test_a_companys_detail_counts_only_what_the_key_may_see(
    api: httpx.AsyncClient, mode: httpx.AsyncClient
) -> None:
    company = await create(api, COMPANIES, product="mode")
    for product in PRODUCTS:
        own = {"company_id": company, "product": product}
        await create(api, CONTACTS, **own, email=f"{product}@client.example")
        await create(api, DEALS, **own)
        engagement = await create(api, ENGAGEMENTS, **own)
        await create(api, INVOICES, company_id=company, engagement_id=engagement)
    everything = (await api.get(f"/api/companies/{company}")).json()["data"]
    bound = (await mode.get(f"/api/companies/{company}")).json()["data"]
    for count in ("contacts_count", "deals_count"):
        assert (everything[count], bound[count]) == (2, 1)
    for embedded in ("engagements", "recent_invoices"):
        assert (len(everything[embedded]), len(bound[embedded])) == (2, 1)


@pytest.fixture
async def mode(
    api: httpx.AsyncClient, store: Store, clock: Clock, config: SandboxConfig
) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose key is bound to mode, on the same store as `api`."""
    app = create_sandbox(config, store, clock)
    async with client_of(app, create_api_key(store, "bound", "mode")) as client:
        yield client


@pytest.mark.parametrize("resource", WHOLE, ids=lambda r: r.name)
async def test_a_bound_key_writes_its_own_products_records_only(
    api: httpx.AsyncClient, mode: httpx.AsyncClient, resource: Any
) -> None:
    tag, many = resource.product.field, resource.product.many
    record_id = await create(mode, resource)
    record = (await api.get(f"/api/{resource.name}/{record_id}")).json()["data"]
    assert record[tag] == (["mode"] if many else "mode")
    foreign = {tag: ["signal"] if many else "signal"}
    path = f"/api/{resource.name}/{record_id}"
    refused(await mode.patch(path, json=foreign), 422, tag)
    theirs = await create(api, resource, **foreign)
    text = next(f.name for f in resource.fields if f.kind in ("long_text", "text"))
    response = await mode.patch(f"/api/{resource.name}/{theirs}", json={text: "taken over"})
    refused(response, 404)
    after = (await api.get(f"/api/{resource.name}/{theirs}")).json()["data"]
    assert after[text] != "taken over"


@pytest.mark.parametrize(
    ("resource", "field"),
    [(r, f) for r in WHOLE for f in r.fields if f.refers_to],
    ids=lambda value: value.name,
)
async def test_a_bound_key_cannot_refer_to_what_does_not_exist_for_it(
    api: httpx.AsyncClient, mode: httpx.AsyncClient, resource: Any, field: Any
) -> None:
    target = BY_NAME[field.refers_to]
    tag = target.product.field
    foreign = await create(api, target, **{tag: ["signal"] if target.product.many else "signal"})
    body = {"name": "x", "title": "x", "activity_type": "x", "amount": 1, "email": "a@b.example"}
    known = {f.name for f in resource.fields if f.required} | set(resource.one_of_required)
    given = {name: value for name, value in body.items() if name in known}
    if "company_id" in known:
        given["company_id"] = await create(mode, COMPANIES)
    given[field.name] = foreign
    refused(await mode.post(f"/api/{resource.name}", json=given), 422, field.name)


async def test_a_bound_key_leaves_another_products_grant_alone(
    api: httpx.AsyncClient, mode: httpx.AsyncClient
) -> None:
    contact = await create(api, CONTACTS, products=["signal", "mode"])
    path = f"/api/contacts/{contact}"
    seen = (await mode.get(path)).json()["data"]
    assert (seen["product"], seen["products"]) == ("mode", ["mode"])
    changed = await mode.patch(path, json={"products": ["mode"], "title": "CFO"})
    assert changed.status_code == 200
    whole = (await api.get(path)).json()["data"]
    assert sorted(whole["products"]) == ["mode", "signal"]


async def test_a_bound_key_may_not_make_a_record_vanish(
    api: httpx.AsyncClient, mode: httpx.AsyncClient
) -> None:
    for resource in (COMPANIES, DEALS, ACTIVITIES, INVOICES):
        record_id = await create(mode, resource)
        tag = resource.product.field
        path = f"/api/{resource.name}/{record_id}"
        refused(await mode.patch(path, json={tag: None}), 422, tag)
        assert (await mode.get(path)).json()["data"][tag] == "mode"


async def test_an_address_taken_by_another_product_is_not_told(
    api: httpx.AsyncClient, mode: httpx.AsyncClient
) -> None:
    company = await create(mode, COMPANIES)
    body = {"company_id": company, "email": "jane@acme.com"}
    await create(api, CONTACTS, **body, product="signal")
    assert (await mode.post("/api/contacts", json=body)).status_code == 201
    refused(await mode.post("/api/contacts", json=body), 409, "email")


async def test_an_unbound_key_reads_every_product(api: httpx.AsyncClient) -> None:
    for product in PRODUCTS:
        await create(api, ENGAGEMENTS, product=product)
    found = (await api.get("/api/engagements")).json()["data"]
    assert {e["product"] for e in found} == set(PRODUCTS)
    assert json.dumps(found).count("co_") == 2
