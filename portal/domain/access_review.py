"""The access review: once a quarter a client admin answers, person by person, who keeps access."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from enum import StrEnum
from typing import Any, Final, Protocol

from portal.domain.team import Action, Request, read_note
from portal.errors import BadInput
from portal.words import msgid

ANSWER: Final = "person."
"""What the form's fields for people begin with; the contact's id follows."""

PEOPLE: Final = "people"
"""The field that an error names when it is about the list as a whole."""

LONGEST_DESCRIPTION: Final = 2000
"""Characters of the activity's description; the metadata always names everybody."""

_QUARTER: Final = re.compile(r"([0-9]{4})-Q([1-4])")


@dataclass(frozen=True, order=True)
class Quarter:
    """A calendar quarter: `number` is 1 to 4. Written `2026-Q4`."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> Quarter:
        """The quarter that a calendar day lies in."""
        return cls(day.year, (day.month + 2) // 3)

    @classmethod
    def read(cls, written: str | None) -> Quarter | None:
        """`2026-Q4`; None for anything else."""
        found = _QUARTER.fullmatch(written or "")
        return cls(int(found[1]), int(found[2])) if found else None

    def __str__(self) -> str:
        return f"{self.year:04d}-Q{self.number}"


class Details(Protocol):
    """What a logged review says of itself; `crm.models.ReviewDetails` has it."""

    @property
    def quarter(self) -> str | None:
        """For which quarter it was done: `2026-Q4`."""

    @property
    def at(self) -> str | None:
        """When it was done, ISO 8601 with a zone: the record itself may have come later."""

    @property
    def reviewer_name(self) -> str | None:
        """Who did it, as they were called then."""


class Logged(Protocol):
    """A review that was logged; `crm.models.AccessReview` has these."""

    @property
    def created_at(self) -> datetime:
        """When the record was made."""

    @property
    def metadata(self) -> Details:
        """What it says of itself."""


@dataclass(frozen=True)
class Done:
    """A review that was completed: for which quarter, on which day, and by whom if it says so."""

    quarter: Quarter
    at: datetime
    on: date
    by: str | None


def last_done(logged: Iterable[Logged], zone: tzinfo) -> Done | None:
    """The latest review of a company. Its day is that of `zone`, its quarter what it says."""
    done = [_done(one, zone) for one in logged]
    return max(done, key=lambda one: (one.quarter, one.at), default=None)


def due(today: date, last: Done | None) -> Quarter | None:
    """The quarter whose review nobody of the company has completed; None when it is done.

    One for a later quarter counts too: a colleague to the east may be in the next one already.
    """
    quarter = Quarter.of(today)
    return None if last is not None and last.quarter >= quarter else quarter


class Choice(StrEnum):
    """What is answered for a person."""

    KEEP = "keep"
    REMOVE = "remove"


class Member(Protocol):
    """Somebody of the company; `crm.models.Colleague` has these."""

    @property
    def id(self) -> str:
        """The contact's id."""

    @property
    def email(self) -> str | None:
        """Their address."""

    @property
    def full_name(self) -> str | None:
        """Their name."""

    @property
    def portal_role(self) -> str | None:
        """What they may see."""


@dataclass(frozen=True)
class Person:
    """Somebody with access, as they stand on the list."""

    id: str
    name: str
    email: str
    role: str

    @classmethod
    def of(cls, member: Member) -> Person:
        """A colleague; without a name they go by their address."""
        name = member.full_name or member.email or member.id
        return cls(member.id, name, member.email or "", member.portal_role or "")


