"""Answers that are kept: fresh for seconds, last good for hours, each asked for once at a time."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import anyio
import pytest

from portal.crm.cache import RETRY_PAUSE, Keeping, Key, Patience, ReadCache, Reading, Sized
from portal.crm.reads import Need
from portal.errors import SMApiFault, SMApiNotFound, SMApiResting, SMApiUnreachable
from tests.crm.upstream import Clock

KEEPING = Keeping(fresh=timedelta(seconds=5), stale=timedelta(seconds=60), good=timedelta(hours=12))
KEY = Key("ours", "invoices")
MANY = 100


class Source:
    """Where answers come from: counts how often, and can be held back or made to fail."""

    def __init__(self, size: int = 1) -> None:
        self.loads = 0
        self.size = size
        self.value: int | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    async def __call__(self) -> Sized[int]:
        self.loads += 1
        number = self.loads
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return Sized(number if self.value is None else self.value, self.size)


def cache(clock: Clock | None = None, keeping: Keeping = KEEPING) -> ReadCache[int]:
    return ReadCache(keeping, clock or Clock())


async def let_others_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def told(reading: Reading[int]) -> tuple[int, bool]:
    return reading.value, reading.is_last_good


async def test_while_it_is_fresh_nobody_asks() -> None:
    clock, source = Clock(), Source()
    kept = cache(clock)
    assert told(await kept.get(KEY, source)) == (1, False)
    clock.forward(4.9)
    assert told(await kept.get(KEY, source)) == (1, False)
    await let_others_run()
    assert source.loads == 1


async def test_a_stale_answer_is_served_at_once_and_asked_for_anew_behind() -> None:
    clock, source = Clock(), Source()
    kept = cache(clock)
    await kept.get(KEY, source)
    clock.forward(59.9)
    assert told(await kept.get(KEY, source)) == (1, False)
    await let_others_run()
    assert told(await kept.get(KEY, source)) == (2, False)
    assert source.loads == 2


async def test_an_answer_past_its_time_is_asked_for_anew_first() -> None:
    clock, source = Clock(), Source()
    kept = cache(clock)
    await kept.get(KEY, source)
    clock.forward(60)
    assert told(await kept.get(KEY, source)) == (2, False)


async def test_when_it_cannot_be_asked_anew_the_last_good_answer_is_served_as_such() -> None:
    clock, source = Clock(), Source()
    kept = cache(clock)
    asked_at = (await kept.get(KEY, source)).asked_at
    clock.forward(3600)
    source.error = SMApiFault("down")
    reading = await kept.get(KEY, source)
    assert told(reading) == (1, True)
    assert reading.asked_at == asked_at


async def test_a_last_good_answer_is_not_good_for_ever() -> None:
    clock, source = Clock(), Source()
    kept = cache(clock)
    await kept.get(KEY, source)
    clock.forward(12 * 3600)
    source.error = SMApiFault("down")
    with pytest.raises(SMApiFault):
        await kept.get(KEY, source)


async def test_without_a_last_good_answer_the_failure_is_told() -> None:
    source = Source()
    source.error = SMApiFault("down")
    with pytest.raises(SMApiFault):
        await cache().get(KEY, source)


async def test_whoever_wants_no_last_good_answer_gets_the_failure() -> None:
    clock, source = Clock(), Source()
    kept = cache(clock)
    await kept.get(KEY, source)
    clock.forward(60)
    source.error = SMApiFault("down")
    for _ in range(2):
        with pytest.raises(SMApiFault):
            await kept.get(KEY, source, last_good=False)


async def test_a_failure_is_not_waited_for_again_at_once() -> None:
    clock, source = Clock(), Source()
    kept = cache(clock)
    await kept.get(KEY, source)
    clock.forward(60)
    source.error = SMApiFault("down")
    for _ in range(10):
        assert told(await kept.get(KEY, source)) == (1, True)
    assert source.loads == 2
    clock.forward(RETRY_PAUSE.total_seconds())
    source.error = None
    assert told(await kept.get(KEY, source)) == (3, False)


async def test_what_the_breaker_held_back_is_asked_as_soon_as_it_may_be() -> None:
    clock, source = Clock(), Source()
    kept = cache(clock)
    await kept.get(KEY, source)
    clock.forward(60)
    source.error = SMApiResting("open")
    assert told(await kept.get(KEY, source)) == (1, True)
    source.error = None
    assert told(await kept.get(KEY, source)) == (3, False)


async def test_a_refusal_is_an_answer_and_ends_what_was_kept() -> None:
    clock, source = Clock(), Source()
    kept = cache(clock)
    await kept.get(KEY, source)
    clock.forward(60)
    source.error = SMApiNotFound("gone", upstream_status=404, envelope={})
    with pytest.raises(SMApiNotFound):
        await kept.get(KEY, source)
    assert len(kept) == 0
    assert kept.bytes == 0


async def test_a_page_does_not_wait_longer_than_its_patience() -> None:
    clock, source = Clock(), Source()
    kept = cache(clock)
    await kept.get(KEY, source)
    clock.forward(60)
    source.open.clear()
    assert told(await kept.get(KEY, source, Patience(0.0))) == (1, True)
    with pytest.raises(SMApiUnreachable):
        await kept.get(Key("ours", "engagements"), source, Patience(0.0))
    source.open.set()
    await let_others_run()
    assert told(await kept.get(KEY, source)) == (2, False)


async def test_its_age_counts_from_before_the_call() -> None:
    clock, source = Clock(), Source()
    kept = cache(clock)
    source.open.clear()
    asking = asyncio.create_task(kept.get(KEY, source))
    await let_others_run()
    clock.forward(60)
    source.open.set()
    assert (await asking).value == 1
    assert (await kept.get(KEY, source)).value == 2


async def test_a_hundred_who_ask_at_once_share_one_call() -> None:
    source, kept = Source(), cache()
    source.open.clear()
    asking = [asyncio.create_task(kept.get(KEY, source)) for _ in range(MANY)]
    await let_others_run()
    source.open.set()
    assert {told(reading) for reading in await asyncio.gather(*asking)} == {(1, False)}
    assert source.loads == 1


async def test_an_error_reaches_everyone_who_waits_and_is_not_kept() -> None:
    source, kept = Source(), cache()
    source.error = SMApiFault("down")
    source.open.clear()
    asking = [asyncio.create_task(kept.get(KEY, source)) for _ in range(3)]
    await let_others_run()
    source.open.set()
    assert await asyncio.gather(*asking, return_exceptions=True) == [source.error] * 3
    source.error = None
    assert (await kept.get(KEY, source)).value == 2


async def test_when_whoever_started_goes_away_the_others_get_their_answer() -> None:
    source, kept = Source(), cache()
    source.open.clear()
    first = asyncio.create_task(kept.get(KEY, source))
    await let_others_run()
    second = asyncio.create_task(kept.get(KEY, source))
    await let_others_run()
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    source.open.set()
    assert (await second).value == 1
    assert source.loads == 1


async def test_two_groups_share_nothing() -> None:
    ours, theirs, kept = Source(), Source(), cache()
    theirs.value = 7
    assert (await kept.get(KEY, ours)).value == 1
    assert (await kept.get(Key("theirs", *KEY[1:]), theirs)).value == 7


async def test_what_has_changed_is_asked_for_before_it_is_shown_again() -> None:
    source, kept = Source(), cache()
    await kept.get(KEY, source)
    kept.expire("another")
    assert (await kept.get(KEY, source)).value == 1
    kept.expire(KEY.group)
    assert (await kept.get(KEY, source)).value == 2
    assert (await kept.get(KEY, source)).value == 2


async def test_what_was_under_way_when_it_changed_does_not_count() -> None:
    source, later, kept = Source(), Source(), cache()
    later.loads = 10
    source.open.clear()
    asking = asyncio.create_task(kept.get(KEY, source))
    await let_others_run()
    kept.expire(KEY.group)
    with anyio.fail_after(5):
        assert (await kept.get(KEY, later)).value == 11
    source.open.set()
    assert (await asking).value == 1
    assert (await kept.get(KEY, later)).value == 11


async def test_what_changed_while_nobody_can_be_asked_stays_last_good() -> None:
    source, kept = Source(), cache()
    await kept.get(KEY, source)
    kept.expire(KEY.group)
    source.error = SMApiFault("down")
    assert told(await kept.get(KEY, source)) == (1, True)


async def test_nothing_from_before_a_mark_is_taken() -> None:
    source, kept = Source(), cache()
    await kept.get(KEY, source)
    mark = kept.mark()
    assert (await kept.get(KEY, source, since=mark)).value == 2
    assert (await kept.get(KEY, source, since=mark)).value == 2


async def test_a_version_stays_for_as_long_as_the_value_does() -> None:
    clock, source = Clock(), Source()
    kept = cache(clock)
    source.value = 1
    first = await kept.get(KEY, source)
    clock.forward(60)
    again = await kept.get(KEY, source)
    source.value = 2
    clock.forward(60)
    changed = await kept.get(KEY, source)
    assert again.version == first.version != changed.version
    assert again.asked_at > first.asked_at


async def test_only_so_many_are_kept_and_what_was_not_asked_for_longest_goes_first() -> None:
    kept: ReadCache[int] = ReadCache(KEEPING, Clock(), most_entries=3)
    sources = {Key("ours", name): Source() for name in "abcd"}
    for key, source in sources.items():
        await kept.get(key, source)
        await kept.get(Key("ours", "a"), sources[Key("ours", "a")])
    assert [source.loads for source in sources.values()] == [1, 1, 1, 1]
    await kept.get(Key("ours", "b"), sources[Key("ours", "b")])
    assert sources[Key("ours", "b")].loads == 2
    assert len(kept) == 3


async def test_only_so_many_bytes_are_kept() -> None:
    kept: ReadCache[int] = ReadCache(KEEPING, Clock(), most_bytes=100)
    for name in "abc":
        await kept.get(Key("ours", name), Source(size=40))
    assert (len(kept), kept.bytes) == (2, 80)
    await kept.get(Key("ours", "huge"), Source(size=101))
    assert (len(kept), kept.bytes) == (0, 0)


async def test_each_reading_is_told_by_where_it_came_from() -> None:
    clock, source, outcomes = Clock(), Source(), list[tuple[str, str]]()
    kept: ReadCache[int] = ReadCache(
        KEEPING, clock, observe=lambda *outcome: outcomes.append(outcome)
    )
    await kept.get(KEY, source)
    await kept.get(KEY, source)
    clock.forward(6)
    await kept.get(KEY, source)
    await let_others_run()
    clock.forward(60)
    source.error = SMApiFault("down")
    await kept.get(KEY, source)
    with suppress(SMApiFault):
        await kept.get(Key("ours", "company"), source)
    assert outcomes == [
        ("invoices", "missed"),
        ("invoices", "fresh"),
        ("invoices", "stale"),
        ("invoices", "last_good"),
        ("company", "unavailable"),
    ]


async def test_what_is_asked_for_ahead_is_there_when_it_is_wanted() -> None:
    clock, source = Clock(), Source()
    kept = cache(clock)
    kept.ask(KEY, source)
    kept.ask(KEY, source)
    assert told(await kept.get(KEY, source)) == (1, False)
    kept.ask(KEY, source)
    await let_others_run()
    assert source.loads == 1
    clock.forward(3600)
    kept.ask(KEY, source)
    await let_others_run()
    assert told(await kept.get(KEY, source)) == (2, False)
    assert source.loads == 2


async def test_what_has_changed_or_never_counts_as_fresh_is_not_had_from_asking_ahead() -> None:
    source = Source()
    kept = cache()
    await kept.get(KEY, source)
    kept.expire(KEY.group)
    kept.ask(KEY, source)
    assert told(await kept.get(KEY, source)) == (2, False)
    never = cache(keeping=Keeping(timedelta(0), timedelta(0), timedelta(hours=12)))
    never.ask(KEY, source)
    await let_others_run()
    assert source.loads == 2


async def test_asking_ahead_in_vain_is_nobodys_trouble_and_is_not_done_again_at_once() -> None:
    clock, source = Clock(), Source()
    kept = cache(clock)
    await kept.get(KEY, source)
    clock.forward(3600)
    source.error = SMApiFault("down")
    for _ in range(3):
        kept.ask(KEY, source)
        await let_others_run()
    assert source.loads == 2
    assert told(await kept.get(KEY, source)) == (1, True)


@pytest.mark.parametrize(
    ("seconds", "value"), [(0, None), (59.9, None), (60, 1), (43199, 1), (43200, None)]
)
async def test_overdue_is_what_has_to_be_waited_for(seconds: float, value: int | None) -> None:
    clock, source = Clock(), Source()
    kept = cache(clock)
    assert kept.overdue(KEY) is None
    await kept.get(KEY, source)
    clock.forward(seconds)
    assert kept.overdue(KEY) == value
    assert source.loads == 1


async def test_it_is_told_until_when_a_version_is_fresh_and_when_to_look_again() -> None:
    clock, source = Clock(), Source()
    source.value = 7
    kept = cache(clock)
    asked = clock()
    reading = await kept.get(KEY, source)
    wanted = [Need(KEY, source, reading.version)]
    until, changes = asked + KEEPING.fresh, kept.changes
    assert kept.fresh_until(wanted, clock()) == until
    assert kept.fresh_until(wanted, until - timedelta.resolution) == until
    assert kept.fresh_until(wanted, until) is None
    assert kept.fresh_until([Need(KEY, source, reading.version + 1)], clock()) is None
    assert kept.fresh_until([Need(Key("theirs", "invoices"), source, 1)], clock()) is None
    # The same again is no change, another value is one.
    await kept.get(KEY, source, since=kept.mark())
    assert kept.changes == changes
    source.value = 8
    await kept.get(KEY, source, since=kept.mark())
    assert kept.changes != changes
    assert kept.fresh_until(wanted, clock()) is None


async def test_an_end_and_what_is_known_to_have_changed_are_changes_too() -> None:
    source = Source()
    kept = cache()
    reading = await kept.get(KEY, source)
    wanted, changes = [Need(KEY, source, reading.version)], kept.changes
    kept.expire("ours")
    assert kept.changes != changes
    assert kept.fresh_until(wanted, Clock()()) is None
    changes = kept.changes
    source.error = SMApiNotFound("gone", upstream_status=404, envelope={})
    with pytest.raises(SMApiNotFound):
        await kept.get(KEY, source)
    assert kept.changes != changes
