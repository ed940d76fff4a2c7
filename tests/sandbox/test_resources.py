"""Every resource of the table behaves by its entry: a new one is covered by itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest

from portal.sandbox.fields import Field, Kind, Match, Operation, Resource, Writable
from portal.sandbox.resources import BY_NAME, CONTACTS, RESOURCES
from tests.sandbox.setup import (
    WHOLE,
    WRONG,
    Clock,
    create,
    example,
    full_body,
    refused,
    required_body,
)

every_resource = pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.name)
every_whole = pytest.mark.parametrize("resource", WHOLE, ids=lambda r: r.name)


def fields_that(fits: Callable[[Field], bool]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("resource", "field"),
        [
            pytest.param(resource, field, id=f"{resource.name}.{field.name}")
            for resource in WHOLE
            for field in resource.fields
            if fits(field)
        ],
    )


every_field = fields_that(lambda field: True)


def records_in(response: httpx.Response, resource: Resource) -> list[dict[str, Any]]:
    data = response.json()["data"]
    found = data["items"] if resource.paged else data
    assert isinstance(found, list)
    return found


@every_whole
async def test_a_record_comes_back_as_it_was_sent(
    api: httpx.AsyncClient, resource: Resource
) -> None:
    body = await full_body(api, resource)
    created = await api.post(f"/api/{resource.name}", json=body)
    assert created.status_code == 201
    record_id = created.json()["data"]["id"]
    assert re.fullmatch(f"{resource.prefix}_[0-9a-f]{{16}}", record_id)
    record = (await api.get(f"/api/{resource.name}/{record_id}")).json()["data"]
    assert {name: record[name] for name in body} == body
    assert re.fullmatch(r"2026-05-13T10:42:00\.0{6}Z", record["created_at"])
    assert record["updated_at"] == record["created_at"]


@every_whole
async def test_what_is_not_sent_takes_its_default(
    api: httpx.AsyncClient, resource: Resource
) -> None:
    record_id = await create(api, resource)
    record = (await api.get(f"/api/{resource.name}/{record_id}")).json()["data"]
    sent = {"created_at", "updated_at", *await required_body(api, resource)}
    for field in resource.fields:
        if field.name not in sent:
            default = field.default
            expected = list(default) if isinstance(default, tuple) else default
            assert record[field.name] == (dict(expected) if field.kind is Kind.OBJECT else expected)


@every_resource
async def test_creation_answers_with_the_documented_part(
    api: httpx.AsyncClient, resource: Resource
) -> None:
    body = await required_body(api, resource)
    data = (await api.post(f"/api/{resource.name}", json=body)).json()["data"]
    everything = {"id", *(f.name for f in resource.fields), *(n.name for n in resource.names)}
    assert set(data) == (set(resource.created) or everything)


@every_resource
async def test_a_list_has_its_documented_shape(api: httpx.AsyncClient, resource: Resource) -> None:
    await create(api, resource)
    answer = (await api.get(f"/api/{resource.name}")).json()
    assert answer["ok"] is True
    if resource.paged:
        assert set(answer["data"]) == {"items", "total", "page", "limit", "hasMore"}
        assert answer["data"]["limit"] == resource.default_limit
    else:
        assert isinstance(answer["data"], list)


@every_resource
async def test_a_list_starts_with_its_default_limit_and_clamps_any_other(
    api: httpx.AsyncClient, resource: Resource
) -> None:
    total = resource.default_limit + 1
    body = await required_body(api, resource)
    path = f"/api/{resource.name}"
    for _ in range(total):
        assert (await api.post(path, json=body)).status_code == 201
    assert len(records_in(await api.get(path), resource)) == resource.default_limit
    for limit, expected in (("1", 1), ("0", 1), ("-3", 1), (str(10**14), total), ("", total - 1)):
        found = records_in(await api.get(path, params={"limit": limit}), resource)
        assert len(found) == expected
    refused(await api.get(path, params={"limit": "many"}), 422, "limit")
    if resource.paged:
        most = (await api.get(path, params={"limit": "9999"})).json()["data"]["limit"]
        assert most == resource.most_limit


@every_resource
async def test_pages_cover_a_paged_list_once_and_an_array_ignores_them(
    api: httpx.AsyncClient, clock: Clock, resource: Resource
) -> None:
    for number in range(5):
        clock.advance(seconds=1)
        own = {"email": f"p{number}@client.example"} if resource is CONTACTS else {}
        await create(api, resource, **own)
    path = f"/api/{resource.name}"
    whole = [r["id"] for r in records_in(await api.get(path, params={"limit": 100}), resource)]
    pages = [await api.get(path, params={"limit": 2, "page": page}) for page in range(1, 5)]
    ids = [[r["id"] for r in records_in(page, resource)] for page in pages]
    if not resource.paged:
        assert all(page == whole[:2] for page in ids)
        return
    assert [i for page in ids for i in page] == whole[:8]
    for number, page in enumerate(pages, start=1):
        data = page.json()["data"]
        assert data["total"] == len(whole)
        assert data["page"] == number
        assert data["hasMore"] is (number * 2 < len(whole))


@every_resource
async def test_lists_run_newest_first_but_companies_by_name(
    api: httpx.AsyncClient, clock: Clock, resource: Resource
) -> None:
    named = resource.name == "companies"
    made = []
    for name in ("beta", "Alpha", "gamma"):
        clock.advance(seconds=1)
        own = {"name": name} if named else {}
        own |= {"email": f"{name}@client.example"} if resource is CONTACTS else {}
        made.append(await create(api, resource, **own))
    found = [r["id"] for r in records_in(await api.get(f"/api/{resource.name}"), resource)]
    expected = [made[1], made[0], made[2]] if named else made[::-1]
    assert [record_id for record_id in found if record_id in made] == expected


@pytest.mark.parametrize(
    ("resource", "parameter"),
    [
        pytest.param(r, f.parameter, id=f"{r.name}?{f.parameter}")
        for r in WHOLE
        for f in r.filters
        if f.match is Match.EXACT
    ],
)
async def test_a_filter_keeps_exactly_what_it_names(
    api: httpx.AsyncClient, resource: Resource, parameter: str
) -> None:
    wanted = next(f for f in resource.filters if f.parameter == parameter)
    field = resource.field(wanted.compares)
    if field.refers_to:
        value = await create(api, BY_NAME[field.refers_to])
        other = await create(api, BY_NAME[field.refers_to])
    else:
        value, other = field.choices[:2] or ("a@client.example", "b@client.example")
    hit = await create(api, resource, **{field.name: value})
    miss = await create(api, resource, **{field.name: other})
    path = f"/api/{resource.name}"
    found = [r["id"] for r in records_in(await api.get(path, params={parameter: value}), resource)]
    assert hit in found
    assert miss not in found
    for nothing in ("", "%", "no-such-value", "\x00"):
        assert records_in(await api.get(path, params={parameter: nothing}), resource) == []


@every_resource
async def test_the_product_filter_follows_the_resources_rule(
    api: httpx.AsyncClient, resource: Resource
) -> None:
    tag, many = resource.product.field, resource.product.many
    ids = {
        product: await create(api, resource, **{tag: [product] if many else product})
        for product in ("mode", "signal")
    }
    for product, record_id in ids.items():
        answer = await api.get(f"/api/{resource.name}", params={"product": product})
        found = [r["id"] for r in records_in(answer, resource)]
        assert record_id in found
        assert not set(ids.values()) - {record_id} & set(found)
    for nothing in ("", "mod", 'mode","signal', "%"):
        answer = await api.get(f"/api/{resource.name}", params={"product": nothing})
        assert records_in(answer, resource) == []


@every_field
async def test_a_value_of_the_wrong_type_is_refused_by_name(
    api: httpx.AsyncClient, resource: Resource, field: Field
) -> None:
    body = await required_body(api, resource) | {field.name: WRONG[field.kind]}
    refused(await api.post(f"/api/{resource.name}", json=body), 422, field.name)


@every_field
async def test_a_field_changes_by_patch_unless_it_may_not(
    api: httpx.AsyncClient, clock: Clock, resource: Resource, field: Field
) -> None:
    record_id = await create(api, resource)
    target = field.refers_to
    value = example(field) if target is None else await create(api, BY_NAME[target])
    clock.advance(minutes=5)
    path = f"/api/{resource.name}/{record_id}"
    response = await api.patch(path, json={field.name: value})
    if field.writable is not Writable.ALWAYS:
        refused(response, 422, field.name)
        return
    assert response.status_code == 200, response.text
    record = (await api.get(path)).json()["data"]
    assert record[field.name] == value
    assert record["updated_at"] == "2026-05-13T10:47:00.000000Z"
    assert record["created_at"] == "2026-05-13T10:42:00.000000Z"


@fields_that(lambda field: field.writable is Writable.ALWAYS)
async def test_null_clears_an_optional_field_and_no_other(
    api: httpx.AsyncClient, resource: Resource, field: Field
) -> None:
    company_id = await create(api, BY_NAME["companies"])
    either = dict.fromkeys(resource.one_of_required[1:], company_id)
    record_id = await create(api, resource, **either)
    path = f"/api/{resource.name}/{record_id}"
    response = await api.patch(path, json={field.name: None})
    if field.nullable:
        assert response.json()["data"][field.name] is None
    else:
        refused(response, 422, field.name)


@every_resource
async def test_each_required_field_is_asked_for(api: httpx.AsyncClient, resource: Resource) -> None:
    body = await required_body(api, resource)
    for name in body:
        less = {key: value for key, value in body.items() if key != name}
        refused(await api.post(f"/api/{resource.name}", json=less), 422, name)


@fields_that(lambda field: bool(field.choices or field.refers_to))
async def test_a_choice_or_reference_that_does_not_exist_is_refused(
    api: httpx.AsyncClient, resource: Resource, field: Field
) -> None:
    body = await required_body(api, resource) | {field.name: "co_0000000000000000"}
    refused(await api.post(f"/api/{resource.name}", json=body), 422, field.name)


@every_resource
async def test_unknown_fields_and_the_servers_own_are_refused(
    api: httpx.AsyncClient, resource: Resource
) -> None:
    body = await required_body(api, resource)
    for name, value in (("no_such_field", 1), ("id", "x_1"), ("created_at", "2026-01-01")):
        refused(await api.post(f"/api/{resource.name}", json={**body, name: value}), 422, name)


@every_whole
async def test_unknown_ids_are_404_and_other_methods_405(
    api: httpx.AsyncClient, resource: Resource
) -> None:
    path = f"/api/{resource.name}"
    for unknown in (f"{resource.prefix}_0000000000000000", "%00", "..%2f", "a" * 2000):
        refused(await api.get(f"{path}/{unknown}"), 404)
    refused(await api.patch(f"{path}/nobody", json={}), 404)
    refused(await api.delete(path), 405)
    refused(await api.delete(f"{path}/nobody"), 405)
    refused(await api.get(f"{path}/"), 404)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.name)
async def test_a_resource_has_the_operations_of_its_entry_and_no_others(
    api: httpx.AsyncClient, resource: Resource
) -> None:
    record_id = await create(api, resource)
    path = f"/api/{resource.name}"
    for operation, method, where in (
        (Operation.LIST, "GET", path),
        (Operation.CREATE, "POST", path),
        (Operation.READ, "GET", f"{path}/{record_id}"),
        (Operation.CHANGE, "PATCH", f"{path}/{record_id}"),
    ):
        response = await api.request(method, where, json={})
        assert (response.status_code in (404, 405)) is (operation not in resource.operations)


def test_what_no_client_may_see_is_marked() -> None:
    internal = {
        f"{resource.name}.{field.name}"
        for resource in RESOURCES
        for field in resource.fields
        if field.internal or resource.internal
    }
    assert {
        "companies.health_score",
        "companies.monthly_revenue",
        "companies.total_contract_value",
        "companies.notes",
        "contacts.notes",
        "engagements.cogs",
        "engagements.margin_pct",
        "engagements.notes",
        "invoices.notes",
        "deals.title",
        "deals.value",
    } <= internal
    columns = BY_NAME["engagements"].field("team_members").columns
    assert {c.name for c in columns if c.internal} == {"hours", "rate"}
