"""Both stores of magic links, SM API's and the STATE store's, keep the same promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from portal.crm.magic_sessions import MagicSessions, NewMagicSession
from portal.edge import redis_server
from portal.errors import LinkRefused
from tests.stage import TestClock, stage

TOKEN, OTHER_TOKEN = "a" * 64, "b" * 64
CODE, WRONG_CODE = "c" * 64, "d" * 64
BROWSER, OTHER_BROWSER = "e" * 64, "f" * 64


def link(token: str = TOKEN, browser: str = BROWSER) -> NewMagicSession:
    return NewMagicSession(
        contact_id="ct_abc123",
        email="jane@acme.com",
        token_hash=token,
        code_hash=CODE,
        browser_hash=browser,
        redirect="/invoices",
        expires_in=600,
    )


@pytest.fixture(params=[("crm", "sqlite"), ("kv", "sqlite"), ("kv", "redis")])
async def kept(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[MagicSessions, TestClock]]:
    # Fifty at once on a busy machine: that the server is slow is not what is tested.
    monkeypatch.setattr(redis_server, "ANSWER_SECONDS", 30.0)
    where, engine = request.param
    async with stage(engine, magic_sessions=where) as on:
        yield on.env.magic, on.clock


Kept = tuple[MagicSessions, TestClock]


async def test_a_link_is_found_without_being_used_up(kept: Kept) -> None:
    store, clock = kept
    await store.create(link())
    for _ in range(2):
        found = await store.find(TOKEN)
        assert found is not None
        assert (found.contact_id, found.email) == ("ct_abc123", "jane@acme.com")
        assert (found.status, found.redirect) == ("live", "/invoices")
        assert found.browser_hash == BROWSER
        assert (found.expires_at - clock()).total_seconds() == 600


async def test_an_unknown_link_is_none_and_redeems_nothing(kept: Kept) -> None:
    store, _ = kept
    assert await store.find(TOKEN) is None
    assert await refusal(store, TOKEN) == "unknown"
    with pytest.raises(LinkRefused) as refused:
        await store.redeem_code(BROWSER, CODE)
    assert refused.value.reason == "unknown"


async def refusal(store: MagicSessions, token: str) -> str | None:
    try:
        await store.redeem_token(token)
    except LinkRefused as refused:
        return refused.reason
    return None


async def test_of_fifty_at_once_one_redeems(kept: Kept) -> None:
    store, _ = kept
    await store.create(link())
    outcomes = await asyncio.gather(*(refusal(store, TOKEN) for _ in range(50)))
    assert outcomes.count(None) == 1
    assert set(outcomes) == {None, "redeemed"}
    found = await store.find(TOKEN)
    assert found is not None
    assert found.status == "redeemed"


async def test_token_and_code_of_one_link_are_good_for_one_sign_in(kept: Kept) -> None:
    store, _ = kept
    await store.create(link())
    redeemed = await store.redeem_code(BROWSER, CODE)
    assert (redeemed.contact_id, redeemed.redirect) == ("ct_abc123", "/invoices")
    assert await refusal(store, TOKEN) == "redeemed"


async def test_a_newer_link_supersedes_the_older(kept: Kept) -> None:
    store, _ = kept
    await store.create(link())
    await store.create(link(OTHER_TOKEN, OTHER_BROWSER))
    assert await refusal(store, TOKEN) == "superseded"
    assert await refusal(store, OTHER_TOKEN) is None


async def test_a_link_expires(kept: Kept) -> None:
    store, clock = kept
    await store.create(link())
    clock.forward(seconds=601)
    assert await refusal(store, TOKEN) == "expired"
    found = await store.find(TOKEN)
    assert found is not None
    assert found.status == "expired"


async def test_the_fifth_wrong_code_kills_link_and_code(kept: Kept) -> None:
    store, _ = kept
    await store.create(link())
    left = []
    for _ in range(5):
        with pytest.raises(LinkRefused) as refused:
            await store.redeem_code(BROWSER, WRONG_CODE)
        left.append(refused.value.tries_left)
    assert left == [4, 3, 2, 1, 0]
    with pytest.raises(LinkRefused) as refused:
        await store.redeem_code(BROWSER, CODE)
    assert refused.value.reason == "exhausted"
    assert await refusal(store, TOKEN) == "exhausted"


async def test_another_browsers_code_is_unknown(kept: Kept) -> None:
    store, _ = kept
    await store.create(link())
    with pytest.raises(LinkRefused) as refused:
        await store.redeem_code(OTHER_BROWSER, CODE)
    assert refused.value.reason == "unknown"
