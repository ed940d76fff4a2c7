"""The upstream reads requests as they come in over a connection: in pieces, and many at a time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from tests.bench.crm import Crm
from tests.bench.upstream import ROUND_TRIP, TOKEN_LINES, Connection, asked, body_length

CRM = Crm(companies=10, invoices=1, now=datetime(2026, 11, 24, tzinfo=UTC))
TOKEN = TOKEN_LINES[0][2:] + TOKEN_LINES[1][2:]
ASKED = b"GET /api/companies/co_0000000000000003 HTTP/1.1\r\nHost: x\r\n" + TOKEN + b"\r\n"
POSTED = b"POST /api/activities HTTP/1.1\r\nContent-Length: 2\r\n" + TOKEN + b"\r\n{}"


class Written(asyncio.Transport):
    """What a connection writes."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[bytes] = []
        self.written = asyncio.Event()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.answers.append(bytes(data))
        self.written.set()


def connected(delay: float = 0) -> tuple[Connection, Written]:
    connection, transport = Connection(CRM, delay), Written()
    connection.connection_made(transport)
    return connection, transport


def test_a_request_in_pieces_is_answered_once_it_is_whole() -> None:
    connection, transport = connected()
    connection.data_received(POSTED[:20])
    connection.data_received(POSTED[20:-1])
    assert transport.answers == []
    connection.data_received(POSTED[-1:])
    assert [answer.split(b"\r\n")[0] for answer in transport.answers] == [b"HTTP/1.1 201 Created"]


def test_requests_that_come_together_are_each_answered() -> None:
    connection, transport = connected()
    connection.data_received(POSTED + ASKED + ASKED)
    assert [answer.split()[1] for answer in transport.answers] == [b"201", b"200", b"200"]
    assert all(b"co_0000000000000003" in answer for answer in transport.answers[1:])


def test_an_answers_length_is_the_one_it_says() -> None:
    connection, transport = connected()
    connection.data_received(ASKED)
    head, _, body = transport.answers[0].partition(b"\r\n\r\n")
    assert body_length(head) == len(body)


async def test_a_delayed_answer_comes_later_and_never_to_a_closed_connection() -> None:
    closed, nothing = connected(delay=0.001)
    open_one, transport = connected(delay=0.001)
    closed.data_received(ASKED)
    closed.connection_lost(None)
    open_one.data_received(ASKED)
    assert transport.answers == []
    await asyncio.wait_for(transport.written.wait(), 5)
    assert (len(transport.answers), nothing.answers) == (1, [])


def test_a_round_trip_needs_no_token() -> None:
    connection, transport = connected()
    connection.data_received(f"GET {ROUND_TRIP} HTTP/1.1\r\n\r\n".encode())
    assert transport.answers[0].startswith(b"HTTP/1.1 200 OK")


def test_a_query_is_read_with_its_escapes() -> None:
    assert asked("search=a%40b.example&limit=1") == {"search": "a@b.example", "limit": "1"}
    assert asked("") == {"": ""}
