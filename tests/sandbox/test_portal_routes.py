"""What portals read beside the CRM."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import pytest

from portal.sandbox.auth.portals import PORTALS
from portal.sandbox.store import Store
from tests.sandbox.auth.setup import AVA, JANE, NADIA, ORIGIN, PAT, SAM, hub_app, signed_in
from tests.sandbox.setup import SERVICE, Clock, refused


@pytest.fixture
async def client(demo_store: Store, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    app = hub_app(demo_store, clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        yield client


async def test_a_portals_configuration_is_public(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/api/portal/config", params={"subdomain": "mode"})).json()
    assert set(answer) == {"ok", "config"}
    config = answer["config"]
    assert (config["subdomain"], config["name"]) == ("mode", "Mode")
    assert (config["brand_color"], config["brand_tint"]) == ("#0c917b", "#e6f4f1")
    assert config["cmdk_enabled"] == config["cmdk"]
    assert config["chat_enabled"] == config["chatbot"]
    same = (await client.get("/api/portals/mode/config")).json()
    assert same == {"ok": True, "data": config}


async def test_every_known_portal_has_a_colour_and_a_tint(client: httpx.AsyncClient) -> None:
    for slug in PORTALS:
        config = (await client.get(f"/api/portal/config?subdomain={slug}")).json()["config"]
        assert re.fullmatch(r"#[0-9a-f]{6}", config["brand_color"])
        assert re.fullmatch(r"#[ef][0-9a-f](?:[ef][0-9a-f]){2}", config["brand_tint"])


async def test_an_unknown_portal_is_not_found(client: httpx.AsyncClient) -> None:
    refused(await client.get("/api/portal/config?subdomain=nowhere"), 404)
    refused(await client.get("/api/portals/nowhere/config"), 404)
    refused(await client.get("/api/portal/config"), 422, "subdomain")


@pytest.mark.parametrize(
    ("person", "portals"),
    [(JANE, ["mode"]), (NADIA, ["signal"]), (PAT, []), (AVA, ["admin", "mode", "signal"])],
)
async def test_my_portals_are_those_i_may_enter(
    client: httpx.AsyncClient, clock: Clock, person: tuple[str, str], portals: list[str]
) -> None:
    headers = signed_in(person, clock, "admin", "mode", "signal")
    found = (await client.get("/api/my-portals", headers=headers)).json()["data"]["portals"]
    assert [portal["portal"] for portal in found] == portals
    assert all(portal["brand_color"] for portal in found)


async def test_the_profile_is_my_own(client: httpx.AsyncClient, clock: Clock) -> None:
    answer = (await client.get("/api/profile", headers=signed_in(JANE, clock))).json()
    assert set(answer) == {"ok", "profile"}
    profile = answer["profile"]
    assert (profile["id"], profile["email"]) == JANE
    assert (profile["company_name"], profile["portal_role"]) == ("Acme Corp", "client_admin")
    assert profile["emails"] == [{"email": JANE[1], "is_primary": 1}]
    assert "notes" not in profile


async def test_i_change_what_is_mine_to_change(client: httpx.AsyncClient, clock: Clock) -> None:
    changes = {
        "full_name": "Jane Q. Smith",
        "title": "COO",
        "phone": None,
        "photo_url": "https://acme.com/jane.jpg",
    }
    headers = signed_in(JANE, clock)
    changed = (await client.patch("/api/profile", json=changes, headers=headers)).json()["profile"]
    assert {name: changed[name] for name in changes} == changes
    assert (await client.get("/api/profile", headers=headers)).json()["profile"] == changed
    other = (await client.get("/api/profile", headers=signed_in(SAM, clock))).json()["profile"]
    assert other["title"] == "IT Manager"


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "jane@evil.example"},
        {"portal_role": "client_admin"},
        {"portal_access": 1},
        {"company_id": "co_globex1"},
        {"is_sm_team": 1},
        {"full_name": ""},
        {"full_name": None},
        {"title": 7},
        {"photo_url": "javascript:alert(1)"},
    ],
)
async def test_i_change_nothing_else(
    client: httpx.AsyncClient, clock: Clock, changes: dict[str, Any]
) -> None:
    headers = signed_in(SAM, clock)
    before = (await client.get("/api/profile", headers=headers)).json()
    answer = await client.patch("/api/profile", json={**changes, "phone": "1"}, headers=headers)
    refused(answer, 422, next(iter(changes)))
    assert (await client.get("/api/profile", headers=headers)).json() == before


@pytest.mark.parametrize("path", ["/api/profile", "/api/my-portals"])
async def test_only_a_session_has_a_profile_and_portals(
    client: httpx.AsyncClient, path: str
) -> None:
    for headers in ({}, SERVICE, {"X-SM-Key": "an-unbound-key"}, {"Cookie": "sm_client=x"}):
        refused(await client.get(path, headers=headers), 401)


async def test_without_access_there_is_no_profile(client: httpx.AsyncClient, clock: Clock) -> None:
    refused(await client.get("/api/profile", headers=signed_in(PAT, clock)), 403)
