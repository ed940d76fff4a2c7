"""Pages of the portals may call from a browser, and no other page may."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest

from portal.sandbox.store import Store
from tests.sandbox.auth.setup import AVA, JANE, ORIGIN, PORTAL, SIBLING, hub_app, signed_in
from tests.sandbox.setup import Clock, refused

FOREIGN = [
    "https://evil.example",
    "null",
    f"{PORTAL}.evil.example",
    "http://evil.portal.test",
    "https://portal.test",
    f"{PORTAL}:80",
    PORTAL.upper(),
    "",
]
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
}
VIEWED = {"activity_type": "report_viewed"}


@pytest.fixture
async def client(demo_store: Store, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    app = hub_app(demo_store, clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        yield client


def shared_headers(response: httpx.Response) -> dict[str, str]:
    return {k: v for k, v in response.headers.items() if k.startswith("access-control-")}


@pytest.mark.parametrize("origin", [PORTAL, SIBLING])
async def test_a_portals_page_reads_with_credentials(
    client: httpx.AsyncClient, clock: Clock, origin: str
) -> None:
    headers = signed_in(JANE, clock) | {"Origin": origin}
    response = await client.get("/api/companies", headers=headers)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == origin
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert response.headers["Vary"] == "Origin"
    refusal = await client.get("/api/deals", headers=headers)
    assert refusal.status_code == 403
    assert refusal.headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize("path", ["/api/activities", "/auth/me", "/auth/verify-code"])
async def test_a_preflight_is_answered_without_a_body(client: httpx.AsyncClient, path: str) -> None:
    response = await client.options(path, headers={"Origin": PORTAL, **PREFLIGHT})
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == PORTAL
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    allowed = response.headers["Access-Control-Allow-Methods"]
    assert allowed == "GET, POST, PATCH, DELETE, OPTIONS"
    names = response.headers["Access-Control-Allow-Headers"].split(", ")
    assert names == ["Content-Type", "X-SM-Product", "Idempotency-Key", "If-None-Match"]
    assert response.headers["Access-Control-Max-Age"] == "86400"
    assert response.headers["Vary"] == "Origin"


async def test_another_page_is_told_nothing(client: httpx.AsyncClient, clock: Clock) -> None:
    for origin in FOREIGN:
        headers = signed_in(JANE, clock) | {"Origin": origin}
        response = await client.get("/api/companies", headers=headers)
        assert not shared_headers(response), origin
        assert response.headers["Vary"] == "Origin"
        preflight = await client.options("/api/companies", headers={"Origin": origin, **PREFLIGHT})
        assert preflight.status_code != 204, origin
        assert not shared_headers(preflight), origin


@pytest.mark.parametrize("path", ["/mailbox/messages", "/google/misbehave", "/", "/openapi.json"])
async def test_what_is_not_for_portals_is_shared_with_nobody(
    client: httpx.AsyncClient, path: str
) -> None:
    assert not shared_headers(await client.get(path, headers={"Origin": PORTAL}))


@pytest.mark.parametrize("person", [JANE, AVA])
async def test_a_foreign_page_writes_nothing_with_somebodys_cookie(
    client: httpx.AsyncClient, clock: Clock, person: tuple[str, str]
) -> None:
    for origin in FOREIGN:
        headers = signed_in(person, clock) | {"Origin": origin}
        answer = await client.post("/api/activities", json=VIEWED, headers=headers)
        assert refused(answer, 403)["reason"] == "cross_site", origin
        assert not shared_headers(answer)
        profile = await client.patch("/api/profile", json={"title": "x"}, headers=headers)
        assert refused(profile, 403)["reason"] == "cross_site", origin


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Origin": PORTAL}, True),
        ({"Origin": ORIGIN}, True),
        ({"Origin": PORTAL, "Sec-Fetch-Site": "same-site"}, True),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, False),
    ],
)
async def test_what_the_browser_says_of_the_page_decides(
    client: httpx.AsyncClient, clock: Clock, headers: dict[str, str], allowed: bool
) -> None:
    sent = signed_in(JANE, clock) | headers
    answer = await client.post("/api/activities", json=VIEWED, headers=sent)
    assert answer.status_code == (201 if allowed else 403)


@pytest.mark.parametrize("path", ["/auth/magic", "/auth/verify-code", "/auth/magic/verify"])
async def test_a_foreign_page_signs_nobody_in(client: httpx.AsyncClient, path: str) -> None:
    headers = {"Origin": "https://evil.example"}
    refused(await client.post(path, json={"email": "jane@acme.com"}, headers=headers), 403)
    assert (await client.get("/mailbox/messages")).json() == []


async def test_a_marketing_page_still_sends_leads_without_a_cookie(
    client: httpx.AsyncClient,
) -> None:
    headers = {"Origin": "https://www.example", "Sec-Fetch-Site": "cross-site"}
    lead = await client.post("/api/leads", json={"email": "new@lead.example"}, headers=headers)
    assert lead.status_code == 201


async def test_vary_keeps_what_the_answer_varies_by(client: httpx.AsyncClient) -> None:
    for path in ("/auth/login", "/api/portal/config?subdomain=mode", "/nowhere"):
        assert "Origin" in (await client.get(path)).headers["Vary"].split(", ")
