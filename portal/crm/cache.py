"""What SM API said, kept: as it is while fresh, as last good data when it cannot be asked.

age     0 ─── fresh ─────────── stale ───────────────────────── good ───
served  at once │ at once, and     │ once asked anew; as last good  │ once asked
        as it is│ asked anew behind│ data if that fails or lingers  │ anew, or not
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, Literal, NamedTuple, Protocol, TypeVar

from msgspec import Struct

from portal.errors import SMApiError, SMApiRejected, SMApiResting, SMApiUnreachable

V = TypeVar("V")

PAGE_SECONDS: Final = 2.0
"""How long a page waits for SM API, all its readings together."""

RETRY_PAUSE: Final = timedelta(seconds=2)
"""What could not be asked is not asked again before this has passed, as long as there is last good
data: a page does not wait for the same failure twice."""

MOST_ENTRIES: Final = 20_000
MOST_BYTES: Final = 8 * 1024 * 1024

Outcome = Literal["fresh", "stale", "missed", "last_good", "unavailable"]
Observe = Callable[[str, Outcome], None]
"""Told of each reading: the resource (`invoices`) and what came of it."""


Load = Callable[[], Coroutine[Any, Any, "Sized[V]"]]
"""Asks SM API for a value."""


class Key(NamedTuple):
    """What decides an answer. `group` is whose it is: nothing is shared between two groups."""

    group: Hashable
    resource: str
    rest: Hashable = None


@dataclass(frozen=True)
class Keeping:
    """Until which age an answer is served: without asking, while asking, and when asking fails."""

    fresh: timedelta
    stale: timedelta
    good: timedelta


class Patience:
    """The time that one page has left to wait for SM API."""

    def __init__(self, seconds: float = PAGE_SECONDS) -> None:
        self._until = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds, never below zero."""
        return max(0.0, self._until - time.monotonic())


class Sized(Struct, Generic[V], frozen=True):
    """A value and the bytes of the answer that it was made from."""

    value: V
    size: int = 0


class Reading(Struct, Generic[V], frozen=True):
    """A value as SM API gave it when it was asked at `asked_at`.

    `version` stays the same for as long as the value does. `is_last_good`: it could not be asked
    anew since, or not in time.
    """

    value: V
    asked_at: datetime
    version: int
    is_last_good: bool = False


class _Entry(Struct, Generic[V], frozen=True):
    reading: Reading[V]
    size: int
    sequence: int
    retry_at: datetime | None = None


class Flight(Struct, Generic[V], frozen=True):
    """A call that is under way, for everybody who waits for what it brings."""

    task: asyncio.Task[Reading[V]]
    sequence: int
    started: float


class Versioned(Protocol):
    """A reading that something was made of."""

    @property
    def key(self) -> Key:
        """Which."""

    @property
    def version(self) -> int:
        """Which of its values."""


