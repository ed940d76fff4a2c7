"""Who may call, and how a bad credential is answered."""

from __future__ import annotations

import httpx2 as httpx
import pytest

from portal.sandbox.app import SandboxConfig, create_sandbox
from portal.sandbox.keys import create_api_key, list_api_keys
from portal.sandbox.schema import API_KEYS
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

PATHS = ("/api/companies", "/api/contacts/x", "/api/pipelines", "/api/magic_sessions")


@pytest.mark.parametrize(
    "headers",
    [
        SERVICE,
        {"X-SM-Key": API_KEY},
        {"Authorization": f"Bearer {API_KEY}"},
        {"Authorization": f"bearer  {API_KEY}"},
    ],
)
async def test_each_documented_credential_opens(
    store: Store, clock: Clock, config: SandboxConfig, headers: dict[str, str]
) -> None:
    async with client_of(create_sandbox(config, store, clock)) as client:
        assert (await client.get("/api/companies", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"CF-Access-Client-Id": CLIENT_ID, "CF-Access-Client-Secret": "wrong"},
        {"CF-Access-Client-Id": "wrong", "CF-Access-Client-Secret": CLIENT_SECRET},
        {"CF-Access-Client-Id": CLIENT_ID},
        {"CF-Access-Client-Secret": CLIENT_SECRET},
        {"CF-Access-Client-Id": "", "CF-Access-Client-Secret": ""},
        {"CF-Access-Client-Id": CLIENT_ID, "CF-Access-Client-Secret": "\xe9"},
    ],
)
async def test_a_wrong_service_token_is_sent_to_the_login_page(
    store: Store, clock: Clock, config: SandboxConfig, headers: dict[str, str]
) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    async with client_of(create_sandbox(config, store, clock)) as client:
        for path in PATHS:
            response = await client.get(path, headers=raw)
            assert response.status_code == 302
            assert response.headers["Location"].startswith("/cdn-cgi/access/login/sandbox.test?")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-SM-Key": "wrong"},
        {"X-SM-Key": ""},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {API_KEY}"},
        {"cf-access-authenticated-user-email": "ava@sprintmode.ai"},
        {"Cookie": "sm_client=x"},
    ],
)
async def test_no_credential_or_a_wrong_key_is_401(
    store: Store, clock: Clock, config: SandboxConfig, headers: dict[str, str]
) -> None:
    async with client_of(create_sandbox(config, store, clock)) as client:
        for path in PATHS:
            refused(await client.get(path, headers=headers), 401)


async def test_a_strange_host_header_changes_nothing(api: httpx.AsyncClient) -> None:
    for host in ("[::", "a b", "x:y:z", "\xff"):
        headers = [(b"host", host.encode("latin-1")), (b"cf-access-client-id", b"wrong")]
        response = await api.get("/api/companies", headers=headers)
        assert response.status_code == 302
        body = {"activity_type": "note"}
        keyed = [(b"host", host.encode("latin-1")), (b"idempotency-key", host.encode("latin-1"))]
        assert (await api.post("/api/activities", json=body, headers=keyed)).status_code == 201


async def test_the_strict_switch_asks_for_the_platform_header(store: Store, clock: Clock) -> None:
    strict = SandboxConfig(CLIENT_ID, CLIENT_SECRET, API_KEY, strict_platform=True)
    async with client_of(create_sandbox(strict, store, clock)) as client:
        refused(await client.get("/api/companies", headers=SERVICE), 403)
        named = {**SERVICE, "X-SM-Platform": "mode-portal/1.0"}
        assert (await client.get("/api/companies", headers=named)).status_code == 200
        by_key = {"X-SM-Key": API_KEY}
        assert (await client.get("/api/companies", headers=by_key)).status_code == 200


async def test_the_edges_user_counts_only_behind_a_trusted_edge(
    demo_store: Store, clock: Clock
) -> None:
    trusting = SandboxConfig(CLIENT_ID, CLIENT_SECRET, trust_access_email=True)
    headers = {"cf-access-authenticated-user-email": "ava@sprintmode.ai"}
    async with client_of(create_sandbox(trusting, demo_store, clock), None) as client:
        assert (await client.get("/api/companies", headers=headers)).status_code == 200
        refused(await client.get("/api/magic_sessions", headers=headers), 403)


async def test_an_empty_service_token_in_the_configuration_opens_nothing(
    store: Store, clock: Clock
) -> None:
    async with client_of(create_sandbox(SandboxConfig("", ""), store, clock)) as client:
        headers = {"CF-Access-Client-Id": "", "CF-Access-Client-Secret": ""}
        assert (await client.get("/api/companies", headers=headers)).status_code == 302


async def test_keys_are_kept_as_hashes_and_replaced_by_name(
    store: Store, clock: Clock, api: httpx.AsyncClient
) -> None:
    key = create_api_key(store, "agent", "mode")
    assert [(k.name, k.product) for k in list_api_keys(store)] == [
        ("agent", "mode"),
        ("default", None),
    ]
    with store.reading() as connection:
        stored = str(connection.execute(API_KEYS.select()).all())
    assert key not in stored
    assert API_KEY not in stored
    second = create_api_key(store, "agent", "mode")
    refused(await api.get("/api/companies", headers={"X-SM-Key": key}), 401)
    answer = await api.get("/api/companies", headers={"X-SM-Key": second})
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="not a product"):
        create_api_key(store, "agent", 'mode"')
