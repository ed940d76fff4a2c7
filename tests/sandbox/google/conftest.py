"""The hub with the demo people, and a browser that keeps cookies."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from portal.sandbox.store import Store
from tests.sandbox.auth.setup import ORIGIN, hub_app
from tests.sandbox.setup import Clock


@pytest.fixture
def hub(demo_store: Store, clock: Clock) -> Starlette:
    return hub_app(demo_store, clock)


@pytest.fixture
async def browser(hub: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(hub), base_url=ORIGIN) as browser:
        yield browser
