"""A server with the demo data, and an agent that is connected to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from mcp import ClientSession

from portal.sandbox.config import SandboxConfig
from portal.sandbox.keys import create_api_key
from portal.sandbox.store import Store
from tests.sandbox.mcp.setup import connected, serving_mcp
from tests.sandbox.setup import API_KEY


@pytest.fixture
async def base(config: SandboxConfig, demo_store: Store) -> AsyncIterator[str]:
    """The address of a server whose one key is not bound to a product."""
    create_api_key(demo_store, "default", key=API_KEY)
    async with serving_mcp(config, demo_store) as address:
        yield address


@pytest.fixture
async def agent(base: str) -> AsyncIterator[ClientSession]:
    """A connected client with that key, over streamable HTTP."""
    async with connected(base, API_KEY) as session:
        yield session
