"""A tool: its name, what it takes, what it gives, and how it does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import mcp_types
from sqlalchemy import Connection

from portal.sandbox.envelope import invalid
from portal.sandbox.fields import Field, Resource
from portal.sandbox.mcp.schemas import Schema
from portal.sandbox.scope import Scope
from portal.sandbox.validation import validate


class Effect(Enum):
    """What a call does to the CRM, as the hints of MCP say it.

    A change is destructive because it overwrites, and idempotent because the same change again
    alters nothing but `updated_at`. No tool reaches beyond the CRM.
    """

    READ = mcp_types.ToolAnnotations(
        read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
    )
    CREATE = mcp_types.ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
    )
    CHANGE = mcp_types.ToolAnnotations(
        read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
    )


@dataclass(frozen=True)
class Call:
    """One call: in one transaction, for one caller's scope. `now` is a stamp."""

    connection: Connection
    scope: Scope
    arguments: Mapping[str, Any]
    now: str


@dataclass(frozen=True)
class Tool:
    """`act` carries a call out and returns a JSON object, or raises Refusal.

    `about` is the resource it is mainly about, which advice on a refusal names.
    """

    name: str
    title: str
    description: str
    takes: Schema
    gives: Schema
    act: Callable[[Call], dict[str, Any]]
    effect: Effect = Effect.READ
    about: Resource | None = None

    @property
    def listed(self) -> mcp_types.Tool:
        """How `tools/list` shows it."""
        return mcp_types.Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=self.takes,
            output_schema=self.gives,
            annotations=self.effect.value,
        )


def read_arguments(fields: tuple[Field, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a reading tool, checked as a record's fields are, with their defaults.

    Null counts as left out. Raises Refusal (422).
    """
    known = [field.name for field in fields]
    for name in given:
        if name not in known:
            takes = f"this tool takes {', '.join(known)}" if known else "this tool takes none"
            raise invalid(name[:100], f"no such argument; {takes}")
    call = Resource(name="call", singular="call", prefix="", fields=fields)
    defaults = {field.name: field.default for field in fields if field.default is not None}
    return defaults | validate(call, given, creating=True)
