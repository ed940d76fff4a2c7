from __future__ import annotations

import asyncio
from random import Random

import pytest

from tests.faults.messages import answer, read_message
from tests.load.clients import Tally, Visit
from tests.load.growth import Sample, after_warm_up, growth


def test_growth_is_what_10_000_requests_add_after_the_warm_up() -> None:
    filling = [Sample(n * 1000, 60 + n * 10.0) for n in range(3)]
    steady = [Sample(n * 1000, 90 + n * 0.05) for n in range(3, 9)]
    assert growth(after_warm_up([*filling, *steady])) == pytest.approx(0.5)


async def test_every_answer_but_200_and_every_lost_connection_is_an_error() -> None:
    statuses = iter([200, 503, 200, 404])

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_message(reader) is not None:
            status = next(statuses, None)
            if status is None:
                writer.transport.abort()
                return
            writer.write(answer(status, "text/html", b"<p>").encoded())

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    tally = Tally()
    async with server:
        await Visit(["/ token"], 0, lambda: bool(tally.failures), Random(1)).pay(port, tally)
    assert tally.statuses == {200: 2, 503: 1, 404: 1}
    assert sum(tally.failures.values()) == 1
    assert tally.errors == 3
