"""The journey of a piece of work: which of the product's stages it has come to.

The stages and the activities that lead to each are the portal's configuration (`JOURNEY`); the
rules are here and in docs/journey.md. A client-visible activity reaches a stage, and the work
stands at the furthest stage that any reached: an old or late activity never takes it back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple, Protocol


class Happened(Protocol):
    """The fields of an activity that the rules read; `crm.models.Activity` has them."""

    @property
    def activity_type(self) -> str:
        """Free-form word such as `scan_completed` (sm-api §6)."""

    @property
    def title(self) -> str | None:
        """One line."""


@dataclass(frozen=True)
class Sign:
    """What shows that a stage is reached: an activity of this type.

    With `words`, only one whose title has them, as whole words and in any case.
    """

    activity_type: str
    words: str | None = None

    @classmethod
    def read(cls, entry: str) -> Sign:
        """`scan_completed`, or `phase_started:Build` for one whose title says Build."""
        activity_type, _, words = entry.partition(":")
        return cls(activity_type, words.strip() or None)


class StepState(StrEnum):
    """Where a stage lies, seen from where the work stands."""

    DONE = "done"
    CURRENT = "current"
    AHEAD = "ahead"


@dataclass(frozen=True)
class Step:
    """One stage as the stepper shows it."""

    name: str
    state: StepState


@dataclass(frozen=True)
class Stage:
    """One stage: its name, and what shows that it is reached."""

    name: str
    signs: tuple[Sign, ...]


class _Signs(NamedTuple):
    """What an activity type shows: the stage that each of these words leads to, else `plain`."""

    words: re.Pattern[str] | None
    stages: tuple[int, ...]
    plain: int | None


@dataclass(frozen=True)
class Course:
    """A journey as one piece of work has made it.

    `reached` counts the stages that it has come to, 0 before the first. Work that is `over` stands
    at none of them any more.
    """

    steps: tuple[Step, ...]
    reached: int = 0
    over: bool = False

    @property
    def is_shown(self) -> bool:
        """Whether there is something to show: stages, and some way that was or will be made."""
        return bool(self.steps) and (self.reached > 0 or not self.over)

    @property
    def current(self) -> Step | None:
        """The stage at which the work stands now."""
        return next((step for step in self.steps if step.state is StepState.CURRENT), None)


@dataclass(frozen=True)
class Journey:
    """The product's stages in their order; none for a product without a journey."""

    stages: tuple[Stage, ...] = ()

    def __str__(self) -> str:
        """For the table of bindings."""
        return " > ".join(stage.name for stage in self.stages) or "none"

    @classmethod
    def of(cls, table: Iterable[tuple[str, Sequence[str]]]) -> Journey:
        """The journey of a configuration: the stages in their order, each with its entries."""
        return cls(
            tuple(
                Stage(name, tuple(Sign.read(entry) for entry in entries)) for name, entries in table
            )
        )

    @cached_property
    def activity_types(self) -> tuple[str, ...]:
        """The types of activity that may lead to a stage, each once."""
        return tuple(self._signs)

    def reached_by(self, happened: Happened) -> int | None:
        """The place of the stage that an activity leads to, from 0; None for any other activity.

        The stage that the title names first counts, the longest of two names at one place; only
        when it names none, the stage that lists the type alone.
        """
        signs = self._signs.get(happened.activity_type)
        if signs is None:
            return None
        named = signs.words.search(happened.title or "") if signs.words else None
        if named is None or named.lastindex is None:
            return signs.plain
        return signs.stages[named.lastindex - 1]

    # One search for all words of a type: one for each took a tenth of the time of a cold page.
    @cached_property
    def _signs(self) -> dict[str, _Signs]:
        """By activity type, in the order in which the stages list them."""
        places: dict[str, list[tuple[int, str | None]]] = {}
        for number, stage in enumerate(self.stages):
            for sign in stage.signs:
                places.setdefault(sign.activity_type, []).append((number, sign.words))
        return {activity_type: _searched(found) for activity_type, found in places.items()}

    def course(self, happenings: Iterable[Happened], *, over: bool = False) -> Course:
        """How far the activities of one piece of work show it to have come, in any order.

        `over`: the work has ended, so that what it reached is done and nothing is current.
        """
        found = (self.reached_by(happened) for happened in happenings)
        furthest = max((place for place in found if place is not None), default=-1)
        steps = (Step(s.name, _state(n, furthest, over)) for n, s in enumerate(self.stages))
        return Course(tuple(steps), furthest + 1, over)


def _searched(places: Sequence[tuple[int, str | None]]) -> _Signs:
    """One pattern for the words that lead to stages, the longest in front, the first of the same.

    As whole words and in any case; its group says which.
    """
    named = sorted(
        ((number, words) for number, words in places if words is not None),
        key=lambda place: -len(place[1]),
    )
    either = "|".join(f"({re.escape(words)})" for _, words in named)
    return _Signs(
        re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE) if named else None,
        tuple(number for number, _ in named),
        next((number for number, words in places if words is None), None),
    )


def courses(
    journey: Journey, works: Mapping[str, bool], happenings: Iterable[tuple[str | None, Happened]]
) -> dict[str, Course]:
    """The course of each piece of work by its id; `works` says of each whether it is over.

    `happenings` are activities with the id of the work that they belong to.
    """
    found: dict[str, list[Happened]] = {work_id: [] for work_id in works}
    for work_id, happened in happenings:
        if work_id in found:
            found[work_id].append(happened)
    return {work_id: journey.course(found[work_id], over=over) for work_id, over in works.items()}


def _state(place: int, furthest: int, over: bool) -> StepState:
    if place < furthest or (over and place == furthest):
        return StepState.DONE
    return StepState.CURRENT if place == furthest else StepState.AHEAD
