"""The MCP server: one protocol handler, two transports, behind the gate.

`/mcp` is streamable HTTP. `/mcp/sse` is the older HTTP+SSE pair that the guide names, its messages
posted to `/mcp/messages`. Integrate it as `Starlette(routes=mcp.routes(), lifespan=mcp.lifespan)`:
a mounted application's own lifespan would not run.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import mcp_types
import structlog
from mcp.server import Server, ServerRequestContext
from mcp.server.sse import SseServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from portal.sandbox.body import MOST_BYTES, parse_object
from portal.sandbox.callers import Callers, api_key
from portal.sandbox.config import SandboxConfig
from portal.sandbox.envelope import Refusal
from portal.sandbox.mcp.answers import answered, as_text, refused
from portal.sandbox.mcp.catalogue import all_tools
from portal.sandbox.mcp.gate import Gate, caller_of, own_names
from portal.sandbox.mcp.overview import company_overview
from portal.sandbox.mcp.schemas import Schema
from portal.sandbox.mcp.streams import Streams
from portal.sandbox.mcp.tool import Call, Effect
from portal.sandbox.mcp.words import INSTRUCTIONS
from portal.sandbox.store import Store

PATH: Final = "/mcp"
SSE_PATH: Final = "/mcp/sse"
MESSAGES_PATH: Final = "/mcp/messages"
OVERVIEW_URI: Final = "sm://companies/{id}/overview"
OVERVIEW: Final = re.compile(r"sm://companies/([^/?#]+)/overview")

Context = ServerRequestContext[Any, Request]

log = structlog.get_logger("portal.sandbox.mcp")


class McpServer:
    """All CRM data of `store` as tools, for holders of an API key of that store."""

    def __init__(self, config: SandboxConfig, store: Store) -> None:
        self._store = store
        self._callers = Callers((api_key(store),))
        self._names = own_names(config.origin)
        self._tools = {tool.name: tool for tool in all_tools()}
        self._protocol: Server[Any] = Server(
            "sm-crm",
            title="Sprint Mode CRM",
            version="1",
            instructions=INSTRUCTIONS,
            get_tool_input_schema=self._takes,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
        )
        self._sse = SseServerTransport(MESSAGES_PATH, max_request_body_size=MOST_BYTES)
        self._sessions: StreamableHTTPSessionManager | None = None
        self._streams = Streams()

    def routes(self) -> list[BaseRoute]:
        """The endpoints of both transports; each answers for itself which methods it takes."""
        endpoints: dict[str, ASGIApp] = {
            PATH: self._serve_streamable,
            SSE_PATH: self._serve_sse,
            MESSAGES_PATH: self._sse.handle_post_message,
        }
        return [
            Route(path, Gate(endpoint, self._callers, self._names))
            for path, endpoint in endpoints.items()
        ]

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """While inside, sessions of streamable HTTP can be opened; leaving it ends them."""
        self._streams = Streams()
        self._sessions = StreamableHTTPSessionManager(
            self._protocol, json_response=True, max_request_body_size=MOST_BYTES
        )
        try:
            async with self._sessions.run():
                yield
        finally:
            self._sessions = None

    def end_streams(self) -> None:
        """Let connected clients go, so that the web server need not wait for them to leave."""
        self._streams.end()

    async def _serve_streamable(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._sessions is not None, "the lifespan of McpServer does not run"
        if scope["method"] == "GET":
            await self._streams.serve(self._sessions.handle_request, scope, receive, send)
        else:
            await self._sessions.handle_request(scope, receive, send)

    async def _serve_sse(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await Response(status_code=405, headers={"Allow": "GET"})(scope, receive, send)
            return
        await self._streams.serve(self._open_sse, scope, receive, send)

    async def _open_sse(self, scope: Scope, receive: Receive, send: Send) -> None:
        options = self._protocol.create_initialization_options()
        async with self._sse.connect_sse(scope, receive, send) as (reading, writing):
            await self._protocol.run(reading, writing, options)

    def _takes(self, name: str) -> Schema | None:
        tool = self._tools.get(name)
        return None if tool is None else tool.takes

    async def _list_tools(
        self, _context: Context, _params: mcp_types.PaginatedRequestParams | None
    ) -> mcp_types.ListToolsResult:
        return mcp_types.ListToolsResult(tools=[tool.listed for tool in self._tools.values()])

    async def _call_tool(
        self, context: Context, params: mcp_types.CallToolRequestParams
    ) -> mcp_types.CallToolResult:
        tool = self._tools.get(params.name)
        if tool is None:
            raise MCPError(mcp_types.INVALID_PARAMS, f"There is no tool {params.name}")
        arguments: dict[str, Any] = {}
        opened = self._store.reading if tool.effect is Effect.READ else self._store.writing
        try:
            arguments = await _exact_arguments(context)
            scope = caller_of(_request(context)).scope
            with opened() as connection:
                return answered(tool.act(Call(connection, scope, arguments, self._store.now())))
        except Refusal as refusal:
            return refused(tool, refusal, arguments)
        except Exception:
            # The SDK would send the exception's text to the caller.
            log.exception("mcp_tool_failed", tool=tool.name)
            raise MCPError(mcp_types.INTERNAL_ERROR, "Internal error") from None

    async def _list_resources(
        self, _context: Context, _params: mcp_types.PaginatedRequestParams | None
    ) -> mcp_types.ListResourcesResult:
        return mcp_types.ListResourcesResult(resources=[])

    async def _list_templates(
        self, _context: Context, _params: mcp_types.PaginatedRequestParams | None
    ) -> mcp_types.ListResourceTemplatesResult:
        template = mcp_types.ResourceTemplate(
            name="company_overview",
            title="Company overview",
            uri_template=OVERVIEW_URI,
            description="What get_company_overview returns, to attach to a conversation.",
            mime_type="application/json",
        )
        return mcp_types.ListResourceTemplatesResult(resource_templates=[template])

    async def _read_resource(
        self, context: Context, params: mcp_types.ReadResourceRequestParams
    ) -> mcp_types.ReadResourceResult:
        wanted = OVERVIEW.fullmatch(params.uri)
        if wanted is None:
            error = f"There is no resource {params.uri}; there is {OVERVIEW_URI}"
            raise MCPError(mcp_types.INVALID_PARAMS, error)
        scope = caller_of(_request(context)).scope
        try:
            with self._store.reading() as connection:
                text = as_text(company_overview(connection, scope, wanted[1]))
        except Refusal:
            error = f"There is no company {wanted[1]}"
            raise MCPError(mcp_types.INVALID_PARAMS, error) from None
        content = mcp_types.TextResourceContents(
            uri=params.uri, mime_type="application/json", text=text
        )
        return mcp_types.ReadResourceResult(contents=[content])


def _request(context: Context) -> Request:
    """The HTTP request that carried this very message, on either transport."""
    assert context.request is not None
    return context.request


async def _exact_arguments(context: Context) -> dict[str, Any]:
    """The arguments, read again from the request: the SDK has made doubles of its numbers.

    Raises Refusal (400).
    """
    message = parse_object(await _request(context).body())
    arguments: dict[str, Any] = message["params"].get("arguments") or {}
    return arguments
