"""Asking for somebody to be let in or shut out: what a client admin may ask, and what is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from portal.domain.address import parse_address
from portal.domain.until import Now
from portal.domain.viewer import Role
from portal.errors import BadInput
from portal.words import msgid

LONGEST_NOTE: Final = 500
LONGEST_NAME: Final = 200
SIGN_IN: Final = "portal_login"
"""The activity that a sign-in is logged as."""

SHOWN_FOR: Final = timedelta(days=30)
"""How long a request that nobody has acted on is still shown as asked."""


class Action(StrEnum):
    """What is asked for."""

    ADD = "add"
    REMOVE = "remove"
    CHANGE = "change"


@dataclass(frozen=True)
class Request:
    """One request. For ADD `name`, `email` and `role` say whom; else `person_id` does."""

    action: Action
    name: str = ""
    email: str = ""
    role: Role | None = None
    person_id: str = ""
    note: str = ""

    def as_metadata(self) -> dict[str, str]:
        """What the activity carries for staff: only what was said."""
        said = {
            "action": self.action.value,
            "name": self.name,
            "email": self.email,
            "role": self.role.value if self.role else "",
            "person_id": self.person_id,
            "note": self.note,
        }
        return {name: value for name, value in said.items() if value}


def read_request(fields: Mapping[str, str]) -> Request:
    """A request from a form. Raises BadInput naming the field."""
    try:
        action = Action(fields.get("action", ""))
    except ValueError:
        raise BadInput(msgid("Please choose what to ask for."), field="action") from None
    note = read_note(fields)
    if action is Action.REMOVE:
        return Request(action, person_id=_person(fields), note=note)
    role = _role(fields.get("role", ""))
    if action is Action.CHANGE:
        return Request(action, role=role, person_id=_person(fields), note=note)
    name = _text("name", fields.get("name", ""), LONGEST_NAME)
    if not name:
        raise BadInput(msgid("Please enter their name."), field="name")
    return Request(action, name, parse_address(fields.get("email", "")), role, note=note)


def read_note(fields: Mapping[str, str]) -> str:
    """What somebody adds for our staff, as one line; perhaps nothing. Raises BadInput."""
    return _text("note", fields.get("note", ""), LONGEST_NOTE)


class Asked(Protocol):
    """The fields of a request that was logged; `crm.models.AccessRequest` has them."""

    @property
    def created_at(self) -> datetime:
        """When it was asked."""


AskedT = TypeVar("AskedT", bound=Asked)


def still_open(asked: Iterable[AskedT], now: Now) -> list[AskedT]:
    """Those that are recent enough to wait for an answer."""
    found = [one for one in asked if now.moment - one.created_at <= SHOWN_FOR]
    if found:
        now.until.at_most(min(one.created_at for one in found) + SHOWN_FOR + timedelta.resolution)
    return found


class Event(Protocol):
    """An entry of the access log; `crm.models.AccessEvent` has these."""

    @property
    def activity_type(self) -> str:
        """What it was."""

    @property
    def contact_id(self) -> str | None:
        """Whom it concerns."""


EventT = TypeVar("EventT", bound=Event)


def last_sign_ins(log: Iterable[EventT]) -> dict[str, EventT]:
    """When each person came in last, by contact id, from a log that is newest first."""
    found: dict[str, EventT] = {}
    for event in log:
        if event.activity_type == SIGN_IN and event.contact_id:
            found.setdefault(event.contact_id, event)
    return found


def _person(fields: Mapping[str, str]) -> str:
    person_id = fields.get("person_id", "")
    if not person_id:
        raise BadInput(msgid("Please choose a person."), field="person_id")
    return person_id


def _role(sent: str) -> Role:
    try:
        return Role(sent)
    except ValueError:
        raise BadInput(msgid("Please choose a role."), field="role") from None


def _text(field: str, sent: str, longest: int) -> str:
    text = " ".join(sent.split())
    if len(text) > longest or not text.isprintable():
        raise BadInput(msgid("At most %(count)s characters, please."), field, count=longest)
    return text
