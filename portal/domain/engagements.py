"""Where an engagement stands: how far its time has run, what is delivered, what comes first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, Protocol, TypeVar


class Work(Protocol):
    """The fields of an engagement that the rules read; `crm.models.Engagement` has them."""

    @property
    def id(self) -> str:
        """The record's id."""

    @property
    def name(self) -> str:
        """What the work is called."""

    @property
    def status(self) -> str:
        """The CRM's word: active, paused, completed, cancelled."""

    @property
    def start_date(self) -> date | None:
        """The first day."""

    @property
    def end_date(self) -> date | None:
        """The last day; it counts."""

    @property
    def contract_renewal_date(self) -> date | None:
        """The day on which the contract renews."""


WorkT = TypeVar("WorkT", bound=Work)

ORDER: Final = ("active", "paused", "completed", "cancelled")
"""The CRM's statuses, those that a client asks about first in front."""

OVER: Final = frozenset({"completed", "cancelled"})
"""The statuses of work at which nobody works any more."""


class State(StrEnum):
    """How the work stands: the CRM's status, and what the dates say about an active one."""

    PLANNED = "planned"
    ACTIVE = "active"
    OVERDUE = "overdue"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    OTHER = "other"


def state(work: Work, today: date) -> State:
    """How the work stands on `today`.

    Active work whose first day lies ahead is PLANNED; OVERDUE once its last day is over.
    """
    if work.status != "active":
        return State(work.status) if work.status in ORDER else State.OTHER
    phase = progress(work, today).phase
    if phase is Phase.NOT_STARTED:
        return State.PLANNED
    return State.OVERDUE if phase is Phase.ENDED else State.ACTIVE


UNDER_WAY: Final = frozenset({State.ACTIVE, State.OVERDUE})
"""The states in which somebody works."""


class Group(StrEnum):
    """Under which heading a list of the work shows a piece of it, in this order."""

    CURRENT = "current"
    PLANNED = "planned"
    EARLIER = "earlier"


def group(found: State) -> Group:
    """The heading for work in this state; a status that nobody knows is not called over."""
    if found is State.PLANNED:
        return Group.PLANNED
    return Group.EARLIER if found.value in OVER else Group.CURRENT


class Phase(StrEnum):
    """Where today lies on the engagement's time line."""

    UNDATED = "undated"
    NOT_STARTED = "not_started"
    OPEN_ENDED = "open_ended"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True)
class Progress:
    """How far the agreed time has run; it does not claim how much of the work is done.

    `percent` is 0 to 100, None without both dates. `days` counts to the start when NOT_STARTED,
    from it when OPEN_ENDED, to the last day when RUNNING, since it when ENDED.
    """

    phase: Phase
    percent: int | None = None
    days: int | None = None


@dataclass(frozen=True)
class Days:
    """How many days of the agreed time have run, of how many; the first and last count whole."""

    passed: int
    whole: int

    @property
    def percent(self) -> int:
        """The part that has run, 0 to 100, rounded down."""
        return self.passed * 100 // self.whole


def days_run(work: Work, today: date) -> Days | None:
    """The days that `progress` counts; None without both a first day and a last one after it."""
    start, end = work.start_date, work.end_date
    if start is None or end is None or end < start:
        return None
    whole = (end - start).days + 1
    return Days(min(max((today - start).days + 1, 0), whole), whole)


def progress(work: Work, today: date) -> Progress:
    """How far the time between the first and the last day has run; both days count whole."""
    start, end = work.start_date, work.end_date
    if end is not None and start is not None and end < start:
        end = None
    if start is not None and today < start:
        return Progress(Phase.NOT_STARTED, 0 if end else None, (start - today).days)
    if end is not None and today > end:
        return Progress(Phase.ENDED, 100 if start else None, (today - end).days)
    if start is None:
        return Progress(Phase.UNDATED, None, None if end is None else (end - today).days)
    if end is None:
        return Progress(Phase.OPEN_ENDED, None, (today - start).days)
    run = days_run(work, today)
    return Progress(Phase.RUNNING, None if run is None else run.percent, (end - today).days)


@dataclass(frozen=True)
class TimeBar:
    """The time of the work on one line, from its first day to the last that is known.

    Places are percent of the line with two decimals; a day lies where it ends. `run` is how much
    of the line is behind us. None: that day is not known, or lies outside.
    """

    run: float
    today: float | None
    end: float | None
    renewal: float | None


