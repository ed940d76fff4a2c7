"""Answers that are kept for a while, each fetched once however many ask."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import anyio
import pytest

from portal.crm.cache import FreshCache
from tests.crm.upstream import Clock

TTL = timedelta(seconds=30)


class Source:
    """Where answers come from: counts how often, and can be held back or made to fail."""

    def __init__(self) -> None:
        self.loads = 0
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.loads += 1
        number = self.loads
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return number


async def let_others_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_answer_is_kept_for_its_time_and_not_longer() -> None:
    clock, source = Clock(), Source()
    cache: FreshCache[int] = FreshCache(TTL, clock)
    assert await cache.get("a", source) == 1
    clock.forward(29.9)
    assert await cache.get("a", source) == 1
    clock.forward(0.1)
    assert await cache.get("a", source) == 2


async def test_its_age_counts_from_before_the_call() -> None:
    clock, source = Clock(), Source()
    cache: FreshCache[int] = FreshCache(TTL, clock)
    source.open.clear()
    asking = asyncio.create_task(cache.get("a", source))
    await let_others_run()
    clock.forward(20)
    source.open.set()
    assert await asking == 1
    clock.forward(10)
    assert await cache.get("a", source) == 2


async def test_many_who_ask_at_once_share_one_call() -> None:
    source = Source()
    cache: FreshCache[int] = FreshCache(TTL, Clock())
    source.open.clear()
    asking = [asyncio.create_task(cache.get("a", source)) for _ in range(50)]
    await let_others_run()
    source.open.set()
    assert await asyncio.gather(*asking) == [1] * 50
    assert source.loads == 1


async def test_keys_do_not_wait_for_each_other() -> None:
    held, source = Source(), Source()
    cache: FreshCache[int] = FreshCache(TTL, Clock())
    held.open.clear()
    asking = asyncio.create_task(cache.get("a", held))
    await let_others_run()
    assert await cache.get("b", source) == 1
    held.open.set()
    await asking


async def test_when_whoever_started_goes_away_the_others_get_their_answer() -> None:
    source = Source()
    cache: FreshCache[int] = FreshCache(TTL, Clock())
    source.open.clear()
    first = asyncio.create_task(cache.get("a", source))
    await let_others_run()
    second = asyncio.create_task(cache.get("a", source))
    await let_others_run()
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    source.open.set()
    assert await second == 1
    assert source.loads == 1


async def test_an_error_reaches_everyone_who_waits_and_is_not_kept() -> None:
    source = Source()
    cache: FreshCache[int] = FreshCache(TTL, Clock())
    source.error = ValueError("down")
    source.open.clear()
    asking = [asyncio.create_task(cache.get("a", source)) for _ in range(3)]
    await let_others_run()
    source.open.set()
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert found == [source.error] * 3
    source.error = None
    assert await cache.get("a", source) == 2


async def test_an_old_answer_does_not_stand_in_for_an_error() -> None:
    clock, source = Clock(), Source()
    cache: FreshCache[int] = FreshCache(TTL, clock)
    await cache.get("a", source)
    clock.forward(31)
    source.error = ValueError("down")
    with pytest.raises(ValueError, match="down"):
        await cache.get("a", source)


async def test_what_is_forgotten_is_asked_again() -> None:
    source = Source()
    cache: FreshCache[int] = FreshCache(TTL, Clock())
    await cache.get("a", source)
    cache.forget("a")
    cache.forget("never there")
    assert await cache.get("a", source) == 2


async def test_what_was_under_way_when_forgotten_is_not_kept() -> None:
    source, later = Source(), Source()
    later.loads = 10
    cache: FreshCache[int] = FreshCache(TTL, Clock())
    source.open.clear()
    asking = asyncio.create_task(cache.get("a", source))
    await let_others_run()
    cache.forget("a")
    with anyio.fail_after(5):
        assert await cache.get("a", later) == 11
    source.open.set()
    assert await asking == 1
    assert await cache.get("a", later) == 11


async def test_only_so_many_are_kept_and_the_oldest_goes_first() -> None:
    cache: FreshCache[int] = FreshCache(TTL, Clock(), most=3)
    sources = {key: Source() for key in "abcd"}
    for key, source in sources.items():
        await cache.get(key, source)
    for key in "dcb":
        assert await cache.get(key, sources[key]) == 1
    assert await cache.get("a", sources["a"]) == 2
    assert len(cache._kept) == 3
    assert not cache._in_flight
