from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from portal.edge.queue import Depth, Message, Queue, open_queue
from tests.redis import ENGINES, new_queue, redis_url


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=ENGINES)
async def queue(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Queue]:
    opened = new_queue(request.param, clock)
    yield opened
    await opened.close()


async def send(queue: Queue, *ids: str) -> None:
    """Send messages whose key is the first letter of their id."""
    for name in ids:
        await queue.send(name.encode(), key=name[0], id=name)


async def take(queue: Queue, batch: int = 20, lease: float = 30) -> list[str]:
    return [message.id for message in await queue.receive(batch, lease)]


async def test_a_message_is_handed_out_as_it_was_sent(queue: Queue) -> None:
    await queue.send(b"\x00body", key="ct_abc123", id="one")
    [message] = await queue.receive(20, 30)
    assert (message.id, message.key, message.body) == ("one", "ct_abc123", b"\x00body")
    assert message.attempts == 1


async def test_the_same_id_twice_is_one_message(queue: Queue) -> None:
    await queue.send(b"first", key="a", id="a1")
    await queue.send(b"second", key="b", id="a1")
    [message] = await queue.receive(20, 30)
    assert message.body == b"first"
    assert (await queue.depth()).waiting == 1


async def test_a_confirmed_message_is_gone(queue: Queue, clock: Clock) -> None:
    await send(queue, "a1")
    [message] = await queue.receive(20, 30)
    await queue.ack(message)
    clock.now += 60
    assert await take(queue) == []
    assert await queue.depth() == Depth(waiting=0, dead=0, oldest_age_seconds=0)


async def test_an_unanswered_message_comes_back_when_its_lease_ends(
    queue: Queue, clock: Clock
) -> None:
    await send(queue, "a1")
    assert await take(queue, lease=30) == ["a1"]
    clock.now += 29.9
    assert await take(queue) == []
    clock.now += 0.1
    [message] = await queue.receive(20, 30)
    assert message.attempts == 2


async def test_messages_of_one_key_go_one_at_a_time_in_order(queue: Queue) -> None:
    await send(queue, "a1", "a2", "a3")
    for expected in ("a1", "a2", "a3"):
        [message] = await queue.receive(20, 30)
        assert message.id == expected
        assert await take(queue) == []
        await queue.ack(message)


async def test_keys_do_not_wait_for_each_other(queue: Queue) -> None:
    await send(queue, "a1", "a2", "b1", "c1")
    assert await take(queue) == ["a1", "b1", "c1"]


async def test_a_message_that_waits_for_its_retry_holds_back_its_own_key_alone(
    queue: Queue, clock: Clock
) -> None:
    await send(queue, "a1", "a2", "b1")
    first, _ = await queue.receive(20, 30)
    await queue.retry(first, 100, "busy")
    clock.now += 99
    assert await take(queue) == ["b1"]
    clock.now += 1
    assert await take(queue) == ["a1"]


async def test_no_more_than_a_batch_is_handed_out_and_the_oldest_first(queue: Queue) -> None:
    await send(queue, "c1", "b1", "a1")
    assert await take(queue, batch=2) == ["c1", "b1"]
    assert await take(queue, batch=2) == ["a1"]


@pytest.mark.parametrize("answer", ["ack", "retry", "bury"])
async def test_an_answer_about_a_lease_that_another_took_over_changes_nothing(
    queue: Queue, clock: Clock, answer: str
) -> None:
    await send(queue, "a1")
    [late] = await queue.receive(20, 30)
    clock.now += 30
    [current] = await queue.receive(20, 30)
    match answer:
        case "ack":
            await queue.ack(late)
        case "retry":
            await queue.retry(late, 0, "late")
        case _:
            await queue.bury(late, "late")
    assert await take(queue) == []
    assert await queue.depth() == Depth(waiting=1, dead=0, oldest_age_seconds=30)
    await queue.ack(current)
    assert (await queue.depth()).waiting == 0


async def test_a_lease_that_ended_still_counts_while_nobody_took_it_over(
    queue: Queue, clock: Clock
) -> None:
    await send(queue, "a1")
    [message] = await queue.receive(20, 30)
    clock.now += 31
    await queue.ack(message)
    assert (await queue.depth()).waiting == 0


async def test_a_dead_letter_is_kept_with_its_reason_and_lets_the_next_go(
    queue: Queue, clock: Clock
) -> None:
    await send(queue, "a1", "a2")
    [message] = await queue.receive(20, 30)
    clock.now += 5
    await queue.bury(message, "refused: 422")
    [letter] = await queue.dead()
    assert (letter.id, letter.key, letter.body) == ("a1", "a", b"a1")
    assert (letter.attempts, letter.detail) == (1, "refused: 422")
    assert letter.buried_at == clock.now
    assert await take(queue) == ["a2"]
    assert await queue.depth() == Depth(waiting=1, dead=1, oldest_age_seconds=5)


async def test_a_replayed_dead_letter_goes_first_again_with_fresh_attempts(queue: Queue) -> None:
    await send(queue, "a1", "a2")
    [message] = await queue.receive(20, 30)
    await queue.bury(message, "refused")
    assert await queue.replay("a1")
    assert await queue.dead() == []
    [again] = await queue.receive(20, 30)
    assert (again.id, again.attempts) == ("a1", 1)
    await queue.ack(message)
    assert (await queue.depth()).waiting == 2


async def test_what_is_no_dead_letter_is_not_replayed(queue: Queue) -> None:
    await send(queue, "a1")
    assert not await queue.replay("a1")
    assert not await queue.replay("nothing")


