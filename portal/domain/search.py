"""Search: what fits some words best, of exactly the records that the viewer was given.

Who sees what is decided before (`crm.access`): a record, or a field, that is not handed in here
cannot be found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, Generic, Protocol, TypeVar

from portal.domain.amount_search import is_meant, readings
from portal.domain.engagements import Seat, State, Work, deliverables, state, team_by_role
from portal.domain.invoice_filter import tidy
from portal.domain.invoice_rows import InvoiceT, Row
from portal.domain.invoices import Standing, StandingKind
from portal.domain.matching import Segment, Strength, excerpt, folded, segments, strength
from portal.domain.timeline import Happening, kind_of
from portal.words import msgid

IN_TITLE: Final[Mapping[Strength, int]] = {
    Strength.NONE: 0,
    Strength.INSIDE: 2,
    Strength.PREFIX: 5,
    Strength.WHOLE: 6,
}
ELSEWHERE: Final[Mapping[Strength, int]] = {
    Strength.NONE: 0,
    Strength.INSIDE: 1,
    Strength.PREFIX: 3,
    Strength.WHOLE: 4,
}
"""Points for a word of the query: to begin a word anywhere is worth more than to be inside one."""

EXACT: Final = 1_000
"""More than the words of any query can be worth: an invoice's whole number."""

STATE_WORDS: Final[Mapping[State, str]] = {
    State.PLANNED: msgid("Planned"),
    State.ACTIVE: msgid("In progress"),
    State.OVERDUE: msgid("Past its last day"),
    State.PAUSED: msgid("Paused"),
    State.COMPLETED: msgid("Completed"),
    State.CANCELLED: msgid("Cancelled"),
}
TYPE_WORDS: Final[Mapping[str, str]] = {
    "retainer": msgid("Retainer"),
    "project": msgid("Project"),
    "consulting": msgid("Consulting"),
}
STANDING_WORDS: Final[Mapping[StandingKind, str]] = {
    StandingKind.OVERDUE: msgid("Overdue"),
    StandingKind.DUE_TODAY: msgid("Due today"),
    StandingKind.PARTLY_PAID: msgid("Partly paid"),
    StandingKind.OPEN: msgid("Open"),
    StandingKind.PAID: msgid("Paid"),
    StandingKind.CREDIT: msgid("Credit"),
    StandingKind.VOID: msgid("Void"),
}
"""What the pages call these; a state or type that is not here is called by the CRM's own word."""

T = TypeVar("T")
Say = Callable[[str], str]
"""A message id in the viewer's language."""


class Kind(StrEnum):
    """What can be found, in the order in which a page shows it."""

    ENGAGEMENTS = "engagements"
    INVOICES = "invoices"
    ACTIVITIES = "activities"


class Described(Work, Protocol):
    """The fields of an engagement that are searched; `crm.models.Engagement` has them."""

    @property
    def engagement_type(self) -> str:
        """The CRM's word: retainer, project, consulting."""

    @property
    def plain_status(self) -> str | None:
        """How it goes, in a few sentences."""

    @property
    def deliverables(self) -> str | None:
        """What is delivered, in lines."""

    @property
    def tools(self) -> Sequence[str]:
        """What is worked with."""

    @property
    def team_members(self) -> Sequence[Seat]:
        """Who works on it, by role."""


WorkT = TypeVar("WorkT", bound=Described)
HappeningT = TypeVar("HappeningT", bound=Happening)


@dataclass(frozen=True)
class Word:
    """A word of the query as it is compared, and what it can mean as an amount."""

    folded: str
    amounts: frozenset[Decimal]


