"""The sandbox's MCP server on a real port, and the official client on either transport."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from enum import StrEnum
from typing import Any, Final

import httpx2 as httpx
from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

from portal.cli.listener import bind
from portal.cli.servers import serving
from portal.sandbox.app import create_sandbox
from portal.sandbox.config import SandboxConfig
from portal.sandbox.fields import Field, Resource, Writable
from portal.sandbox.mcp.catalogue import all_tools
from portal.sandbox.mcp.tool import Call
from portal.sandbox.resources import BY_NAME
from portal.sandbox.scope import EVERYTHING
from portal.sandbox.store import Store
from tests.sandbox.setup import example

TOOLS: Final = {tool.name: tool for tool in all_tools()}


class Transport(StrEnum):
    SSE = "sse"
    STREAMABLE = "streamable"


@asynccontextmanager
async def serving_sandbox(config: SandboxConfig, store: Store) -> AsyncIterator[str]:
    """A sandbox of its own for this test, as the program runs it; gives its base URL."""
    app = create_sandbox(config, store, store.clock)
    listener = bind("127.0.0.1", 0)
    # Inherited by its connections; without it each answer of two writes waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    async with serving(app, listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        app.state.mcp.end_streams()


def http_client(headers: dict[str, str], base: str = "") -> httpx.AsyncClient:
    """A client for plain HTTP on this machine, which needs neither certificates nor proxies."""
    return httpx.AsyncClient(base_url=base, headers=headers, verify=False, trust_env=False)


@asynccontextmanager
async def connected(
    base: str, key: str, transport: Transport = Transport.STREAMABLE
) -> AsyncIterator[ClientSession]:
    """The official client, after its handshake."""
    headers = {"Authorization": f"Bearer {key}"}
    async with AsyncExitStack() as stack:
        if transport is Transport.SSE:
            streams = await stack.enter_async_context(sse_client(f"{base}/mcp/sse", headers))
        else:
            http = await stack.enter_async_context(http_client(headers))
            streams = await stack.enter_async_context(
                streamable_http_client(f"{base}/mcp", http_client=http)
            )
        session = await stack.enter_async_context(ClientSession(*streams))
        await session.initialize()
        yield session


async def call(session: ClientSession, tool: str, /, **arguments: Any) -> dict[str, Any]:
    """What a call returns; its text and its structured content have to agree."""
    result = await session.call_tool(tool, arguments)
    assert not result.is_error, text_of(result)
    data = result.structured_content
    assert isinstance(data, dict)
    assert json.loads(text_of(result)) == data
    return data


def use(store: Store, tool: str, /, **arguments: Any) -> dict[str, Any]:
    """What a call returns to a caller who sees everything, without a server in between."""
    with store.writing() as connection:
        return TOOLS[tool].act(Call(connection, EVERYTHING, arguments, store.now()))


async def refusal(session: ClientSession, tool: str, /, **arguments: Any) -> str:
    """The advice that a refused call comes with."""
    result = await session.call_tool(tool, arguments)
    assert result.is_error, text_of(result)
    assert result.structured_content is None
    return text_of(result)


def text_of(result: CallToolResult) -> str:
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text


def dump(store: Store) -> list[str]:
    """The whole database as SQL."""
    with store.reading() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        return list(driver.iterdump())


async def create(session: ClientSession, resource: Resource, **given: Any) -> str:
    """Create a record with what it needs and `given`; returns its id."""
    names = {field.name for field in resource.fields if field.required}
    names |= set(resource.one_of_required[:1])
    body = await arguments_for(
        session, [f for f in resource.fields if f.name in names - set(given)]
    )
    record = await call(session, f"create_{resource.singular}", **body, **given)
    assert isinstance(record["id"], str)
    return record["id"]


async def full_arguments(session: ClientSession, resource: Resource) -> dict[str, Any]:
    """A value for everything that can be given to a new record."""
    return await arguments_for(
        session, [field for field in resource.fields if field.writable is not Writable.NEVER]
    )


async def arguments_for(session: ClientSession, fields: list[Field]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for field in fields:
        if field.refers_to is None:
            arguments[field.name] = example(field)
        else:
            arguments[field.name] = await create(session, BY_NAME[field.refers_to])
    return arguments
