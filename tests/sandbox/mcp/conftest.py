"""A server with the demo data, and an agent that is connected to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from mcp import ClientSession

from portal.sandbox.config import SandboxConfig
from portal.sandbox.store import Store
from tests.sandbox.mcp.setup import connected, serving_sandbox
from tests.sandbox.setup import API_KEY


@pytest.fixture
async def base(config: SandboxConfig, demo_store: Store) -> AsyncIterator[str]:
    """The address of a server whose one key is not bound to a product."""
    async with serving_sandbox(config, demo_store) as address:
        yield address


@pytest.fixture
async def agent(base: str) -> AsyncIterator[ClientSession]:
    """A connected client with that key, over streamable HTTP."""
    async with connected(base, API_KEY) as session:
        yield session
