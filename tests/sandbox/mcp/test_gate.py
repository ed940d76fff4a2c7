"""Without a key there is no MCP, and a session belongs to the key that opened it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2 as httpx
import pytest

from portal.sandbox.config import SandboxConfig
from portal.sandbox.keys import create_api_key
from portal.sandbox.store import Store
from tests.sandbox.mcp.setup import http_client, serving_sandbox
from tests.sandbox.setup import API_KEY, SERVICE

ENDPOINTS = [
    ("GET", "/mcp"),
    ("POST", "/mcp"),
    ("DELETE", "/mcp"),
    ("OPTIONS", "/mcp"),
    ("GET", "/mcp/sse"),
    ("POST", "/mcp/sse"),
    ("POST", "/mcp/messages?session_id=00000000000000000000000000000000"),
]
JSON = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


@pytest.fixture
async def http(base: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client without any credential."""
    async with http_client(JSON, base) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def opened(http: httpx.AsyncClient, key: str) -> dict[str, str]:
    """A session of streamable HTTP; gives the headers that go on with it."""
    response = await http.post("/mcp", json=INITIALIZE, headers=bearer(key))
    assert response.status_code == 200
    return bearer(key) | {"Mcp-Session-Id": response.headers["mcp-session-id"]}


async def test_whoever_has_no_key_is_turned_away_before_anything_else(
    http: httpx.AsyncClient,
) -> None:
    nothing, unknown = 'Bearer realm="SM API"', 'Bearer realm="SM API", error="invalid_token"'
    credentials: list[tuple[dict[str, str], str]] = [
        ({}, nothing),
        (SERVICE, nothing),
        ({"Cf-Access-Authenticated-User-Email": "a@b.example"}, nothing),
        ({"Authorization": f"Basic {API_KEY}"}, nothing),
        (bearer("wrong"), unknown),
        ({"X-SM-Key": "wrong"}, unknown),
        ({"X-SM-Key": ""}, unknown),
    ]
    for headers, challenge in credentials:
        for method, path in ENDPOINTS:
            response = await http.request(method, path, headers=headers, content=b"not JSON")
            assert response.status_code == 401, (method, path, headers)
            assert response.headers["www-authenticate"] == challenge
            assert response.json()["ok"] is False


async def test_either_header_carries_a_key(http: httpx.AsyncClient) -> None:
    for headers in (bearer(API_KEY), {"X-SM-Key": API_KEY}):
        response = await http.post("/mcp", json=INITIALIZE, headers=headers)
        assert response.json()["result"]["serverInfo"]["name"] == "sm-crm"


async def test_a_session_cannot_be_used_with_another_key(
    http: httpx.AsyncClient, demo_store: Store
) -> None:
    other = create_api_key(demo_store, "other", "mode")
    mine = await opened(http, API_KEY)
    stolen = mine | bearer(other)
    for method, body in (("POST", LIST), ("GET", None), ("DELETE", None)):
        response = await http.request(method, "/mcp", json=body, headers=stolen)
        assert response.status_code == 404
    assert (await http.post("/mcp", json=LIST, headers=mine)).status_code == 200


async def test_messages_cannot_be_posted_to_the_stream_of_another_key(
    http: httpx.AsyncClient, demo_store: Store
) -> None:
    other = create_api_key(demo_store, "other", "mode")
    async with http.stream("GET", "/mcp/sse", headers=bearer(API_KEY)) as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        endpoint = (await anext(lines)).removeprefix("data: ")
        stolen = await http.post(endpoint, json=INITIALIZE, headers=bearer(other))
        assert stolen.status_code == 404
        own = await http.post(endpoint, json=INITIALIZE, headers=bearer(API_KEY))
        assert own.status_code == 202


async def test_a_key_that_is_replaced_ends_its_sessions(
    http: httpx.AsyncClient, demo_store: Store
) -> None:
    key = create_api_key(demo_store, "agent")
    session = await opened(http, key)
    create_api_key(demo_store, "agent")
    assert (await http.post("/mcp", json=LIST, headers=session)).status_code == 401


async def test_a_key_that_is_bound_anew_cannot_go_on_with_the_old_session(
    http: httpx.AsyncClient, demo_store: Store
) -> None:
    session = await opened(http, create_api_key(demo_store, "agent"))
    bound = session | bearer(create_api_key(demo_store, "agent", "mode"))
    assert (await http.post("/mcp", json=LIST, headers=bound)).status_code == 404


async def test_only_the_sandboxs_own_names_are_answered(
    config: SandboxConfig, store: Store
) -> None:
    asked: list[tuple[dict[str, str], int]] = [
        ({"Host": "rebound.example"}, 421),
        ({"Host": "127.0.0.1.rebound.example:80"}, 421),
        ({"Origin": "https://rebound.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "crm.example"}, 200),
        ({"Host": "localhost:1234", "Origin": "http://localhost:1234"}, 200),
        ({"Origin": "https://crm.example"}, 200),
    ]
    async with (
        serving_sandbox(replace(config, origin="https://crm.example"), store) as base,
        http_client(JSON, base) as http,
    ):
        for headers, status in asked:
            response = await http.post("/mcp", json=INITIALIZE, headers=bearer(API_KEY) | headers)
            assert response.status_code == status, headers
