"""A repeated POST under one Idempotency-Key happens once."""

from __future__ import annotations

import asyncio

import httpx2 as httpx

from portal.sandbox.keys import create_api_key
from portal.sandbox.store import Store
from tests.sandbox.setup import API_KEY, Clock, refused

BODY = {"activity_type": "scan_completed", "title": "Mode scan completed"}
KEY = {"Idempotency-Key": "k-1"}


async def count(api: httpx.AsyncClient) -> int:
    return len((await api.get("/api/activities")).json()["data"])


async def test_a_repeat_gets_the_first_answer(api: httpx.AsyncClient, clock: Clock) -> None:
    first = await api.post("/api/activities", json=BODY, headers=KEY)
    clock.advance(hours=47)
    again = await api.post("/api/activities", json=BODY, headers=KEY)
    assert again.status_code == first.status_code == 201
    assert again.content == first.content
    assert await count(api) == 1


async def test_many_at_once_are_one(api: httpx.AsyncClient) -> None:
    posts = [api.post("/api/activities", json=BODY, headers=KEY) for _ in range(20)]
    answers = await asyncio.gather(*posts)
    assert len({answer.content for answer in answers}) == 1
    assert await count(api) == 1


async def test_another_body_under_the_same_key_is_refused(api: httpx.AsyncClient) -> None:
    await api.post("/api/activities", json=BODY, headers=KEY)
    other = {**BODY, "title": "Other"}
    refused(await api.post("/api/activities", json=other, headers=KEY), 422)
    assert await count(api) == 1


async def test_another_caller_path_or_key_is_another_request(
    api: httpx.AsyncClient, store: Store
) -> None:
    await api.post("/api/activities", json=BODY, headers=KEY)
    agent = {**KEY, "X-SM-Key": create_api_key(store, "agent")}
    assert (await api.post("/api/activities", json=BODY, headers=agent)).status_code == 201
    other = {"Idempotency-Key": "k-2"}
    assert (await api.post("/api/activities", json=BODY, headers=other)).status_code == 201
    company = await api.post("/api/companies", json={"name": "Acme"}, headers=KEY)
    assert company.status_code == 201
    assert await count(api) == 3


async def test_a_refused_request_may_be_mended_under_its_key(api: httpx.AsyncClient) -> None:
    refused(await api.post("/api/activities", json={}, headers=KEY), 422, "activity_type")
    assert (await api.post("/api/activities", json=BODY, headers=KEY)).status_code == 201


async def test_after_two_days_a_key_is_forgotten(api: httpx.AsyncClient, clock: Clock) -> None:
    await api.post("/api/activities", json=BODY, headers=KEY)
    clock.advance(hours=49)
    await api.post("/api/activities", json=BODY, headers={"Idempotency-Key": "k-2"})
    await api.post("/api/activities", json=BODY, headers=KEY)
    assert await count(api) == 3


async def test_a_key_that_is_none_is_400(api: httpx.AsyncClient) -> None:
    for key in ("", " ", "x" * 256):
        headers = {"Idempotency-Key": key, "X-SM-Key": API_KEY}
        refused(await api.post("/api/activities", json=BODY, headers=headers), 400)