@dataclass(frozen=True)
class Answer:
    """A completed review: who keeps access, for whom removal is asked, and what was noted."""

    quarter: Quarter
    kept: tuple[Person, ...]
    removals: tuple[Person, ...]
    note: str = ""

    @property
    def title(self) -> str:
        """One line for staff."""
        quarter = f"Q{self.quarter.number} {self.quarter.year}"
        return f"Access review {quarter}: {len(self.kept)} kept, {len(self.removals)} to be removed"

    @property
    def description(self) -> str:
        """Everybody by name for staff, removals first; cut where the CRM may not take more."""
        lines = [
            f"Removal asked for: {_named(self.removals)}.",
            *([f"Note: {self.note}"] if self.note else []),
            f"Kept: {_named(self.kept)}.",
        ]
        text = "\n".join(lines)
        return text if len(text) <= LONGEST_DESCRIPTION else f"{text[: LONGEST_DESCRIPTION - 1]}…"

    def as_metadata(self, reviewer_name: str) -> dict[str, Any]:
        """What the activity carries: everybody, so that an auditor needs no other record."""
        return {
            "quarter": str(self.quarter),
            "reviewer_name": reviewer_name,
            "kept": [_as_metadata(person) for person in self.kept],
            "removals": [_as_metadata(person) for person in self.removals],
            **({"note": self.note} if self.note else {}),
        }

    def said(self) -> tuple[str, ...]:
        """The answer as texts that are the same exactly when the answer is."""
        return (
            *(f"{Choice.KEEP.value}={person.id}" for person in self.kept),
            *(f"{Choice.REMOVE.value}={person.id}" for person in self.removals),
            self.note,
        )

    def requests(self) -> list[tuple[Request, Person]]:
        """What is asked of our staff, as the team page asks it, with whom it is about."""
        return [
            (Request(Action.REMOVE, person_id=person.id, note=self.note), person)
            for person in self.removals
        ]


def fingerprint(people: Iterable[Person]) -> str:
    """The list as it was shown: another once somebody comes, goes or changes in role or address."""
    lines = sorted(f"{one.id}\0{one.role}\0{one.email}" for one in people)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def chosen(fields: Mapping[str, str]) -> dict[str, str]:
    """What a form answers, by contact id, whatever it is."""
    return {
        name.removeprefix(ANSWER): value
        for name, value in fields.items()
        if name.startswith(ANSWER)
    }


def unanswered(fields: Mapping[str, str], people: Iterable[Person], self_id: str) -> list[Person]:
    """Those of the list for whom neither of the two is chosen; oneself needs no answer."""
    answers = chosen(fields)
    return [p for p in people if p.id != self_id and answers.get(p.id) not in list(Choice)]


def read_answer(
    fields: Mapping[str, str], people: Sequence[Person], self_id: str, quarter: Quarter
) -> Answer:
    """A review from a form over exactly these people, oneself among them. Raises BadInput.

    `shown` in the form is the fingerprint of the list that was answered.
    """
    answers = chosen(fields)
    if fields.get("shown") != fingerprint(people) or not answers.keys() <= {p.id for p in people}:
        raise BadInput(
            msgid(
                "Somebody's access has changed since you opened this page. "
                "Nothing was recorded: please look at the list again."
            ),
            PEOPLE,
        )
    if answers.get(self_id, Choice.KEEP) != Choice.KEEP:
        raise BadInput(msgid("You cannot ask for your own removal here."), PEOPLE)
    if unanswered(fields, people, self_id):
        raise BadInput(
            msgid("Please answer for everybody on the list. Nothing was recorded yet."), PEOPLE
        )
    removals = tuple(p for p in people if answers.get(p.id) == Choice.REMOVE)
    kept = tuple(p for p in people if p not in removals)
    return Answer(quarter, kept, removals, read_note(fields))


def _done(logged: Logged, zone: tzinfo) -> Done:
    said = logged.metadata
    at = _moment(said.at) or logged.created_at
    on = at.astimezone(zone).date()
    return Done(Quarter.read(said.quarter) or Quarter.of(on), at, on, said.reviewer_name)


def _moment(written: str | None) -> datetime | None:
    try:
        at = datetime.fromisoformat(written or "")
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None


def _named(people: Iterable[Person]) -> str:
    named = [
        f"{person.name} ({', '.join(part for part in (person.email, person.role) if part)})"
        for person in people
    ]
    return ", ".join(named) or "nobody"


def _as_metadata(person: Person) -> dict[str, str]:
    said = {
        "person_id": person.id,
        "person_name": person.name,
        "email": person.email,
        "role": person.role,
    }
    return {name: value for name, value in said.items() if value}