class ReadCache(Generic[V]):
    """Readings by key, one call in flight for each, bounded by entries and by bytes.

    Age counts from before the call was made. Refusals of SM API (4xx) are answers: they pass
    through and end what was kept. Whoever started a call may go away: it goes on for the others.
    """

    def __init__(
        self,
        keeping: Keeping,
        clock: Callable[[], datetime],
        *,
        most_entries: int = MOST_ENTRIES,
        most_bytes: int = MOST_BYTES,
        observe: Observe | None = None,
    ) -> None:
        self._keeping = keeping
        self._clock = clock
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._observe = observe
        self.changes = 0
        """Another number whenever something is another thing now, or is not known any more."""
        self._bytes = 0
        self._sequence = 0
        self._entries: OrderedDict[Key, _Entry[V]] = OrderedDict()
        self._flights: dict[Key, Flight[V]] = {}
        self._expired: OrderedDict[Hashable, int] = OrderedDict()

    def __len__(self) -> int:
        """How many answers are kept."""
        return len(self._entries)

    @property
    def bytes(self) -> int:
        """How large the answers were that are kept."""
        return self._bytes

    def mark(self) -> int:
        """A point in time, for `get(since=...)`."""
        return self._sequence

    def expire(self, group: Hashable) -> None:
        """Something of this group has changed: ask anew before anything of it is served as fresh.

        What is being asked already does not count. Last good data stays what it is.
        """
        self.changes += 1
        self._expired[group] = self._sequence
        self._expired.move_to_end(group)
        while len(self._expired) > self._most_entries:
            self._expired.popitem(last=False)

    def drop(self) -> None:
        """Forget everything, last good data too."""
        self.changes += 1
        self._entries.clear()
        self._bytes = 0

    async def get(
        self,
        key: Key,
        load: Load[V],
        patience: Patience | None = None,
        *,
        since: int = 0,
        last_good: bool = True,
    ) -> Reading[V]:
        """The reading of `key`, by `load` when none is fresh; one from before `since` is not.

        Waits for as long as `patience` says. Raises what `load` raises, when there is no last good
        data or it is not wanted; SMApiUnreachable when patience is at its end.
        """
        begun = self.begin(key, load, since=since, last_good=last_good)
        if isinstance(begun, Reading):
            return begun
        return await self.landed(key, begun, patience, last_good=last_good)

    def begin(
        self,
        key: Key,
        load: Load[V],
        *,
        since: int = 0,
        last_good: bool = True,
    ) -> Reading[V] | Flight[V]:
        """The first half of `get`: what is served at once, else the call that is now under way."""
        at_once = self.at_once(key, load, since=since, last_good=last_good)
        return at_once or self._flight(key, load, self._oldest(key, since))

    async def landed(
        self,
        key: Key,
        flight: Flight[V],
        patience: Patience | None = None,
        *,
        last_good: bool = True,
    ) -> Reading[V]:
        """The second half of `get`. Raises as it does."""
        try:
            return self._served(key, "missed", await _landed(flight, patience))
        except SMApiRejected:
            raise
        except SMApiError:
            entry = self._entries.get(key)
            if entry is None or not last_good or self._age(entry) >= self._keeping.good:
                self._tell(key, "unavailable")
                raise
            return self._served(key, "last_good", _last_good(entry))

    def at_once(
        self,
        key: Key,
        load: Load[V],
        *,
        since: int = 0,
        last_good: bool = True,
    ) -> Reading[V] | None:
        """What `get` gives without waiting; None when it has to wait."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        return self._at_once(key, entry, load, self._oldest(key, since), last_good=last_good)

    def fresh_until(self, wanted: Iterable[Versioned], now: datetime) -> datetime | None:
        """Until when `get` gives each of these versions as fresh, unless `changes` changes.

        None when it does not give one of them so at `now`. They count as asked for.
        """
        oldest = now
        for one in wanted:
            key = one.key
            entry = self._entries.get(key)
            if entry is None or entry.reading.version != one.version:
                return None
            if entry.sequence <= self._expired.get(key.group, 0):
                return None
            oldest = min(oldest, entry.reading.asked_at)
            self._entries.move_to_end(key)
        until = oldest + self._keeping.fresh
        return until if now < until else None

    def ask(self, key: Key, load: Load[V]) -> None:
        """Have it asked for, unless it is fresh or could just not be asked for; nobody waits.

        Where nothing counts as fresh there is nothing to be had from that.
        """
        if not self._keeping.fresh:
            return
        entry, oldest = self._entries.get(key), self._expired.get(key.group, 0)
        if entry is not None:
            is_fresh = entry.sequence > oldest and self._age(entry) < self._keeping.fresh
            if is_fresh or entry.retry_at is not None:
                return
        self._flight(key, load, oldest)

    def has(self, key: Key) -> bool:
        """Whether anything is kept of it, however old."""
        return key in self._entries

    def overdue(self, key: Key) -> V | None:
        """What was kept of it last, if it is so old that whoever asks for it has to wait."""
        entry = self._entries.get(key)
        if entry is None or entry.retry_at is not None:
            return None
        age = self._age(entry)
        return entry.reading.value if self._keeping.stale <= age < self._keeping.good else None

    def _at_once(
        self,
        key: Key,
        entry: _Entry[V],
        load: Load[V],
        oldest: int,
        *,
        last_good: bool,
    ) -> Reading[V] | None:
        """What is served without waiting; None when it has to be asked for first."""
        self._entries.move_to_end(key)
        age, is_current = self._age(entry), entry.sequence > oldest
        if is_current and age < self._keeping.fresh:
            return self._served(key, "fresh", entry.reading)
        if entry.retry_at is None:
            if is_current and age < self._keeping.stale:
                self._flight(key, load, oldest)
                return self._served(key, "stale", entry.reading)
        elif last_good and self._clock() < entry.retry_at and age < self._keeping.good:
            return self._served(key, "last_good", _last_good(entry))
        return None

    def _oldest(self, key: Key, since: int) -> int:
        """What was asked for after this counts."""
        return max(since, self._expired.get(key.group, 0))

    def _age(self, entry: _Entry[V]) -> timedelta:
        return self._clock() - entry.reading.asked_at

    def _flight(self, key: Key, load: Load[V], oldest: int) -> Flight[V]:
        flight = self._flights.get(key)
        if flight is None or flight.sequence <= oldest:
            self._sequence += 1
            task = asyncio.get_running_loop().create_task(self._load(key, load, self._sequence))
            flight = Flight(task, self._sequence, time.monotonic())
            self._flights[key] = flight
            task.add_done_callback(lambda done: self._land(key, done))
        return flight

    async def _load(self, key: Key, load: Load[V], sequence: int) -> Reading[V]:
        asked_at = self._clock()
        try:
            loaded = await load()
        except SMApiRejected:
            self.changes += 1
            self._drop(key)
            raise
        except SMApiError as error:
            self._note_failure(key, error)
            raise
        return self._keep(key, loaded, asked_at, sequence)

    def _keep(self, key: Key, loaded: Sized[V], asked_at: datetime, sequence: int) -> Reading[V]:
        before = self._entries.get(key)
        is_same = before is not None and before.reading.value == loaded.value
        # The same value is kept as the same object, so that what was made of it can be kept too.
        value, version = (
            (before.reading.value, before.reading.version)
            if before is not None and is_same
            else (loaded.value, sequence)
        )
        reading = Reading(value, asked_at, version)
        self.changes += not is_same
        if before is None or before.sequence < sequence:
            self._drop(key)
            self._entries[key] = _Entry(reading, loaded.size, sequence)
            self._bytes += loaded.size
            while len(self._entries) > self._most_entries or self._bytes > self._most_bytes:
                self._drop(next(iter(self._entries)))
        return reading

    def _note_failure(self, key: Key, error: SMApiError) -> None:
        entry = self._entries.get(key)
        # A call that was not made costs nothing, and is worth making the moment it may be.
        pause = timedelta(0) if isinstance(error, SMApiResting) else RETRY_PAUSE
        if entry is not None:
            self._entries[key] = _Entry(
                entry.reading, entry.size, entry.sequence, self._clock() + pause
            )

    def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        self._bytes -= entry.size if entry else 0

    def _land(self, key: Key, task: asyncio.Task[Reading[V]]) -> None:
        flight = self._flights.get(key)
        if flight is not None and flight.task is task:
            del self._flights[key]
        if not task.cancelled():
            task.exception()  # read it, so that an error nobody waits for any more is not "lost"

    def _served(self, key: Key, outcome: Outcome, reading: Reading[V]) -> Reading[V]:
        self._tell(key, outcome)
        return reading

    def _tell(self, key: Key, outcome: Outcome) -> None:
        if self._observe is not None:
            self._observe(key.resource, outcome)


def _last_good(entry: _Entry[V]) -> Reading[V]:
    reading = entry.reading
    return Reading(reading.value, reading.asked_at, reading.version, is_last_good=True)


async def _landed(flight: Flight[V], patience: Patience | None) -> Reading[V]:
    """What the flight brings. Raises SMApiUnreachable when it takes longer than may be waited.

    A flight that others have waited for in vain is not waited for as long again.
    """
    task = flight.task
    if not task.done():
        if patience is None:
            return await asyncio.shield(task)
        flown = time.monotonic() - flight.started
        await _done_or_late(task, min(patience.left, max(0.0, PAGE_SECONDS - flown)))
        if not task.done():
            raise SMApiUnreachable("no answer within the time that a page waits")
    return task.result()


async def _done_or_late(task: asyncio.Task[Any], seconds: float) -> None:
    """Return when the task is done, or so many seconds later; it goes on whoever gives up.

    `asyncio.wait` and `shield` made a page's readings cost 1.3 times as much.
    """
    loop = task.get_loop()
    waiter = loop.create_future()

    def wake(_task: object = None) -> None:
        if not waiter.done():
            waiter.set_result(None)

    late = loop.call_later(seconds, wake)
    task.add_done_callback(wake)
    try:
        await waiter
    finally:
        late.cancel()
        task.remove_done_callback(wake)