async def test_the_age_is_that_of_the_oldest_that_waits(queue: Queue, clock: Clock) -> None:
    await send(queue, "a1")
    clock.now += 40
    await send(queue, "b1")
    clock.now += 2
    assert await queue.depth() == Depth(waiting=2, dead=0, oldest_age_seconds=42)


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where more than one connection meets."""
    return redis_url() if request.param == "redis" else f"sqlite:{tmp_path}/activities.db"


async def test_two_connections_share_one_queue_and_never_one_message(url: str) -> None:
    one, other = open_queue(url), open_queue(url)
    names = [f"{letter}1" for letter in "abcdefghij"]
    await send(one, *names)
    batches = await asyncio.gather(*(q.receive(3, 30) for q in (one, other, one, other)))
    assert sorted(message.id for batch in batches for message in batch) == names
    await one.close()
    await other.close()


async def test_what_is_in_a_queue_outlives_it(url: str) -> None:
    first = open_queue(url)
    await send(first, "a1")
    await first.close()
    again = open_queue(url)
    assert await take(again) == ["a1"]
    await again.close()


SENDER = """
import asyncio, sys
from portal.edge.queue import open_queue

async def main():
    queue = open_queue(sys.argv[1])
    for number in range(1_000_000):
        await queue.send(b"x" * 500, key=str(number % 7), id=str(number))
        print(number, flush=True)

asyncio.run(main())
"""


def ids_sent_until_killed(url: str, lines: int) -> set[str]:
    """What a sender said it had sent before SIGKILL ended it, some time after `lines` messages."""
    process = subprocess.Popen(
        [sys.executable, "-c", SENDER, url], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    said += process.stdout.readlines()
    process.stdout.close()
    assert process.wait(timeout=10) == -signal.SIGKILL
    return {line.strip() for line in said if line.endswith("\n")}


@pytest.mark.parametrize("lines", [1, 40, 150])
async def test_what_was_taken_in_is_there_after_the_process_is_killed(url: str, lines: int) -> None:
    taken_in = ids_sent_until_killed(url, lines)
    queue = open_queue(url)
    found = set()
    while batch := await queue.receive(100, 3600):
        for message in batch:
            assert message.body == b"x" * 500
            found.add(message.id)
            await queue.ack(message)
    await queue.close()
    assert len(taken_in) >= lines
    assert taken_in <= found
    assert len(found) <= len(taken_in) + 1


class LikeALine(RuleBasedStateMachine):
    """Two readers and any clock: order by key, one lease at a time, nothing lost, nothing twice."""

    engine = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.queue = new_queue(self.engine, self.clock)
        self.loop = asyncio.new_event_loop()
        self.sent = 0
        self.line: list[str] = []
        self.due: dict[str, float] = {}
        self.held: dict[str, Message] = {}
        self.stale: list[Message] = []
        self.buried: list[str] = []

    @rule(key=st.sampled_from("abc"))
    def send(self, key: str) -> None:
        name = f"{key}{self.sent:04}"
        self.sent += 1
        self.loop.run_until_complete(self.queue.send(name.encode(), key=key, id=name))
        self.line.append(name)
        self.due[name] = self.clock.now

    @rule(seconds=st.integers(1, 40))
    def time_passes(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule(batch=st.integers(1, 4), lease=st.integers(1, 30))
    def receive(self, batch: int, lease: int) -> None:
        heads = {name[0]: name for name in reversed(self.line)}.values()
        ready = [name for name in self.line if name in heads and self.due[name] <= self.clock.now]
        messages = self.loop.run_until_complete(self.queue.receive(batch, lease))
        assert [message.id for message in messages] == ready[:batch]
        for message in messages:
            if message.id in self.held:
                self.stale.append(self.held[message.id])
            self.held[message.id] = message
            self.due[message.id] = self.clock.now + lease

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        message = self.held.pop(data.draw(st.sampled_from(sorted(self.held))))
        self.loop.run_until_complete(self.queue.ack(message))
        self.line.remove(message.id)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), delay=st.integers(0, 60))
    def retry(self, data: st.DataObject, delay: int) -> None:
        message = self.held.pop(data.draw(st.sampled_from(sorted(self.held))))
        self.loop.run_until_complete(self.queue.retry(message, delay, "busy"))
        self.due[message.id] = self.clock.now + delay
        self.stale.append(message)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def bury(self, data: st.DataObject) -> None:
        message = self.held.pop(data.draw(st.sampled_from(sorted(self.held))))
        self.loop.run_until_complete(self.queue.bury(message, "refused"))
        self.line.remove(message.id)
        self.buried.append(message.id)
        self.stale.append(message)

    @precondition(lambda self: self.buried)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.buried)))
        assert self.loop.run_until_complete(self.queue.replay(name))
        self.buried.remove(name)
        self.line = sorted([*self.line, name], key=lambda other: other[1:])
        self.due[name] = self.clock.now

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def a_late_reader_answers(self, data: st.DataObject) -> None:
        message = data.draw(st.sampled_from(self.stale))
        self.loop.run_until_complete(self.queue.ack(message))
        self.loop.run_until_complete(self.queue.retry(message, 0, "late"))
        self.loop.run_until_complete(self.queue.bury(message, "late"))

    @invariant()
    def nothing_is_lost(self) -> None:
        depth = self.loop.run_until_complete(self.queue.depth())
        assert (depth.waiting, depth.dead) == (len(self.line), len(self.buried))
        dead = self.loop.run_until_complete(self.queue.dead())
        assert [letter.id for letter in dead] == sorted(self.buried, key=lambda name: name[1:])

    def teardown(self) -> None:
        self.loop.run_until_complete(self.queue.close())
        self.loop.close()


class OnRedis(LikeALine):
    """The same there."""

    engine = "redis"


LikeALine.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
OnRedis.TestCase.settings = settings(max_examples=15, stateful_step_count=40, deadline=None)
TestLikeALine = LikeALine.TestCase
TestOnRedis = OnRedis.TestCase
