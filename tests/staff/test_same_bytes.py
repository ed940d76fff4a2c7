"""A preview shows the very bytes that the client gets, but for the banner."""

from __future__ import annotations

import re

import httpx2 as httpx
import pytest
from starlette.routing import BaseRoute, Mount, Route

from portal.routes import ROUTES
from tests.staff.stand import contact_of, previewing
from tests.stage import Stage, stage

BANNER = re.compile(r'  <aside class="preview".*?</aside>\n', re.DOTALL)
REQUEST_ID = re.compile(r"<code>[0-9a-f]{32}</code>")
OF_THE_SESSION = ("/auth/", "/api/auth/", "/staff", "/healthz", "/readyz")
"""What belongs to whoever is signed in, to nobody, or to staff."""


def readable(routes: list[BaseRoute], prefix: str = "") -> list[str]:
    """Every address of the URL table that can be read."""
    found = []
    for route in routes:
        if isinstance(route, Mount):
            found += readable(list(route.routes or ()), prefix + route.path)
        elif isinstance(route, Route) and "GET" in (route.methods or ()):
            found.append(prefix + route.path)
    return found


PAGES = [path for path in readable(ROUTES) if not path.startswith(OF_THE_SESSION)]
COLLECTIONS = ("engagements", "invoices", "activities", "companies", "contacts", "deals")


async def _addresses(client: httpx.AsyncClient) -> list[str]:
    """Every page, with the client's own ids in those that take one."""
    found = []
    for path in PAGES:
        if "{" not in path:
            found.append(path)
            continue
        names = COLLECTIONS if "{collection}" in path else [path.strip("/").split("/")[0]]
        for name in names:
            named = path.replace("{collection}", name)
            data = (await client.get(f"/api/{name}")).json().get("data", [])
            items = data["items"] if isinstance(data, dict) else data
            ids = [item["id"] for item in items[:3]] or ["missing"]
            found += [named.replace("{id}", one) for one in ids] if "{id}" in named else [named]
    return found


def _shown(answer: httpx.Response) -> tuple[int, str, bytes]:
    body = answer.content
    if answer.headers.get("content-type", "").startswith("text/html"):
        text = REQUEST_ID.sub("", BANNER.sub("", answer.text))
        body = text.encode()
    return answer.status_code, answer.headers.get("content-type", ""), body


@pytest.mark.parametrize(
    "email", ["jane@acme.com", "sam@acme.com", "hank@globex.com", "zoe@lukasiewicz.example"]
)
async def test_every_page_is_the_clients_own(email: str) -> None:
    async with stage() as on:
        await _compare(on, email)


async def _compare(on: Stage, email: str) -> None:
    client = await on.signed_in(email)
    await client.get("/")
    staff = await previewing(on, (await contact_of(on, email))["id"])
    await on.activities("portal_preview_started")
    addresses = await _addresses(client)
    assert len(addresses) > 15
    for address in addresses:
        own, previewed = await client.get(address), await staff.get(address)
        assert _shown(own) == _shown(previewed), address
        if own.headers.get("content-type", "").startswith("text/html"):
            assert '<aside class="preview"' in previewed.text, address
