"""Where an engagement stands: how far its time has run, what is delivered, what comes first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, Protocol, TypeVar


class Work(Protocol):
    """The fields of an engagement that the rules read; `crm.models.Engagement` has them."""

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

CURRENT: Final = frozenset({"active", "paused"})
"""The statuses of work that is not over."""


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
    whole = (end - start).days + 1
    percent = ((today - start).days + 1) * 100 // whole
    return Progress(Phase.RUNNING, percent, (end - today).days)


def place(moment: date, start: date | None, end: date | None) -> float | None:
    """Where a day lies between two others, 0.0 to 1.0; None when outside or when undated."""
    if start is None or end is None or end <= start or not start <= moment <= end:
        return None
    return (moment - start).days / (end - start).days


class Occasion(StrEnum):
    """What falls on a date that lies ahead."""

    START = "start"
    END = "end"
    RENEWAL = "renewal"


@dataclass(frozen=True)
class NextDate:
    """The nearest date ahead and the work that it belongs to."""

    on: date
    occasion: Occasion
    name: str


def next_date(works: Iterable[Work], today: date) -> NextDate | None:
    """The nearest start, end or renewal from `today` on; None when nothing is dated ahead."""
    ahead = [
        NextDate(on, occasion, work.name)
        for work in works
        for occasion, on in (
            (Occasion.START, work.start_date),
            (Occasion.END, work.end_date),
            (Occasion.RENEWAL, work.contract_renewal_date),
        )
        if on is not None and on >= today
    ]
    return min(ahead, key=lambda found: (found.on, found.name), default=None)


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


def _deliverable(line: str) -> Deliverable:
    bare = _BULLET.sub("", line, count=1)
    mark = _BOX.match(bare)
    if mark is None:
        return Deliverable(bare.strip())
    done = bool(mark["tick"]) or (mark["box"] or "").lower() == "x"
    return Deliverable(bare[mark.end() :].strip(), done)