@dataclass(frozen=True)
class Query:
    """What is looked for: `text` as it is shown again, and its words, all of which must fit."""

    text: str = ""
    words: tuple[Word, ...] = ()

    @classmethod
    def read(cls, typed: str) -> Query:
        """The query of what somebody typed, however long or strange that is."""
        text = tidy(typed)
        words = (Word(folded(word).strip(), readings(word)) for word in text.split())
        return cls(text, tuple(word for word in words if word.folded))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look for."""
        return not self.words

    @property
    def folded_words(self) -> tuple[str, ...]:
        """The words as they are compared."""
        return tuple(word.folded for word in self.words)


@dataclass(frozen=True)
class Entry(Generic[T]):
    """A record and what it is found by.

    `title` and `texts` may be shown with what was met in them, `words` only lead here. `amounts`
    are in major units, and empty for whoever sees none.
    """

    item: T
    title: str
    texts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    number: str = ""
    amounts: tuple[Decimal, ...] = ()


@dataclass(frozen=True)
class Hit(Generic[T]):
    """A record that was found, as it is shown; `amounts` are those of its own that were meant."""

    item: T
    title: tuple[Segment, ...]
    text: tuple[Segment, ...]
    amounts: frozenset[Decimal] = frozenset()


def engagement_entry(work: WorkT, today: date, say: Say) -> Entry[WorkT]:
    """An engagement is found by everything that its page says of it in words."""
    items = (item.text for item in deliverables(work.deliverables))
    roles = (role for role, _ in team_by_role(work.team_members))
    stands, kind = STATE_WORDS.get(state(work, today)), TYPE_WORDS.get(work.engagement_type)
    return Entry(
        work,
        work.name,
        _filled(work.plain_status, *items, *work.tools, *roles),
        (say(stands) if stands else work.status, say(kind) if kind else work.engagement_type),
    )


def invoice_entry(row: Row[InvoiceT], say: Say) -> Entry[Row[InvoiceT]]:
    """An invoice is found by number, engagement, lines, how it stands, and what it amounts to."""
    bill = row.invoice
    number = (bill.invoice_number or "").strip()
    return Entry(
        row,
        number,
        _filled(row.engagement_name, *(line.description for line in bill.line_items)),
        tuple(say(word) for word in _standing_words(row.standing)),
        number,
        (bill.amount, row.left),
    )


def activity_entry(happening: HappeningT, engagement_name: str, say: Say) -> Entry[HappeningT]:
    """An activity is found by its title, its description, its kind and its engagement."""
    kind = kind_of(happening.activity_type)
    label = say(kind.label) if kind.known else kind.label
    return Entry(
        happening,
        (happening.title or "").strip() or label,
        _filled(happening.description),
        _filled(label, engagement_name),
    )


def find(query: Query, entries: Iterable[Entry[T]]) -> list[Entry[T]]:
    """Those in which every word is found, the best first; what is equal stays as it came."""
    whole = readings(query.text)
    ranked = [(_rank(query, whole, entry), entry) for entry in entries]
    found = [(rank, entry) for rank, entry in ranked if rank]
    found.sort(key=lambda pair: pair[0], reverse=True)
    return [entry for _, entry in found]


def shown(query: Query, entry: Entry[T]) -> Hit[T]:
    """A found record with the text that says why, and what was met marked in both."""
    words = query.folded_words
    title = segments(entry.title, words)
    if _is_number(query, entry):
        title = (Segment(entry.title, met=True),)
    text = excerpt(_telling(words, entry), words)
    meant = (readings(query.text), *(word.amounts for word in query.words))
    met = {amount for amount in entry.amounts if any(is_meant(one, amount) for one in meant)}
    return Hit(entry.item, title, segments(text, words), frozenset(met))


def _rank(query: Query, whole: frozenset[Decimal], entry: Entry[T]) -> int:
    """What the words are worth together; 0 when one of them is not there."""
    if query.is_empty:
        return 0
    if _is_number(query, entry):
        return EXACT
    title = folded(entry.title)
    said = folded("\n".join((*entry.texts, *entry.words)))
    if _is_amount(whole, entry):
        return max(1, len(query.words)) * ELSEWHERE[Strength.WHOLE]
    points = [_points(word, title, said, entry) for word in query.words]
    return sum(points) if all(points) else 0


def _points(word: Word, title: str, said: str, entry: Entry[T]) -> int:
    is_amount = _is_amount(word.amounts, entry)
    return max(
        IN_TITLE[strength(word.folded, title)],
        ELSEWHERE[strength(word.folded, said)],
        ELSEWHERE[Strength.WHOLE] if is_amount else 0,
    )


def _is_amount(meant: frozenset[Decimal], entry: Entry[T]) -> bool:
    return any(is_meant(meant, amount) for amount in entry.amounts)


def _is_number(query: Query, entry: Entry[T]) -> bool:
    """Whether the query is the whole number, with or without what stands between its digits."""
    bare = _bare(query.text)
    return bool(bare) and bare == _bare(entry.number)


def _bare(text: str) -> str:
    return "".join(letter for letter in folded(text) if letter.isalnum())


def _telling(words: Sequence[str], entry: Entry[T]) -> str:
    """The first text that holds a word which the title does not hold, else the first of all."""
    title = folded(entry.title)
    missing = [word for word in words if word not in title]
    for text in entry.texts:
        if any(word in folded(text) for word in missing):
            return text
    return entry.texts[0] if entry.texts else ""


def _standing_words(standing: Standing) -> list[str]:
    words = [STANDING_WORDS[standing.kind]] if standing.kind in STANDING_WORDS else []
    if standing.partly and standing.wants_payment:
        words.append(STANDING_WORDS[StandingKind.PARTLY_PAID])
    if standing.wants_payment:
        words.append(STANDING_WORDS[StandingKind.OPEN])
    return list(dict.fromkeys(words))


def _filled(*texts: str | None) -> tuple[str, ...]:
    return tuple(text.strip() for text in texts if text and text.strip())
