"""Which keys the configuration file has, what each may hold, and which environments inherit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol

from portal.edge.cron import parse_cron
from portal.edge.diagnostics import Diagnostics, did_you_mean

MOST_SHOWN: Final = 80
"""Characters of a wrong value that a message repeats."""


class Kind(Protocol):
    """What a key may hold."""

    def check(self, value: object, where: str, found: Diagnostics) -> None:
        """Add an error for each part of `value` that does not fit."""


@dataclass(frozen=True)
class Scalar:
    """A single value; `name` is what a message calls it."""

    name: str
    accepts: Callable[[object], bool]

    def check(self, value: object, where: str, found: Diagnostics) -> None:
        """Add an error when the value is of another type."""
        if not self.accepts(value):
            found.error(where, wrong_type(where, self.name, value))


@dataclass(frozen=True)
class CronText:
    """A schedule in five fields; see `portal.edge.cron`."""

    def check(self, value: object, where: str, found: Diagnostics) -> None:
        """Add an error that says which field is wrong."""
        if not isinstance(value, str):
            found.error(where, wrong_type(where, "string of five cron fields", value))
            return
        try:
            parse_cron(value)
        except ValueError as error:
            found.error(where, f'"{where}" is no schedule: {shown(value)}: {error}.')


@dataclass(frozen=True)
class Array:
    """A list of one kind."""

    of: Kind

    def check(self, value: object, where: str, found: Diagnostics) -> None:
        """Check each item, named by its place: `routes[0]`."""
        if not isinstance(value, list):
            found.error(where, wrong_type(where, "array", value))
            return
        for place, item in enumerate(value):
            self.of.check(item, f"{where}[{place}]", found)


@dataclass(frozen=True)
class Field:
    """One key of a table. An environment takes an inherited one over from the top level."""

    kind: Kind
    required: bool = False
    inherits: bool = True


@dataclass(frozen=True)
class Table:
    """A table of known keys; an unknown one is a warning."""

    fields: Mapping[str, Field]

    def check(self, value: object, where: str, found: Diagnostics) -> None:
        """Check every key that is there, and that the required ones are."""
        if not isinstance(value, dict):
            found.error(where, wrong_type(where, "table", value))
            return
        for key, item in value.items():
            path = f"{where}.{key}" if where else key
            if key in self.fields:
                self.fields[key].kind.check(item, path, found)
            else:
                message = f'Unexpected fields found in {where or "top-level"} field: "{key}"'
                found.warn(path, message, did_you_mean(key, self.fields))
        for key, field in self.fields.items():
            if field.required and key not in value:
                found.error(f"{where}.{key}".lstrip("."), f'"{where}" should have a field "{key}".')


@dataclass(frozen=True)
class AnyTable:
    """A table whose keys are the project's own; `of` says what they hold when that is fixed."""

    of: Kind | None = None

    def check(self, value: object, where: str, found: Diagnostics) -> None:
        """Check that it is a table, and what its keys hold."""
        if not isinstance(value, dict):
            found.error(where, wrong_type(where, "table", value))
            return
        if self.of is not None:
            for key, item in value.items():
                self.of.check(item, f"{where}.{key}", found)


@dataclass(frozen=True)
class TextOrTable:
    """A short form and a long form of the same: `routes` has both."""

    table: Table

    def check(self, value: object, where: str, found: Diagnostics) -> None:
        """Check the long form; the short one is any text."""
        if isinstance(value, dict):
            self.table.check(value, where, found)
        elif not isinstance(value, str):
            found.error(where, wrong_type(where, "string or table", value))


def wrong_type(where: str, expected: str, value: object) -> str:
    """The message `Expected "name" to be of type string but got 3.`, for any key and type."""
    return f'Expected "{where}" to be of type {expected} but got {shown(value)}.'


def shown(value: object) -> str:
    """A value as a message repeats it: JSON, cut when long."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _matches(pattern: str) -> Callable[[object], bool]:
    whole = re.compile(pattern)
    return lambda value: isinstance(value, str) and whole.fullmatch(value) is not None


def _is_day(value: object) -> bool:
    if isinstance(value, date):
        return not isinstance(value, datetime)
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


TEXT: Final = Scalar("string", lambda value: isinstance(value, str))
BOOLEAN: Final = Scalar("boolean", lambda value: isinstance(value, bool))
COUNT: Final = Scalar("whole number, 0 or more", _is_count)
SHARE: Final = Scalar("number from 0 to 1", _is_share)
DAY: Final = Scalar("date (YYYY-MM-DD)", _is_day)
NAME: Final = Scalar(
    "string, alphanumeric and lowercase with dashes only", _matches(r"[a-z0-9_][a-z0-9_-]*")
)
BINDING: Final = Scalar("string that can name a variable", _matches(r"[A-Za-z_][A-Za-z0-9_]*"))
CRON: Final = CronText()

NEEDED_TEXT: Final = Field(TEXT, required=True)
NEEDED_BINDING: Final = Field(BINDING, required=True)

ROUTE: Final = Table(
    {
        "pattern": NEEDED_TEXT,
        "zone_name": Field(TEXT),
        "zone_id": Field(TEXT),
        "custom_domain": Field(BOOLEAN),
    }
)
QUEUES: Final = Table(
    {
        "producers": Field(Array(Table({"binding": NEEDED_BINDING, "queue": NEEDED_TEXT}))),
        "consumers": Field(
            Array(
                Table(
                    {
                        "queue": NEEDED_TEXT,
                        "max_batch_size": Field(COUNT),
                        "max_batch_timeout": Field(COUNT),
                        "max_retries": Field(COUNT),
                        "dead_letter_queue": Field(TEXT),
                    }
                )
            )
        ),
    }
)

ENVIRONMENT: Final = Table(
    {
        "name": Field(NAME),
        "main": Field(TEXT),
        "compatibility_date": Field(DAY),
        "routes": Field(Array(TextOrTable(ROUTE))),
        "assets": Field(Table({"directory": NEEDED_TEXT, "binding": Field(BINDING)})),
        "triggers": Field(Table({"crons": Field(Array(CRON))})),
        "observability": Field(
            Table({"enabled": Field(BOOLEAN), "head_sampling_rate": Field(SHARE)})
        ),
        "vars": Field(AnyTable(), inherits=False),
        "secrets": Field(Table({"required": Field(Array(BINDING))}), inherits=False),
        "services": Field(
            Array(Table({"binding": NEEDED_BINDING, "service": NEEDED_TEXT})), inherits=False
        ),
        "kv_namespaces": Field(
            Array(Table({"binding": NEEDED_BINDING, "id": NEEDED_TEXT})), inherits=False
        ),
        "queues": Field(QUEUES, inherits=False),
    }
)
"""What an `[env.NAME]` may hold; the top level may hold the same, and the environments."""

TOP_LEVEL: Final = Table(
    {
        **ENVIRONMENT.fields,
        "name": Field(NAME, required=True),
        "env": Field(AnyTable(AnyTable())),
    }
)

INHERITED: Final = frozenset(key for key, field in ENVIRONMENT.fields.items() if field.inherits)
NOT_INHERITED: Final = tuple(key for key in ENVIRONMENT.fields if key not in INHERITED)


def effective(raw: Mapping[str, Any], section: Mapping[str, Any] | None) -> dict[str, Any]:
    """The keys as they hold for an environment: its own, and what it inherits.

    `section` is the environment's table, or None for the top level itself.
    """
    if section is None:
        return {key: value for key, value in raw.items() if key != "env"}
    return {**{key: value for key, value in raw.items() if key in INHERITED}, **section}
