"""The CRM routes' particulars: detail, search, joins, bodies, entity tags, exact money."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx2 as httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from portal.sandbox.app import SandboxConfig, create_sandbox
from portal.sandbox.resources import (
    ACTIVITIES,
    COMPANIES,
    CONTACTS,
    ENGAGEMENTS,
    INVOICES,
    RESOURCES,
)
from portal.sandbox.store import Store
from tests.sandbox.setup import API_KEY, WHOLE, Clock, client_of, create, refused


async def read(api: httpx.AsyncClient, path: str, **params: str | int) -> Any:
    response = await api.get(path, params=params)
    assert response.status_code == 200, response.text
    return json.loads(response.text, parse_float=Decimal)["data"]


async def test_a_company_detail_counts_and_embeds_what_belongs_to_it(
    api: httpx.AsyncClient, clock: Clock
) -> None:
    company_id = await create(api, COMPANIES)
    await create(api, CONTACTS, company_id=company_id)
    own = {"company_id": company_id}
    active = await create(api, ENGAGEMENTS, **own, name="Active", monthly_revenue=99.5, headcount=2)
    await create(api, ENGAGEMENTS, **own, status="paused")
    await create(api, ENGAGEMENTS)
    invoices = []
    for number in range(14):
        clock.advance(seconds=1)
        invoices.append(await create(api, INVOICES, **own, amount=number))
    company = await read(api, f"/api/companies/{company_id}")
    assert company["contacts_count"] == 1
    assert company["deals_count"] == 0
    assert company["engagements"] == [
        {
            "id": active,
            "name": "Active",
            "status": "active",
            "monthly_revenue": Decimal("99.5"),
            "headcount": 2,
        }
    ]
    recent = company["recent_invoices"]
    assert [invoice["id"] for invoice in recent] == invoices[:1:-1]
    assert set(recent[0]) == {"id", "amount", "status", "issued_date"}


async def test_companies_sort_by_revenue_when_asked(api: httpx.AsyncClient) -> None:
    for name, revenue in (("none", None), ("small", 9.5), ("large", 10_000), ("middle", 200)):
        await create(api, COMPANIES, name=name, monthly_revenue=revenue)
    page = await read(api, "/api/companies", sort="revenue")
    assert [company["name"] for company in page["items"]] == ["large", "middle", "small", "none"]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("jane@acme.com", {"jane@acme.com", "mary-jane@acme.com"}),
        ("JANE", {"jane@acme.com", "mary-jane@acme.com"}),
        ("zoë łuk", {"zoe@client.example"}),
        ("ZOË", {"zoe@client.example"}),
        ("100%", {"percent@client.example"}),
        ("%", {"percent@client.example"}),
        ("_", set()),
        ("'", set()),
        ("nobody", set()),
    ],
)
async def test_search_finds_substrings_whatever_their_case_and_no_wildcards(
    api: httpx.AsyncClient, search: str, expected: set[str]
) -> None:
    people = {
        "jane@acme.com": "Jane Smith",
        "mary-jane@acme.com": "M. Watson",
        "zoe@client.example": "Zoë Łukasiewicz",
        "percent@client.example": "Sure 100% Inc",
    }
    for email, name in people.items():
        await create(api, CONTACTS, email=email, full_name=name)
    page = await read(api, "/api/contacts", search=search)
    assert {contact["email"] for contact in page["items"]} == expected
    assert page["total"] == len(expected)


async def test_search_follows_a_changed_name(api: httpx.AsyncClient) -> None:
    company_id = await create(api, COMPANIES, name="Old Name", domain="old.example")
    await api.patch(f"/api/companies/{company_id}", json={"name": "New Name"})
    assert (await read(api, "/api/companies", search="new na"))["total"] == 1
    assert (await read(api, "/api/companies", search="old.ex"))["total"] == 1
    assert (await read(api, "/api/companies", search="old name"))["total"] == 0


async def test_names_are_joined(api: httpx.AsyncClient) -> None:
    company_id = await create(api, COMPANIES, name="Acme Corp")
    named = await create(api, CONTACTS, company_id=company_id, full_name="Jane Smith")
    unnamed = await create(api, CONTACTS, email="x@client.example")
    for contact_id, name in ((named, "Jane Smith"), (unnamed, "x@client.example")):
        activity = await create(api, ACTIVITIES, company_id=company_id, contact_id=contact_id)
        record = await read(api, f"/api/activities/{activity}")
        assert record["company_name"] == "Acme Corp"
        assert record["contact_name"] == name
    assert (await read(api, f"/api/contacts/{named}"))["company_name"] == "Acme Corp"
    assert (await read(api, f"/api/contacts/{unnamed}"))["company_name"] is None


async def test_an_engagement_is_studios_until_told_otherwise(api: httpx.AsyncClient) -> None:
    engagement = await create(api, ENGAGEMENTS)
    assert (await read(api, f"/api/engagements/{engagement}"))["product"] == "studios"


async def test_an_untagged_record_follows_its_engagement(api: httpx.AsyncClient) -> None:
    engagement = await create(api, ENGAGEMENTS, product="mode")
    invoice = await create(api, INVOICES, engagement_id=engagement)
    activity = await create(api, ACTIVITIES, engagement_id=engagement)
    await create(api, INVOICES)
    for path, record_id in (("invoices", invoice), ("activities", activity)):
        found = await read(api, f"/api/{path}", product="mode")
        assert [record["id"] for record in found] == [record_id]
    await api.patch(f"/api/engagements/{engagement}", json={"product": "signal"})
    for path in ("invoices", "activities"):
        assert await read(api, f"/api/{path}", product="mode") == []
        assert len(await read(api, f"/api/{path}", product="signal")) == 1


async def test_patching_a_product_adds_it_to_the_products(api: httpx.AsyncClient) -> None:
    contact = await create(api, CONTACTS, product="mode")
    path = f"/api/contacts/{contact}"
    assert (await read(api, path))["products"] == ["mode"]
    await api.patch(path, json={"portal_access": 1, "product": "signal"})
    record = await read(api, path)
    assert record["product"] == "signal"
    assert record["products"] == ["mode", "signal"]
    await api.patch(path, json={"products": ["mode"]})
    assert (await read(api, path))["product"] == "mode"
    await api.patch(path, json={"products": []})
    assert (await read(api, path))["product"] is None


async def test_the_full_name_is_joined_unless_it_is_given(api: httpx.AsyncClient) -> None:
    joined = await create(api, CONTACTS, first_name="Jane", last_name="Smith")
    path = f"/api/contacts/{joined}"
    assert (await read(api, path))["full_name"] == "Jane Smith"
    await api.patch(path, json={"last_name": "Doe"})
    assert (await read(api, path))["full_name"] == "Jane Doe"
    await api.patch(path, json={"full_name": "Dr. Jane Doe"})
    await api.patch(path, json={"first_name": "J."})
    assert (await read(api, path))["full_name"] == "Dr. Jane Doe"


async def test_an_address_exists_once_in_a_company(api: httpx.AsyncClient) -> None:
    company_id = await create(api, COMPANIES)
    await create(api, CONTACTS, company_id=company_id, email="Jané@Acme.com")
    body = {"company_id": company_id, "email": "JANÉ@acme.COM"}
    refused(await api.post("/api/contacts", json=body), 409, "email")
    other = await create(api, CONTACTS, email="jané@acme.com")
    refused(
        await api.patch(f"/api/contacts/{other}", json={"company_id": company_id}), 409, "email"
    )


@pytest.mark.parametrize(
    "amount",
    ["0", "0.1", "1200.10", "-0.01", "99999999.99", "0.000001", "8999999999999.999999", "1E+3"],
)
async def test_money_is_exact(api: httpx.AsyncClient, amount: str) -> None:
    company_id = await create(api, COMPANIES)
    body = (
        f'{{"company_id": "{company_id}", "amount": {amount}, '
        f'"line_items": [{{"description": "x", "amount": {amount}, "quantity": 0.30}}]}}'
    )
    headers = {"Content-Type": "application/json"}
    created = await api.post("/api/invoices", content=body, headers=headers)
    assert created.status_code == 201
    record = await read(api, f"/api/invoices/{created.json()['data']['id']}")
    assert record["amount"] == Decimal(amount)
    assert record["line_items"][0]["amount"] == Decimal(amount)


async def test_money_is_a_number_without_noise(api: httpx.AsyncClient) -> None:
    invoice = await create(api, INVOICES, amount=1200.1)
    assert '"amount":1200.1,' in (await api.get(f"/api/invoices/{invoice}")).text


@pytest.mark.parametrize(
    "amount", ["0.0000001", "1e-400", "1e13", "1e400", "9" * 400, "true", '"12"', "1e9999999"]
)
async def test_an_amount_that_cannot_be_kept_exactly_is_refused(
    api: httpx.AsyncClient, amount: str
) -> None:
    company_id = await create(api, COMPANIES)
    body = f'{{"company_id": "{company_id}", "amount": {amount}}}'
    headers = {"Content-Type": "application/json"}
    response = await api.post("/api/invoices", content=body, headers=headers)
    refused(response, 422, "amount")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"1", b"null", b'"x"', b"NaN", b'{"name": NaN}', b"\xff"),
        *(b'{"name":"\xff"}', b'{"name": "\\ud800"}', b"[" * 100_000, b'{"a":' * 100_000),
        b'{"name": 1e99999999999999999999}',
    ],
)
async def test_a_body_that_is_no_json_object_is_400(api: httpx.AsyncClient, body: bytes) -> None:
    company_id = await create(api, COMPANIES)
    headers = {"Content-Type": "application/json"}
    refused(await api.post("/api/companies", content=body, headers=headers), 400)
    path = f"/api/companies/{company_id}"
    refused(await api.patch(path, content=body, headers=headers), 400)


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
async def test_another_content_type_is_415(api: httpx.AsyncClient, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    response = await api.post("/api/companies", content=b'{"name":"x"}', headers=headers)
    refused(response, 415)


async def test_a_body_over_one_mebibyte_is_413(api: httpx.AsyncClient) -> None:
    refused(await api.post("/api/companies", json={"name": "x" * 1024 * 1024}), 413)
    refused(await api.post("/api/companies", json={"name": "x" * 1024 * 1000}), 422, "name")


@pytest.mark.parametrize("text", ["a\x00b", "", "   "])
async def test_a_name_that_is_none_is_refused(api: httpx.AsyncClient, text: str) -> None:
    refused(await api.post("/api/companies", json={"name": text}), 422, "name")


async def test_metadata_may_be_anything_but_bottomless(api: httpx.AsyncClient) -> None:
    deep: dict[str, Any] = {}
    for _ in range(18):
        deep = {"in": [deep] if len(str(deep)) % 2 else deep}
    activity = await create(api, ACTIVITIES, metadata={"nul": "\x00", "n": 10**30, "deep": None})
    assert (await read(api, f"/api/activities/{activity}"))["metadata"]["n"] == 10**30
    for _ in range(30):
        deep = {"in": deep}
    body = {"activity_type": "x", "metadata": deep}
    refused(await api.post("/api/activities", json=body), 422, "metadata")


async def test_a_read_is_not_sent_twice(api: httpx.AsyncClient) -> None:
    company_id = await create(api, COMPANIES)
    for path in (f"/api/companies/{company_id}", "/api/companies", "/api/pipelines"):
        first = await api.get(path)
        tag = first.headers["ETag"]
        assert not tag.startswith("W/")
        for held in (tag, f'"other", {tag}', f"W/{tag}", "*"):
            again = await api.get(path, headers={"If-None-Match": held})
            assert again.status_code == 304
            assert again.content == b""
            assert again.headers["ETag"] == tag
        assert (await api.get(path, headers={"If-None-Match": '"x"'})).status_code == 200
    await api.patch(f"/api/companies/{company_id}", json={"name": "Changed"})
    changed = await api.get("/api/companies", headers={"If-None-Match": tag})
    assert changed.status_code == 200


async def test_every_answer_has_a_request_id(api: httpx.AsyncClient) -> None:
    for path in ("/api/companies", "/api/companies/none", "/nowhere", "/", "/mailbox"):
        assert len((await api.get(path)).headers["X-Request-Id"]) == 32
        for sent, kept in (("trace-12345", True), ("no spaces!", False), ("x" * 65, False)):
            answer = await api.get(path, headers={"X-Request-Id": sent})
            assert (answer.headers["X-Request-Id"] == sent) is kept


async def test_a_failure_inside_is_an_envelope_with_a_request_id(
    store: Store, clock: Clock, config: SandboxConfig
) -> None:
    app = create_sandbox(config, store, clock)
    app.state.store = None
    async with client_of(app, API_KEY) as api:
        response = await api.get("/api/companies")
    refused(response, 500)
    assert response.headers["X-Request-Id"]


async def test_the_pipelines_are_the_documented_ones(api: httpx.AsyncClient) -> None:
    pipelines = await read(api, "/api/pipelines")
    assert [p["id"] for p in pipelines] == [
        "sales",
        "lp_fundraise",
        "sm_investors",
        "osma_customers",
        "recruiting",
    ]
    assert all(set(p) == {"id", "label", "owner", "entity", "stages"} for p in pipelines)
    first = [stage["key"] for stage in pipelines[0]["stages"]][:4]
    assert first == ["lead", "qualified", "proposal", "negotiation"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
field_names = st.sampled_from([f.name for r in RESOURCES for f in r.fields])
bodies = st.dictionaries(field_names | st.text(), json_values, max_size=8)


@given(resource=st.sampled_from(WHOLE), body=bodies | json_values)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_no_json_body_ever_breaks_it(resource: Any, body: Any) -> None:
    clock = Clock()
    store = Store(None, clock)
    app: Starlette = create_sandbox(SandboxConfig("i", "s", API_KEY), store, clock)
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    async with client_of(app, API_KEY) as api:
        for method, path in (
            ("POST", f"/api/{resource.name}"),
            ("PATCH", f"/api/{resource.name}/{await create(api, resource)}"),
            ("POST", "/api/leads"),
            ("POST", "/api/activities/transcript"),
            ("POST", "/api/magic_sessions"),
            ("POST", "/api/magic_sessions/redeem"),
        ):
            response = await api.request(method, path, content=content, headers=headers)
            assert response.status_code < 500, response.text
            assert response.json()["ok"] in (True, False)
    store.close()


@given(
    resource=st.sampled_from(RESOURCES),
    query=st.dictionaries(
        st.sampled_from(["search", "product", "limit", "page", "company_id", "type", "sort"]),
        st.text(max_size=30),
    ),
)
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_no_query_ever_breaks_a_list(
    api: httpx.AsyncClient, resource: Any, query: dict[str, str]
) -> None:
    response = await api.get(f"/api/{resource.name}", params=query)
    assert response.status_code in (200, 422), response.text
