"""Every refusal that is documented can be had, and all of them have the one envelope."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import MappingProxyType
from typing import Any, Final

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from portal.sandbox.app import SandboxConfig, create_sandbox
from portal.sandbox.demo import seed
from portal.sandbox.openapi import document
from portal.sandbox.store import Store
from tests.sandbox.setup import (
    API_KEY,
    CLIENT_ID,
    CLIENT_SECRET,
    SERVICE,
    Clock,
    client_of,
    refused,
)

PATHS: Final = document("http://sandbox.test")["paths"]
DOCUMENTED: Final = [
    (method, path, int(status))
    for path, item in PATHS.items()
    for method, operation in item.items()
    for status in operation["responses"]
    if int(status) >= 302 and status != "304"
]
KEY: Final = {"X-SM-Key": API_KEY}
IDS: Final = MappingProxyType(
    {
        "companies": "co_abc123",
        "contacts": "ct_abc123",
        "engagements": "eng_abc123",
        "invoices": "inv_2026004",
        "deals": "deal_abc123",
    }
)
LINK: Final = MappingProxyType(
    {
        "contact_id": "ct_abc123",
        "product": "mode",
        "code_hash": "b" * 64,
        "browser_hash": "c" * 64,
        "expires_in": 900,
    }
)


@pytest.fixture(scope="module")
def app() -> Iterator[Starlette]:
    """The demo's records behind every switch that refuses."""
    clock = Clock()
    store = Store(None, clock)
    seed(store, clock())
    config = SandboxConfig(CLIENT_ID, CLIENT_SECRET, API_KEY, strict_platform=True, lead_posts=0)
    yield create_sandbox(config, store, clock)
    store.close()


@pytest.fixture
async def anybody(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


class Call:
    """A request of one documented operation, which is made to go wrong."""

    def __init__(self, client: httpx.AsyncClient, method: str, path: str) -> None:
        self._client = client
        self.method, self.path = method, path

    async def send(self, **how: Any) -> httpx.Response:
        """With the key unless told otherwise, to a record that exists unless told otherwise."""
        method = how.pop("method", self.method).upper()
        path = self.path.replace("{id}", how.pop("record", await self._record()))
        return await self._client.request(method, path, **{"headers": KEY, **how})

    async def raw(self, content: bytes, media_type: str = "application/json") -> httpx.Response:
        """With this body."""
        return await self.send(content=content, headers={**KEY, "Content-Type": media_type})

    async def _record(self) -> str:
        name = self.path.split("/")[2] if "{id}" in self.path else ""
        if name not in IDS and name:
            found = await self._client.get(f"/api/{name}", headers=KEY)
            return str(found.json()["data"][0]["id"])
        return IDS.get(name, "")

    async def link(self, token: str) -> httpx.Response:
        """A magic session with this token."""
        body = {**LINK, "token_hash": token}
        return await self._client.post("/api/magic_sessions", headers=KEY, json=body)


async def not_found(call: Call) -> httpx.Response:
    if "redeem" in call.path:
        return await call.send(json={"product": "mode", "token_hash": "0" * 64})
    return await call.send(record="nobody", json={})


async def clash(call: Call) -> httpx.Response:
    if "magic_sessions" in call.path:
        await call.link("d" * 64)
        return await call.link("d" * 64)
    body = {"email": "SAM@acme.com", "company_id": "co_abc123"}
    return await call.send(json=body)


async def gone(call: Call) -> httpx.Response:
    await call.link("e" * 64)
    body = {"product": "mode", "token_hash": "e" * 64}
    await call.send(json=body)
    return await call.send(json=body)


async def unusable(call: Call) -> httpx.Response:
    if call.method == "get":
        return await call.send(params={"limit": "many"})
    return await call.send(json={"no_such_field": 1})


PROVOKED: Final[dict[int, Callable[[Call], Awaitable[httpx.Response]]]] = {
    302: lambda call: call.send(headers={"CF-Access-Client-Id": "wrong"}),
    400: lambda call: call.raw(b"{"),
    401: lambda call: call.send(headers={"X-SM-Key": "wrong"}),
    403: lambda call: call.send(headers=SERVICE),
    404: not_found,
    405: lambda call: call.send(method="put"),
    409: clash,
    410: gone,
    413: lambda call: call.raw(b" " * (1024 * 1024 + 1)),
    415: lambda call: call.raw(b"{}", "text/plain"),
    422: unusable,
    429: lambda call: call.send(headers={}, json={"email": "a@b.example"}),
}
NAMED: Final = {302: "Location", 405: "Allow", 429: "Retry-After"}


@pytest.mark.parametrize(("method", "path", "status"), DOCUMENTED)
async def test_each_documented_refusal_comes_in_the_one_envelope(
    anybody: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    response = await PROVOKED[status](Call(anybody, method, path))
    assert response.status_code == status, response.text
    refused(response, status, response.json().get("field"))
    if status == 422:
        assert response.json()["field"]
    if status in NAMED:
        assert response.headers[NAMED[status]]


async def test_a_route_refuses_other_methods_and_lists_its_own(
    app: Starlette, anybody: httpx.AsyncClient
) -> None:
    for route in app.routes:
        if isinstance(route, Route) and route.methods and "PUT" not in route.methods:
            response = await anybody.put(route.path.replace("{", "").replace("}", ""))
            refused(response, 405)
            allowed = set(response.headers["Allow"].split(", "))
            assert route.methods <= allowed, route.path


@pytest.mark.parametrize(
    "path", ["/nowhere", "/api", "/api/", "/api/nothing", "/api/companies/x/y", "/%00"]
)
async def test_what_is_nowhere_is_404(anybody: httpx.AsyncClient, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        refused(await anybody.request(method, path, headers=KEY), 404)


async def test_no_refusal_repeats_what_was_sent(anybody: httpx.AsyncClient) -> None:
    secret = "s3cret-value"
    for body in ({"email": secret}, {"email": [secret]}, {"status": secret}, {"amount": secret}):
        response = await anybody.post("/api/contacts", json=body, headers=KEY)
        refused(response, 422, next(iter(body)))
        assert secret not in response.text
