"""A fresh sandbox in memory for each test, reached as the portal reaches it: over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx2 as httpx
import pytest

from portal.sandbox.app import SandboxConfig, create_sandbox
from portal.sandbox.demo import seed
from portal.sandbox.store import Store
from tests.sandbox.setup import API_KEY, CLIENT_ID, CLIENT_SECRET, Clock, client_of
from tests.stores import lent_store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Iterator[Store]:
    with lent_store(clock) as lent:
        yield lent


@pytest.fixture
def demo_store(store: Store, clock: Clock) -> Store:
    seed(store, clock())
    return store


@pytest.fixture
def config() -> SandboxConfig:
    return SandboxConfig(CLIENT_ID, CLIENT_SECRET, API_KEY)


@pytest.fixture
async def api(
    store: Store, clock: Clock, config: SandboxConfig
) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the unbound API key, on an empty store."""
    async with client_of(create_sandbox(config, store, clock), API_KEY) as client:
        yield client


@pytest.fixture
async def demo(demo_store: Store, api: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same client, with the demo data in the store."""
    return api
