"""Both transports serve the same tools to the official client."""

from __future__ import annotations

import io
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from mcp import Client, ClientSession, MCPError
from mcp.client.streamable_http import streamable_http_client
from sqlalchemy import text
from starlette.applications import Starlette

from portal.sandbox.config import SandboxConfig
from portal.sandbox.mcp import McpServer
from portal.sandbox.mcp.catalogue import all_tools
from portal.sandbox.store import Store
from tests.sandbox.mcp.setup import (
    Transport,
    call,
    connected,
    http_client,
    refusal,
    serving_sandbox,
)
from tests.sandbox.mcp.test_gate import INITIALIZE
from tests.sandbox.setup import API_KEY

ACCEPT = {"Accept": "application/json, text/event-stream"}
BEARER = {"Authorization": f"Bearer {API_KEY}"}
DOCS = Path(__file__).parents[3] / "docs" / "mcp.md"


@pytest.mark.parametrize("transport", Transport)
async def test_a_client_lists_reads_and_writes_over_either_transport(
    base: str, transport: Transport
) -> None:
    async with connected(base, API_KEY, transport) as session:
        listed = (await session.list_tools()).tools
        assert [tool.name for tool in listed] == [tool.name for tool in all_tools()]
        assert (await call(session, "get_company", id="co_abc123"))["name"] == "Acme Corp"
        note = {"activity_type": "note", "company_id": "co_abc123", "source": "mode"}
        made = await call(session, "create_activity", **note)
        changed = await call(session, "update_activity", id=made["id"], title="Called back")
        assert await call(session, "get_activity", id=made["id"]) == changed
        assert "use search or list_companies" in await refusal(session, "get_company", id="co_x")


async def test_a_client_of_the_newest_protocol_needs_no_session(base: str) -> None:
    async with http_client(BEARER) as http:
        transport = streamable_http_client(f"{base}/mcp", http_client=http)
        async with Client(transport, mode="2026-07-28") as client:
            result = await client.call_tool("get_company", {"id": "co_abc123"})
    assert result.structured_content["name"] == "Acme Corp"


async def test_the_overview_is_a_resource_too(agent: ClientSession) -> None:
    [template] = (await agent.list_resource_templates()).resource_templates
    assert template.uri_template == "sm://companies/{id}/overview"
    [content] = (await agent.read_resource("sm://companies/co_abc123/overview")).contents
    result = await agent.call_tool("get_company_overview", {"id": "co_abc123"})
    assert result.content[0].type == "text"
    assert content.model_dump()["text"] == result.content[0].text
    for missing in ("sm://companies/co_x/overview", "sm://companies/co_abc123", "sm://deals/a"):
        with pytest.raises(MCPError, match="There is no"):
            await agent.read_resource(missing)


async def test_an_unknown_tool_is_named_in_the_error(agent: ClientSession) -> None:
    with pytest.raises(MCPError, match="There is no tool drop_company"):
        await agent.call_tool("drop_company", {})


async def test_a_failure_is_logged_and_not_told(
    agent: ClientSession, demo_store: Store, log_lines: io.StringIO
) -> None:
    with demo_store.writing() as connection:
        connection.execute(text("ALTER TABLE deals RENAME TO hidden"))
    with pytest.raises(MCPError) as failed:
        await agent.call_tool("list_deals", {})
    assert str(failed.value) == "Internal error"
    assert "mcp_tool_failed" in log_lines.getvalue()
    assert "no such table" in log_lines.getvalue()


async def test_the_message_endpoint_is_below_mcp_and_takes_posts_only(base: str) -> None:
    async with http_client(BEARER, base) as client:
        async with client.stream("GET", "/mcp/sse") as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == "event: endpoint"
            endpoint = (await anext(lines)).removeprefix("data: ")
            assert endpoint.startswith("/mcp/messages?session_id=")
            assert (await client.get(endpoint)).status_code == 405
        posted = await client.post("/mcp/sse", json={})
        assert (posted.status_code, posted.headers["allow"]) == (405, "GET")


async def test_a_body_that_is_too_large_or_no_message_is_refused(base: str) -> None:
    async with http_client(BEARER, base) as client:
        for content, status in ((b'"' + b"x" * 2**20 + b'"', 413), (b"{", 400), (b"[]", 400)):
            headers = {"Content-Type": "application/json", "Accept": "application/json"}
            response = await client.post("/mcp", content=content, headers=headers)
            assert response.status_code == status


async def test_a_server_that_stops_ends_the_streams_of_connected_clients(
    config: SandboxConfig, store: Store
) -> None:
    async with AsyncExitStack() as clients:
        async with serving_sandbox(config, store) as base:
            http = await clients.enter_async_context(http_client(BEARER | ACCEPT, base))
            opened = await http.post("/mcp", json=INITIALIZE)
            session = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
            streams = [
                await clients.enter_async_context(http.stream("GET", path, headers=session))
                for path in ("/mcp", "/mcp/sse")
            ]
        # The block above has ended, though nobody hung up; each stream has come to its end.
        for stream in streams:
            assert stream.status_code == 200
            [*_] = [line async for line in stream.aiter_lines()]


async def test_the_server_can_be_started_again(config: SandboxConfig, store: Store) -> None:
    mcp = McpServer(config, store)
    app = Starlette(routes=mcp.routes(), lifespan=mcp.lifespan)
    for _ in range(2):
        async with mcp.lifespan(app):
            pass


def test_the_documentation_names_every_tool_and_no_other() -> None:
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith("| `")]
    named = [name.strip("`") for row in rows for name in row.split("|")[1].split() if "`" in name]
    assert named == [tool.name for tool in all_tools()]
