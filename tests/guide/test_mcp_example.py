"""The guide's MCP endpoint and its header, taken from the page, used by the official client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dotenv import dotenv_values
from mcp import ClientSession
from mcp.client.sse import sse_client

from tests.guide.examples import read_guide
from tests.processes import Dev, running_dev


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with running_dev(tmp_path_factory.mktemp("mcp")) as running:
        yield running


async def test_the_mcp_endpoint_answers_the_official_client_over_sse(
    dev: Dev,
) -> None:
    guide, variables = read_guide(dev.sandbox), dotenv_values(dev.folder / ".dev.vars")
    scheme, _, named = guide.mcp_auth.partition(" ")
    headers = {"Authorization": f"{scheme} {variables[named.strip('<>')]}"}
    async with (
        sse_client(guide.mcp_endpoint, headers=headers) as streams,
        ClientSession(*streams) as session,
    ):
        await session.initialize()
        names = {tool.name for tool in (await session.list_tools()).tools}
        assert len(names) >= 10
        answer = await session.call_tool("get_company", {"id": "co_abc123"})
        assert not answer.is_error
        assert "Acme Corp" in str(answer.content)
