"""A magic session is used once, by whoever holds its proof, and tells no secrets."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import httpx2 as httpx
import pytest

from portal.sandbox.keys import create_api_key
from portal.sandbox.resources import COMPANIES, CONTACTS
from portal.sandbox.store import Store
from tests.sandbox.setup import Clock, create, refused

PATH = "/api/magic_sessions"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


BROWSER, CODE = digest("browser"), digest("123456")


def new(contact_id: str, token: str = "token", **more: Any) -> dict[str, Any]:
    return {
        "contact_id": contact_id,
        "product": "mode",
        "token_hash": digest(token),
        "code_hash": CODE,
        "browser_hash": BROWSER,
        "redirect": "/invoices",
        "expires_in": 900,
    } | more


@pytest.fixture
async def contact(api: httpx.AsyncClient) -> str:
    return await create(api, CONTACTS, email="jane@acme.com", product="mode")


async def send(api: httpx.AsyncClient, contact_id: str, token: str = "token", **more: Any) -> str:
    response = await api.post(PATH, json=new(contact_id, token, **more))
    assert response.status_code == 201, response.text
    assert set(response.json()["data"]) == {"id", "expires_at"}
    return str(response.json()["data"]["id"])


async def by_token(api: httpx.AsyncClient, token: str = "token") -> httpx.Response:
    body = {"product": "mode", "token_hash": digest(token)}
    return await api.post(f"{PATH}/redeem", json=body)


async def by_code(api: httpx.AsyncClient, code: str = "123456") -> httpx.Response:
    body = {"product": "mode", "browser_hash": BROWSER, "code_hash": digest(code)}
    return await api.post(f"{PATH}/redeem", json=body)


async def status(api: httpx.AsyncClient, token: str = "token") -> str | None:
    params = {"token_hash": digest(token), "product": "mode"}
    found = (await api.get(PATH, params=params)).json()["data"]
    return found[0]["status"] if found else None


async def test_looking_uses_nothing_up_and_shows_no_secret(
    api: httpx.AsyncClient, contact: str
) -> None:
    session_id = await send(api, contact)
    params = {"token_hash": digest("token"), "product": "mode"}
    for _ in range(2):
        answer = await api.get(PATH, params=params)
        assert answer.json()["data"] == [
            {
                "id": session_id,
                "contact_id": contact,
                "email": "jane@acme.com",
                "product": "mode",
                "browser_hash": BROWSER,
                "redirect": "/invoices",
                "created_at": "2026-05-13T10:42:00.000000Z",
                "expires_at": "2026-05-13T10:57:00.000000Z",
                "status": "live",
            }
        ]
        assert digest("token") not in answer.text
        assert CODE not in answer.text


@pytest.mark.parametrize("redeem", [by_token, by_code])
async def test_a_session_is_redeemed_only_once(
    api: httpx.AsyncClient, contact: str, redeem: Any
) -> None:
    session_id = await send(api, contact)
    first = await redeem(api)
    assert first.json()["data"] == {
        "id": session_id,
        "contact_id": contact,
        "email": "jane@acme.com",
        "redirect": "/invoices",
    }
    for again in (await by_token(api), await by_code(api)):
        assert refused(again, 410)["reason"] == "redeemed"
    assert await status(api) == "redeemed"


@pytest.mark.parametrize("redeem", [by_token, by_code])
async def test_of_fifty_at_once_one_succeeds(
    api: httpx.AsyncClient, contact: str, redeem: Any
) -> None:
    await send(api, contact)
    answers = await asyncio.gather(*(redeem(api) for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] + [410] * 49


async def test_a_newer_link_supersedes_the_older_of_the_address_and_product(
    api: httpx.AsyncClient, contact: str
) -> None:
    company = await create(api, COMPANIES)
    elsewhere = await create(api, CONTACTS, email="JANE@acme.com", company_id=company)
    other = await create(api, CONTACTS, email="sam@acme.com")
    await send(api, contact, "old")
    await send(api, contact, "signal", product="signal")
    await send(api, other, "sam")
    await send(api, elsewhere, "new")
    assert await status(api, "old") == "superseded"
    assert await status(api, "sam") == "live"
    assert await status(api, "new") == "live"
    assert refused(await by_token(api, "old"), 410)["reason"] == "superseded"
    assert (await by_token(api, "new")).status_code == 200
    body = {"product": "signal", "token_hash": digest("signal")}
    answer = await api.post(f"{PATH}/redeem", json=body)
    assert refused(answer, 410)["reason"] == "superseded"


async def test_a_session_expires(api: httpx.AsyncClient, clock: Clock, contact: str) -> None:
    await send(api, contact)
    clock.advance(seconds=900)
    assert await status(api) == "expired"
    for answer in (await by_token(api), await by_code(api)):
        assert refused(answer, 410)["reason"] == "expired"


async def test_five_wrong_codes_exhaust_it(api: httpx.AsyncClient, contact: str) -> None:
    await send(api, contact)
    for left in (4, 3, 2, 1):
        envelope = refused(await by_code(api, "000000"), 403)
        assert envelope["reason"] == "wrong_code"
        assert envelope["tries_left"] == left
    envelope = refused(await by_code(api, "000000"), 410)
    assert envelope["reason"] == "exhausted"
    assert envelope["tries_left"] == 0
    assert refused(await by_code(api), 410)["reason"] == "exhausted"
    assert refused(await by_token(api), 410)["reason"] == "exhausted"
    assert await status(api) == "exhausted"


async def test_wrong_codes_sent_at_once_are_all_counted(
    api: httpx.AsyncClient, contact: str
) -> None:
    await send(api, contact)
    answers = await asyncio.gather(*(by_code(api, f"{n:06}") for n in range(50)))
    assert [answer.status_code for answer in answers].count(403) == 4
    assert refused(await by_code(api), 410)["reason"] == "exhausted"


async def test_a_repeat_under_its_key_redeems_and_counts_once(
    api: httpx.AsyncClient, contact: str
) -> None:
    await send(api, contact)
    wrong = {"product": "mode", "browser_hash": BROWSER, "code_hash": digest("000000")}
    right = {"product": "mode", "token_hash": digest("token")}
    for key, body, code in (("a", wrong, 403), ("b", right, 200)):
        headers = {"Idempotency-Key": key}
        first = await api.post(f"{PATH}/redeem", json=body, headers=headers)
        again = await api.post(f"{PATH}/redeem", json=body, headers=headers)
        assert first.status_code == again.status_code == code
        assert first.content == again.content


async def test_what_nobody_asked_for_is_unknown(api: httpx.AsyncClient, contact: str) -> None:
    refused(await by_token(api), 404)
    refused(await by_code(api), 404)
    assert await status(api) is None
    await send(api, contact, product="signal")
    refused(await by_token(api), 404)
    refused(await by_code(api), 404)
    assert await status(api) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("contact_id", "ct_nobody"),
        ("token_hash", "A" * 64),
        ("token_hash", "a" * 63),
        ("code_hash", "123456"),
        ("browser_hash", 7),
        ("expires_in", 0),
        ("expires_in", 3601),
        ("expires_in", "900"),
        ("product", "No Product"),
        ("status", "live"),
    ],
)
async def test_bad_values_are_refused_by_name(
    api: httpx.AsyncClient, contact: str, field: str, value: Any
) -> None:
    refused(await api.post(PATH, json=new(contact) | {field: value}), 422, field)


async def test_a_proof_is_a_token_or_a_browser_with_a_code(api: httpx.AsyncClient) -> None:
    every = {"token_hash": BROWSER, "browser_hash": BROWSER, "code_hash": CODE}
    for names in ((), ("browser_hash",), ("code_hash",), tuple(every)):
        body = {"product": "mode", **{name: every[name] for name in names}}
        refused(await api.post(f"{PATH}/redeem", json=body), 422, "token_hash")
    refused(await api.get(PATH), 422, "token_hash")


async def test_a_token_is_taken_once_and_a_contact_needs_an_address(
    api: httpx.AsyncClient, contact: str
) -> None:
    await send(api, contact)
    refused(await api.post(PATH, json=new(contact)), 409, "token_hash")
    body = {"company_id": await create(api, COMPANIES), "full_name": "No Mail"}
    mailless = (await api.post("/api/contacts", json=body)).json()["data"]["id"]
    refused(await api.post(PATH, json=new(mailless, "t2")), 422, "contact_id")


async def test_a_bound_key_reaches_its_own_products_sessions_only(
    api: httpx.AsyncClient, store: Store, contact: str
) -> None:
    await send(api, contact)
    signal = {"X-SM-Key": create_api_key(store, "signal", "signal")}
    body = {"product": "mode", "token_hash": digest("token")}
    refused(await api.post(f"{PATH}/redeem", json=body, headers=signal), 422, "product")
    refused(await api.get(PATH, params=body, headers=signal), 422, "product")
    own = new(contact, "t2", product="signal")
    refused(await api.post(PATH, json=own, headers=signal), 422, "contact_id")
    assert await status(api) == "live"


async def test_a_bound_key_leaves_another_products_links_alive(
    api: httpx.AsyncClient, store: Store, contact: str
) -> None:
    await api.patch(f"/api/contacts/{contact}", json={"product": "signal"})
    await send(api, contact)
    await send(api, contact, "t2", product="signal")
    signal = {"X-SM-Key": create_api_key(store, "signal", "signal")}
    body = {"product": "signal", "token_hash": digest("t2")}
    answer = await api.post(f"{PATH}/redeem", json=body, headers=signal)
    assert answer.status_code == 200
    assert await status(api) == "live"
