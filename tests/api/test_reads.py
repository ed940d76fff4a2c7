"""/api for browser code: SM API's shapes, the viewer's own records, listed fields alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx2 as httpx
import pytest

from portal.api.reads import COLLECTIONS
from portal.auth.session import new_claims, sign
from portal.crm import models
from tests.pages.test_isolation import acme_engagements, everything
from tests.stage import SECRET, Stage, stage

PROJECTIONS = {
    "companies": models.Company,
    "contacts": models.Colleague,
    "engagements": models.Engagement,
    "invoices": models.Invoice,
    "activities": models.Activity,
}


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def platform_token(on: Stage, contact_id: str, email: str) -> str:
    """A token as another portal of the platform signs it: without a `jti`."""
    claims = new_claims(
        subject=contact_id,
        email=email,
        name=email,
        avatar=None,
        products=["mode"],
        now=on.clock(),
        lifetime=timedelta(days=1),
    )
    import msgspec

    return sign(msgspec.structs.replace(claims, jti=None), SECRET)


async def staff(on: Stage) -> httpx.AsyncClient:
    found = await on.sandbox.get("/api/contacts", params={"search": "ava@sprintmode.ai"})
    ava = found.json()["data"]["items"][0]
    return on.browser(Cookie=f"sm_client={platform_token(on, ava['id'], ava['email'])}")


async def data(browser: httpx.AsyncClient, path: str) -> Any:
    answer = await browser.get(path)
    assert answer.status_code == 200, (path, answer.text)
    body = answer.json()
    assert body["ok"] is True
    return body["data"]


def items(found: Any) -> list[dict[str, Any]]:
    return list(found["items"]) if isinstance(found, dict) else list(found)


async def test_lists_have_the_shapes_that_sm_api_gives_them(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    for name in COLLECTIONS:
        ours = await data(jane, f"/api/{name}")
        theirs = (await on.sandbox.get(f"/api/{name}")).json()["data"]
        assert type(ours) is type(theirs), name
        if isinstance(theirs, dict):
            assert ours.keys() == theirs.keys()


async def test_records_hold_the_listed_fields_and_no_others(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    for name, kind in PROJECTIONS.items():
        found = items(await data(jane, f"/api/{name}"))
        assert found, name
        for record in found:
            assert set(record) == set(kind.__struct_fields__), name
            assert await data(jane, f"/api/{name}/{record['id']}") == record


async def test_amounts_are_exact_numbers(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    answer = await jane.get("/api/invoices")
    ours = json.loads(answer.text, parse_float=Decimal, parse_int=Decimal)["data"]
    theirs = (await on.sandbox.get("/api/invoices", params={"limit": 5000})).text
    amounts = {i["id"]: i["amount"] for i in json.loads(theirs, parse_float=Decimal)["data"]}
    for invoice in ours:
        assert invoice["amount"] == amounts[invoice["id"]]


async def test_every_id_but_ones_own_is_not_found(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    records = await everything(on)
    own = {
        name: {r["id"] for r in items(await data(jane, f"/api/{name}?limit=500"))}
        for name in COLLECTIONS
    }
    assert own["engagements"] == acme_engagements(records)
    for record in records:
        for name in (*COLLECTIONS, "deals"):
            answer = await jane.get(f"/api/{name}/{record.id}")
            assert (answer.status_code == 200) == (record.id in own.get(name, ()))


@pytest.mark.parametrize(
    "query",
    ["company_id=co_globex", "product=signal", "company_id=co_abc123&product=signal"],
)
async def test_naming_another_company_or_product_finds_nothing(on: Stage, query: str) -> None:
    jane = await on.signed_in("jane@acme.com")
    assert items(await data(jane, f"/api/engagements?{query}")) == []
    assert items(await data(jane, f"/api/contacts?{query}")) == []


async def test_filters_narrow(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    paid = items(await data(jane, "/api/invoices?status=paid&company_id=co_abc123"))
    assert paid
    assert {i["status"] for i in paid} == {"paid"}
    assert len(items(await data(jane, "/api/invoices?limit=2"))) == 2
    first = await data(jane, "/api/contacts?limit=1")
    second = await data(jane, "/api/contacts?limit=1&page=2")
    assert first["hasMore"] is True
    assert first["items"] != second["items"]


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "limit=1e3", "limit=٣"])
async def test_a_limit_that_is_none_is_named(on: Stage, query: str) -> None:
    jane = await on.signed_in("jane@acme.com")
    answer = await jane.get(f"/api/invoices?{query}")
    assert (answer.status_code, answer.json()["field"]) == (422, "limit")


async def test_a_client_viewer_reads_no_invoices_and_only_themself(on: Stage) -> None:
    sam = await on.signed_in("sam@acme.com")
    refused = await sam.get("/api/invoices")
    assert refused.status_code == 403
    assert [c["email"] for c in items(await data(sam, "/api/contacts"))] == ["sam@acme.com"]
    kinds = {a["activity_type"] for a in items(await data(sam, "/api/activities?limit=500"))}
    assert kinds
    assert not [kind for kind in kinds if kind.startswith(("invoice", "payment"))]


async def test_deals_and_anything_else_are_not_found_for_clients(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    for path in ("/api/deals", "/api/leads", "/api/magic_sessions", "/api/admin/portals"):
        answer = await jane.get(path)
        assert answer.status_code == 404, path
        assert answer.json()["ok"] is False


async def test_staff_read_every_client_of_the_product_and_no_other(on: Stage) -> None:
    ava = await staff(on)
    companies = items(await data(ava, "/api/companies?limit=100"))
    assert {"Acme Corp", "Globex Corp"} <= {c["name"] for c in companies}
    assert {c["product"] for c in companies} == {"mode"}
    assert items(await data(ava, "/api/deals"))
    assert items(await data(ava, "/api/companies?product=signal")) == []
    for record in await everything(on):
        tags = record.fields.get("products") or [record.fields.get("product")]
        if record.resource in ("companies", "contacts", "engagements") and "mode" not in tags:
            answer = await ava.get(f"/api/{record.resource}/{record.id}")
            assert answer.status_code == 404, record


async def test_headers_that_speak_for_someone_else_never_travel_on(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    before = len(on.wire.calls)
    await jane.get(
        "/api/engagements",
        headers={
            "CF-Access-Client-Id": "evil",
            "CF-Access-Client-Secret": "evil",
            "cf-access-authenticated-user-email": "ava@sprintmode.ai",
            "X-SM-Key": "evil",
            "X-SM-Platform": "evil",
            "X-SM-Product": "signal",
            "Authorization": "Bearer evil",
        },
    )
    calls = on.wire.calls[before:]
    assert calls
    for call in calls:
        assert "evil" not in str(call.headers)
        assert call.headers["x-sm-product"] == "mode"
        assert "cf-access-authenticated-user-email" not in call.headers
        assert "authorization" not in call.headers
        assert "cookie" not in call.headers


async def test_without_a_session_there_is_nothing_but_the_envelope(on: Stage) -> None:
    for path in ("/api/invoices", "/api/companies/co_abc123", "/api/profile"):
        answer = await on.browser().get(path)
        assert (answer.status_code, answer.json()["ok"]) == (401, False)
