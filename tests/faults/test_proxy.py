from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2 as httpx
import pytest

from tests.faults.messages import Message, answer, read_message
from tests.faults.proxy import FaultProxy, controlled, proxying
from tests.faults.rules import LIST, READS, RECORD, WRITES, Kind, Rule
from tests.processes import free_ports

INVOICES = {"ok": True, "data": [{"id": "inv_1", "amount": 100}]}
SPOILED = (Kind.RESET, Kind.CUT, Kind.LOST)
CARRIED_OUT = (Kind.HALF, Kind.CUT, Kind.CONTENT_TYPE, Kind.LOST)
NOT_CARRIED_OUT = (
    *(Kind.RESET, Kind.ERROR_500, Kind.ERROR_502, Kind.ERROR_503),
    *(Kind.BUSY, Kind.HTML, Kind.LOGIN),
)


class Play:
    """A proxy, a browser in front of it, and what arrived behind it."""

    def __init__(self, proxy: FaultProxy, http: httpx.AsyncClient, arrived: list[str]) -> None:
        self.proxy = proxy
        self.http = http
        self.arrived = arrived


@asynccontextmanager
async def play() -> AsyncIterator[Play]:
    port, upstream = free_ports(2)
    arrived: list[str] = []

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_message(reader)
        assert isinstance(request, Message)
        arrived.append(request.start)
        writer.write(answer(200, "application/json", json.dumps(INVOICES).encode()).encoded())
        writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", upstream)
    async with (
        server,
        proxying(port, upstream) as proxy,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        yield Play(proxy, http, arrived)


async def test_without_rules_calls_are_passed_on_over_one_connection() -> None:
    async with play() as on:
        for _ in range(3):
            assert (await on.http.get("/api/invoices?limit=1")).json() == INVOICES
        assert on.arrived == ["GET /api/invoices?limit=1 HTTP/1.1"] * 3


@pytest.mark.parametrize("kind", CARRIED_OUT)
async def test_a_spoiled_answer_comes_after_the_call_was_carried_out(kind: Kind) -> None:
    async with play() as on:
        await on.proxy.obey([Rule(kind)])
        if kind in SPOILED:
            with pytest.raises(httpx.TransportError):
                await on.http.post("/api/activities", json={})
        else:
            answered = await on.http.post("/api/activities", json={})
            told = (answered.headers["content-type"], answered.content)
            assert told != ("application/json", json.dumps(INVOICES).encode())
        assert len(on.arrived) == 1


@pytest.mark.parametrize("kind", NOT_CARRIED_OUT)
async def test_other_faults_keep_the_call_from_arriving(kind: Kind) -> None:
    async with play() as on:
        await on.proxy.obey([Rule(kind)])
        if kind in SPOILED:
            with pytest.raises(httpx.TransportError):
                await on.http.post("/api/activities", json={})
        else:
            answered = await on.http.post("/api/activities", json={})
            assert "application/json" not in answered.headers["content-type"] or (
                answered.status_code == 429 and answered.headers["retry-after"] == "3"
            )
        assert on.arrived == []


async def test_a_refused_connection_is_refused_until_the_rule_is_taken_away() -> None:
    async with play() as on:
        await on.http.get("/api/invoices")
        await on.proxy.obey([Rule(Kind.REFUSED)])
        with pytest.raises(httpx.ConnectError):
            await on.http.get("/api/invoices")
        await on.proxy.obey([])
        assert (await on.http.get("/api/invoices")).json() == INVOICES


async def test_only_a_whole_server_can_refuse_connections() -> None:
    with pytest.raises(ValueError, match="refused before"):
        Rule(Kind.REFUSED, path=LIST)


@pytest.mark.parametrize(
    ("rule", "hit", "missed"),
    [
        (Rule(Kind.HTML, LIST, READS), ("GET", "/api/invoices"), ("GET", "/api/invoices/inv_1")),
        (Rule(Kind.HTML, RECORD, READS), ("GET", "/api/invoices/inv_1"), ("GET", "/api/invoices")),
        (Rule(Kind.HTML, method=WRITES), ("POST", "/api/activities"), ("GET", "/api/activities")),
    ],
    ids=["list", "record", "write"],
)
async def test_a_rule_is_for_lists_records_or_writes(
    rule: Rule, hit: tuple[str, str], missed: tuple[str, str]
) -> None:
    async with play() as on:
        await on.proxy.obey([rule])
        assert (await on.http.request(*hit)).headers["content-type"].startswith("text/html")
        assert (await on.http.request(*missed)).json() == INVOICES


async def test_a_fault_is_as_frequent_as_its_probability() -> None:
    async with play() as on:
        await on.proxy.obey([Rule(Kind.ERROR_503, probability=0.5)])
        statuses = [(await on.http.get("/api/invoices")).status_code for _ in range(60)]
        assert 15 < statuses.count(503) < 45
        assert on.proxy.made == {Kind.ERROR_503: statuses.count(503)}


@pytest.mark.parametrize("kind", [Kind.LATENCY, Kind.DRIP])
async def test_a_slow_answer_is_whole_in_the_end(kind: Kind) -> None:
    async with play() as on:
        await on.proxy.obey([Rule(kind, seconds=0.2)])
        started = time.monotonic()
        assert (await on.http.get("/api/invoices")).json() == INVOICES
        assert time.monotonic() - started > 0.15


async def test_it_is_told_over_http_what_to_do_and_tells_what_it_did() -> None:
    (control,) = free_ports(1)
    async with (
        play() as on,
        controlled(on.proxy, control),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{control}", trust_env=False) as told,
    ):
        answered = await told.put("/rules", json=[{"kind": "500", "path": LIST}])
        assert answered.status_code == 200
        assert (await on.http.get("/api/invoices")).status_code == 500
        assert (await told.get("/figures")).json() == {"made": {"500": 1}, "passed_on": 0}
        assert (await told.put("/rules", json=[{"kind": "no such"}])).status_code == 422
        assert [rule["kind"] for rule in (await told.get("/rules")).json()] == ["500"]
