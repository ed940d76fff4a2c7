"""`Server-Timing`: where a page's time went, for developers alone."""

from __future__ import annotations

import re

import pytest

from tests.stage import stage

TOTAL = re.compile(r"total;dur=(\d+\.\d)")
CALLS = re.compile(r'sm-api;dur=(\d+\.\d);desc="(\d+) calls?"')


async def test_locally_a_page_tells_its_time_and_its_calls() -> None:
    async with stage() as on:
        browser = await on.signed_in("jane@acme.com")
        on.clock.forward(minutes=5)
        on.wire.calls.clear()
        told = (await browser.get("/invoices")).headers["server-timing"]
        await on.settle()
        total, calls = TOTAL.search(told), CALLS.search(told)
        assert total
        assert calls
        assert float(total[1]) > 0
        assert float(calls[1]) > 0
        assert 1 < int(calls[2]) <= len(on.wire.calls)


async def test_what_came_out_of_the_cache_is_told_too() -> None:
    async with stage(read_freshness=5.0) as on:
        browser = await on.signed_in("jane@acme.com")
        await browser.get("/invoices")
        told = (await browser.get("/invoices")).headers["server-timing"]
        found = re.search(r'cache;desc="([^"]+)"', told)
        assert found
        assert re.search(r"\d+ fresh", found[1])


async def test_a_page_that_asks_nobody_says_so() -> None:
    async with stage() as on:
        told = (await on.browser().get("/healthz")).headers["server-timing"]
        assert 'sm-api;dur=0.0;desc="0 calls"' in told
        assert "cache" not in told


async def test_what_answers_everybody_alike_tells_no_times() -> None:
    async with stage() as on:
        for prefix in ("/auth", "/api/auth"):
            asked = await on.browser().post(f"{prefix}/magic", data={"email": "jane@acme.com"})
            assert "server-timing" not in asked.headers
        await on.settle()


@pytest.mark.parametrize("environment", ["production", "staging"])
async def test_strangers_learn_no_times(environment: str) -> None:
    async with stage(environment=environment) as on:
        browser = await on.signed_in("jane@acme.com")
        for path in ("/", "/invoices", "/auth/login", "/healthz", "/no-such-page"):
            assert "server-timing" not in (await browser.get(path)).headers
