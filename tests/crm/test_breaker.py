"""The circuit breaker: what fails again and again is left alone, and tried by one call."""

from __future__ import annotations

from contextlib import suppress

import httpx2 as httpx
import pytest

from portal.crm.breaker import FAILURES, LONGEST_PAUSE, PROBE_SECONDS, Breaker
from portal.crm.retry import MAX_ATTEMPTS
from portal.errors import (
    SMApiError,
    SMApiFault,
    SMApiNotFound,
    SMApiResting,
    SMApiUnreachable,
)
from tests.crm.upstream import Upstream, ok, refusal


class Seconds:
    """A timer that moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def breaker(seconds: Seconds) -> Breaker:
    return Breaker(seconds, jitter=lambda: 0.0)


def fail(breaker: Breaker, times: int = FAILURES) -> None:
    for _ in range(times):
        breaker.failed(was_probe=breaker.admit())


def test_it_opens_after_so_many_failures_in_a_row(breaker: Breaker) -> None:
    fail(breaker, FAILURES - 1)
    breaker.succeeded()
    fail(breaker, FAILURES - 1)
    assert not breaker.is_open
    fail(breaker, 1)
    with pytest.raises(SMApiResting):
        breaker.admit()


def test_after_its_pause_one_call_probes_and_the_others_wait(
    breaker: Breaker, seconds: Seconds
) -> None:
    fail(breaker)
    seconds.now += 1
    assert breaker.admit()
    with pytest.raises(SMApiResting):
        breaker.admit()
    breaker.succeeded()
    assert not breaker.admit()


def test_a_probe_that_fails_makes_it_wait_longer_but_not_for_ever(
    breaker: Breaker, seconds: Seconds
) -> None:
    fail(breaker)
    for _ in range(5):
        seconds.now += LONGEST_PAUSE
        fail(breaker, 1)
    seconds.now += LONGEST_PAUSE - 0.1
    with pytest.raises(SMApiResting):
        breaker.admit()
    seconds.now += 0.1
    assert breaker.admit()


def test_a_probe_that_was_given_up_makes_room_for_another(
    breaker: Breaker, seconds: Seconds
) -> None:
    fail(breaker)
    seconds.now += 1
    breaker.abandoned(was_probe=breaker.admit())
    assert breaker.admit()


def test_what_was_under_way_when_it_opened_does_not_end_the_probe(
    breaker: Breaker, seconds: Seconds
) -> None:
    late = breaker.admit()
    fail(breaker)
    seconds.now += 1
    breaker.admit()
    breaker.failed(was_probe=late)
    with pytest.raises(SMApiResting):
        breaker.admit()


def test_a_retry_after_is_honoured_from_the_first(breaker: Breaker, seconds: Seconds) -> None:
    breaker.failed(was_probe=breaker.admit(), retry_after=30)
    seconds.now += 29.9
    with pytest.raises(SMApiResting):
        breaker.admit()
    seconds.now += 0.1
    assert breaker.admit()


def test_a_retry_after_beyond_reason_is_not(breaker: Breaker, seconds: Seconds) -> None:
    breaker.failed(was_probe=breaker.admit(), retry_after=86_400)
    seconds.now += 60
    assert breaker.admit()


def test_recovery_is_noticed_within_five_seconds_whatever_the_jitter() -> None:
    assert LONGEST_PAUSE + PROBE_SECONDS < 5


def test_it_tells_when_it_turns_and_only_then(seconds: Seconds) -> None:
    turns = list[bool]()
    breaker = Breaker(seconds, observe=turns.append)
    fail(breaker)
    seconds.now += 2
    fail(breaker, 1)
    breaker.succeeded()
    breaker.succeeded()
    assert turns == [True, False]


async def test_the_client_stops_asking_and_asks_again_when_it_may(seconds: Seconds) -> None:
    upstream = Upstream(lambda _request: httpx.Response(500))
    sm = upstream.client(breaker=Breaker(seconds))
    for _ in range(10):
        with pytest.raises(SMApiError):
            await sm.get("/api/invoices")
    assert len(upstream.calls) == FAILURES * MAX_ATTEMPTS
    asked = len(upstream.calls)
    upstream.answer = lambda _request: ok([])
    with pytest.raises(SMApiResting):
        await sm.get("/api/invoices")
    seconds.now += LONGEST_PAUSE
    assert await sm.get("/api/invoices") == []
    assert await sm.get("/api/invoices") == []
    assert len(upstream.calls) == asked + 2


async def test_a_call_that_nobody_takes_counts_each_time(seconds: Seconds) -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    upstream = Upstream(refuse)
    sm = upstream.client(breaker=Breaker(seconds))
    for _ in range(10):
        with pytest.raises(SMApiUnreachable):
            await sm.get("/api/invoices")
    assert len(upstream.calls) == FAILURES


async def test_a_probe_is_not_repeated(seconds: Seconds) -> None:
    upstream = Upstream(lambda _request: httpx.Response(500))
    breaker = Breaker(seconds)
    fail(breaker)
    seconds.now += LONGEST_PAUSE
    with pytest.raises(SMApiFault):
        await upstream.client(breaker=breaker).get("/api/invoices")
    assert len(upstream.calls) == 1


async def test_a_refusal_is_an_answer(seconds: Seconds) -> None:
    upstream = Upstream(lambda _request: refusal(404))
    sm = upstream.client(breaker=Breaker(seconds))
    for _ in range(FAILURES + 1):
        with pytest.raises(SMApiNotFound):
            await sm.get("/api/invoices/inv_1")


async def test_what_is_no_answer_counts_whatever_it_looks_like(seconds: Seconds) -> None:
    pages = [
        httpx.Response(200, html="<h1>Sign in</h1>"),
        httpx.Response(302, headers={"Location": "https://login.example"}),
        httpx.Response(200, content=b'{"ok": tr', headers={"Content-Type": "application/json"}),
        httpx.Response(429),
        httpx.Response(503),
    ]
    upstream = Upstream(lambda _request: pages[len(upstream.calls) % len(pages)])
    breaker = Breaker(seconds)
    sm = upstream.client(breaker=breaker)
    for _ in range(FAILURES):
        with suppress(SMApiFault, SMApiError):
            await sm.get("/api/invoices")
    assert breaker.is_open
