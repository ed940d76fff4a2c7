"""A lead may come from anybody, once, with its contact and its activity, and not too often."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import select

from portal.sandbox import leads
from portal.sandbox.app import SandboxConfig, create_sandbox
from portal.sandbox.callers import Caller, CallerKind, Callers
from portal.sandbox.keys import create_api_key
from portal.sandbox.resources import CONTACTS, LEADS
from portal.sandbox.schema import LEAD_POSTS, TABLES
from portal.sandbox.store import Store
from portal.sandbox.write import insert_records
from tests.sandbox.setup import CLIENT_ID, SERVICE, Clock, client_of, create, refused

FORM = {
    "email": "New.Person@client.example",
    "company": "Client Ltd",
    "phone": "+1 555 0100",
    "project_description": "We need help\nwith invoices.",
    "timeline": "This quarter",
    "budget_range": "$10k-$50k",
    "source_detail": "pricing page",
    "product": "mode",
}
KEY = {"Idempotency-Key": "form-1"}


@pytest.fixture
async def public(
    store: Store, clock: Clock, config: SandboxConfig
) -> AsyncIterator[httpx.AsyncClient]:
    """Anybody: no credential, two posts an hour."""
    limited = replace(config, lead_posts=2)
    async with client_of(create_sandbox(limited, store, clock)) as client:
        yield client


async def found(api: httpx.AsyncClient, path: str, **params: Any) -> Any:
    response = await api.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()["data"]


async def test_anybody_can_hand_in_a_lead_which_makes_a_contact_and_an_activity(
    public: httpx.AsyncClient, api: httpx.AsyncClient
) -> None:
    answer = await public.post("/api/leads", json=FORM)
    assert answer.status_code == 201
    data = answer.json()["data"]
    assert set(data) == {"id", "contact_id", "submitted"}
    assert data["submitted"] is True
    assert re.fullmatch("ld_[0-9a-f]{16}", data["id"])
    [lead] = await found(api, "/api/leads")
    assert {**FORM, "name": "New.Person", "source": "website", "status": "new"}.items() <= (
        lead.items()
    )
    assert (lead["id"], lead["contact_id"]) == (data["id"], data["contact_id"])
    contact = await found(api, f"/api/contacts/{data['contact_id']}")
    assert contact["email"] == FORM["email"]
    assert contact["full_name"] == "New.Person"
    assert contact["contact_type"] == "lead"
    assert (contact["portal_access"], contact["portal_role"]) == (0, None)
    [activity] = await found(api, "/api/activities", type="lead_submitted")
    assert activity["contact_id"] == data["contact_id"]
    assert (activity["source"], activity["source_id"]) == ("mode", data["id"])


@pytest.mark.parametrize("name", ["", "  ", None])
async def test_a_name_that_is_none_is_the_local_part(
    public: httpx.AsyncClient, api: httpx.AsyncClient, name: str | None
) -> None:
    body = {"email": "jane@acme.com", "name": name}
    assert (await public.post("/api/leads", json=body)).status_code == 201
    [lead] = await found(api, "/api/leads")
    assert (lead["name"], lead["source"], lead["product"]) == ("jane", "website", None)


async def test_a_known_address_is_linked_and_its_contact_left_as_it_is(
    public: httpx.AsyncClient, api: httpx.AsyncClient, clock: Clock
) -> None:
    known = await create(
        api, CONTACTS, email="Jané@acme.com", full_name="Jané Smith", portal_access=1
    )
    clock.advance(seconds=1)
    await create(api, CONTACTS, email="mary-jané@acme.com")
    before = await found(api, f"/api/contacts/{known}")
    body = {"email": "JANÉ@ACME.com", "name": "Somebody Else", "product": "signal"}
    answer = await public.post("/api/leads", json=body)
    assert answer.json()["data"]["contact_id"] == known
    assert await found(api, f"/api/contacts/{known}") == before
    assert (await found(api, "/api/contacts"))["total"] == 2


async def test_a_lead_is_handed_in_whole_or_not_at_all(
    public: httpx.AsyncClient, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(leads, "_tell", fail)
    refused(await public.post("/api/leads", json=FORM), 500)
    assert await found(api, "/api/leads") == []
    assert (await found(api, "/api/contacts"))["total"] == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("email", "nobody"), ("email", ""), ("email", f"a@{'x' * 255}"), ("email", None)),
        *(("name", "x" * 201), ("phone", "x" * 51), ("project_description", "x" * 10_001)),
        *(("status", "closed"), ("contact_id", "ct_abc123"), ("portal_access", 1)),
        *(("product", "Mode!"), ("company", 7)),
    ],
)
async def test_what_does_not_fit_is_refused_by_name(
    public: httpx.AsyncClient, field: str, value: Any
) -> None:
    refused(await public.post("/api/leads", json={**FORM, field: value}), 422, field)


async def test_a_repeated_form_is_one_lead(
    public: httpx.AsyncClient, api: httpx.AsyncClient
) -> None:
    posts = [public.post("/api/leads", json=FORM, headers=KEY) for _ in range(2)]
    first, again = await asyncio.gather(*posts)
    assert (first.status_code, again.content) == (201, first.content)
    assert len(await found(api, "/api/leads")) == 1


async def test_one_visitors_key_tells_another_visitor_nothing(
    store: Store, clock: Clock, config: SandboxConfig
) -> None:
    app = create_sandbox(config, store, clock)
    ids = []
    for address in ("192.0.2.1", "192.0.2.2"):
        transport = httpx.ASGITransport(app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            answer = await client.post("/api/leads", json=FORM, headers=KEY)
            ids.append(answer.json()["data"]["id"])
    assert ids[0] != ids[1]


async def test_too_many_from_one_address_have_to_wait(
    public: httpx.AsyncClient, store: Store, clock: Clock, config: SandboxConfig
) -> None:
    clock.advance(minutes=3)
    for _ in range(2):
        assert (await public.post("/api/leads", json=FORM)).status_code == 201
    limited = await public.post("/api/leads", json=FORM)
    refused(limited, 429)
    wait = int(limited.headers["Retry-After"])
    assert 0 < wait <= 3600
    assert (await public.post("/api/leads", json=FORM, headers=SERVICE)).status_code == 201
    clock.advance(seconds=wait - 1)
    refused(await public.post("/api/leads", json=FORM), 429)
    clock.advance(seconds=1)
    assert (await public.post("/api/leads", json=FORM)).status_code == 201


@pytest.mark.parametrize(
    ("addresses", "counted"),
    [
        (("2001:db8::1", "2001:db8::ffff:2"), {"2001:db8::/64"}),
        (("::1", "::2"), {"::/64"}),
        (("::ffff:192.0.2.1", "192.0.2.1"), {"192.0.2.1"}),
        (("192.0.2.1", "192.0.2.2"), {"192.0.2.1", "192.0.2.2"}),
        (("somewhere" * 50,), {("somewhere" * 50)[:100]}),
    ],
)
async def test_an_address_counts_as_its_owner_has_it(
    store: Store,
    clock: Clock,
    config: SandboxConfig,
    addresses: tuple[str, ...],
    counted: set[str],
) -> None:
    behind_edge = replace(config, trust_access_email=True)
    async with client_of(create_sandbox(behind_edge, store, clock)) as client:
        for address in addresses:
            headers = {"CF-Connecting-IP": address}
            assert (await client.post("/api/leads", json=FORM, headers=headers)).status_code == 201
    with store.reading() as connection:
        assert set(connection.scalars(select(LEAD_POSTS.c.address))) == counted


async def test_without_an_edge_a_header_does_not_change_the_address(
    public: httpx.AsyncClient,
) -> None:
    statuses = [
        (await public.post("/api/leads", json=FORM, headers={"CF-Connecting-IP": f"192.0.2.{n}"}))
        for n in range(3)
    ]
    assert [answer.status_code for answer in statuses] == [201, 201, 429]


async def test_counters_of_past_windows_are_dropped(
    public: httpx.AsyncClient, store: Store, clock: Clock
) -> None:
    await public.post("/api/leads", json=FORM)
    clock.advance(hours=2)
    await public.post("/api/leads", json=FORM)
    with store.reading() as connection:
        assert len(connection.execute(select(LEAD_POSTS)).all()) == 1


async def test_a_wrong_credential_is_told_and_a_cookie_is_not_looked_at(
    public: httpx.AsyncClient,
) -> None:
    refused(await public.post("/api/leads", json=FORM, headers={"X-SM-Key": "wrong"}), 401)
    cookie = {"Cookie": "sm_client=expired"}
    assert (await public.post("/api/leads", json=FORM, headers=cookie)).status_code == 201


async def test_a_body_too_large_for_a_form_is_413(public: httpx.AsyncClient) -> None:
    body = {**FORM, "project_description": "x" * leads.MOST_BYTES}
    refused(await public.post("/api/leads", json=body), 413)


async def test_leads_are_read_with_a_credential_and_not_with_a_session(
    public: httpx.AsyncClient, store: Store, clock: Clock, config: SandboxConfig
) -> None:
    refused(await public.get("/api/leads"), 401)
    assert (await public.get("/api/leads", headers=SERVICE)).status_code == 200
    app = create_sandbox(config, store, clock)
    app.state.callers = Callers([lambda _: Caller(CallerKind.SESSION, "ct_abc123")])
    async with client_of(app) as session:
        refused(await session.get("/api/leads"), 403)
        app.state.callers = Callers([lambda _: Caller(CallerKind.EDGE_USER, CLIENT_ID)])
        assert (await session.get("/api/leads")).status_code == 200


async def test_leads_are_filtered_and_come_newest_first(
    api: httpx.AsyncClient, store: Store
) -> None:
    rows = [
        ("ld_1", "new", "website", "mode", "Ana Adler", "ana@x.example", "Northwind"),
        ("ld_2", "contacted", "website", "signal", "Ben Brandt", "ben@x.example", None),
        ("ld_3", "closed", "event", "mode", "Chloé Costa", "cc@northwind.example", None),
    ]
    names = ("id", "status", "source", "product", "name", "email", "company")
    with store.writing() as connection:
        records = [
            {**dict(zip(names, row, strict=True)), "created_at": f"2026-05-1{n}T00:00:00.000000Z"}
            for n, row in enumerate(rows)
        ]
        insert_records(connection, LEADS, records)

    async def ids(**params: Any) -> list[str]:
        return [lead["id"] for lead in await found(api, "/api/leads", **params)]

    assert await ids() == ["ld_3", "ld_2", "ld_1"]
    assert await ids(status="contacted") == ["ld_2"]
    assert await ids(source="website") == ["ld_2", "ld_1"]
    assert await ids(product="mode") == ["ld_3", "ld_1"]
    assert await ids(search="NORTHWIND") == ["ld_3", "ld_1"]
    assert await ids(search="chloé c") == ["ld_3"]
    assert await ids(limit=1) == ["ld_3"]
    assert await ids(status="no such") == []


async def test_a_bound_key_sees_and_makes_its_own_products_leads_only(
    store: Store, clock: Clock, config: SandboxConfig, api: httpx.AsyncClient
) -> None:
    theirs = await create(api, CONTACTS, email=FORM["email"], product="signal")
    await api.post("/api/leads", json={**FORM, "product": "signal"})
    key = create_api_key(store, "form proxy", "mode")
    async with client_of(create_sandbox(config, store, clock), key) as mode:
        assert await found(mode, "/api/leads") == []
        refused(await mode.post("/api/leads", json={**FORM, "product": "signal"}), 422, "product")
        form = {name: value for name, value in FORM.items() if name != "product"}
        made = (await mode.post("/api/leads", json=form)).json()["data"]
        [lead] = await found(mode, "/api/leads")
    assert lead["id"] == made["id"]
    assert lead["product"] == "mode"
    assert made["contact_id"] != theirs
    with store.reading() as connection:
        assert len(connection.execute(TABLES["leads"].select()).all()) == 2