def time_bar(work: Work, today: date) -> TimeBar | None:
    """The line up to the last day or the renewal, whichever is later; None without both ends."""
    start, end, renewal = work.start_date, work.end_date, work.contract_renewal_date
    if start is None:
        return None
    ahead = [day for day in (end, renewal) if day is not None and day >= start]
    if not ahead:
        return None
    whole = (max(ahead) - start).days + 1

    def place(day: date | None) -> float | None:
        gone = 0 if day is None else (day - start).days + 1
        return round(gone * 100 / whole, 2) if 0 < gone <= whole else None

    run = min(max((today - start).days + 1, 0), whole)
    return TimeBar(round(run * 100 / whole, 2), place(today), place(end), place(renewal))


class Occasion(StrEnum):
    """What falls on a date that lies ahead."""

    START = "start"
    END = "end"
    RENEWAL = "renewal"


@dataclass(frozen=True)
class NextDate:
    """A date ahead and the work that it belongs to."""

    on: date
    occasion: Occasion
    work_id: str
    name: str


def next_dates(works: Iterable[Work], today: date) -> list[NextDate]:
    """Every start, end and renewal from `today` on, the nearest first."""
    ahead = [
        NextDate(on, occasion, work.id, work.name)
        for work in works
        for occasion, on in (
            (Occasion.START, work.start_date),
            (Occasion.END, work.end_date),
            (Occasion.RENEWAL, work.contract_renewal_date),
        )
        if on is not None and on >= today
    ]
    return sorted(ahead, key=lambda found: (found.on, found.name, found.occasion))


def ordered(works: Iterable[WorkT]) -> list[WorkT]:
    """Active first, then paused, completed, cancelled and unknown; the newest start first."""

    def key(work: WorkT) -> tuple[int, int, str]:
        rank = ORDER.index(work.status) if work.status in ORDER else len(ORDER)
        start = work.start_date.toordinal() if work.start_date else 0
        return (rank, -start, work.name.casefold())

    return sorted(works, key=key)


@dataclass(frozen=True)
class Deliverable:
    """One thing that the engagement delivers. `done` is None when the text does not say."""

    text: str
    done: bool | None = None


_BULLET: Final = re.compile(r"^\s*(?:[-*•\u2013\u2014·]|\d{1,3}[.)])\s+")
_BOX: Final = re.compile(r"^\s*(?:\[(?P<box>[ xX])\]|(?P<tick>[✓✔☑])|(?P<open>☐))\s*")


def deliverables(text: str | None) -> list[Deliverable]:
    """Split the CRM's free text into its items.

    One item a line; a single line is split at semicolons. Bullets and numbers are dropped, a
    leading `[x]`, `[ ]`, ✓ or ☐ is read as done or open.
    """
    lines = [line for line in (text or "").splitlines() if line.strip()]
    if len(lines) == 1:
        lines = lines[0].split(";")
    items = (_deliverable(line) for line in lines)
    return [item for item in items if item.text]


@dataclass(frozen=True)
class Delivered:
    """How many things the work delivers, and how many of them are marked as done.

    `done` is None when the text marks nothing, neither as done nor as open.
    """

    count: int
    done: int | None


def delivered(items: Iterable[Deliverable]) -> Delivered:
    """Count what is delivered."""
    marks = [item.done for item in items]
    is_marked = any(mark is not None for mark in marks)
    return Delivered(len(marks), marks.count(True) if is_marked else None)


class Seat(Protocol):
    """A place in the team; `crm.models.TeamMember` has the field."""

    @property
    def role(self) -> str:
        """What the person does."""


def team_by_role(seats: Iterable[Seat]) -> list[tuple[str, int]]:
    """Each role with how many have it, in the order of the first of each; blank ones left out."""
    return list(Counter(role for seat in seats if (role := seat.role.strip())).items())


def _deliverable(line: str) -> Deliverable:
    bare = _BULLET.sub("", line, count=1)
    mark = _BOX.match(bare)
    if mark is None:
        return Deliverable(bare.strip())
    done = bool(mark["tick"]) or (mark["box"] or "").lower() == "x"
    return Deliverable(bare[mark.end() :].strip(), done)
