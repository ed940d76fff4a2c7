"""The table of what a worker is given, printed at start. Secrets are named and never shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from portal.edge.engine import SQLITE
from portal.edge.values import without_credentials

HIDDEN: Final = "(hidden)"
SOCKET: Final = "unix:"
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
WIDEST: Final = 64
"""Characters of a resource that are shown."""

Kind = Literal["KV Namespace", "Queue", "Service", "Environment Variable", "Secret"]


@dataclass(frozen=True)
class Binding:
    """One row: the name the code uses, what it is, where it leads, and whether that is here."""

    binding: str
    kind: Kind
    resource: str
    mode: Literal["local", "remote"] = "local"


def resource_binding(binding: str, kind: Kind, url: str) -> Binding:
    """A row for what is reached by URL, its password hidden.

    A file, a socket and a loopback address are local.
    """
    here = url.startswith((SQLITE, SOCKET)) or urlsplit(url).hostname in LOOPBACK
    return Binding(binding, kind, without_credentials(url), "local" if here else "remote")


def secret_binding(name: str) -> Binding:
    """A row for a secret, which takes no value so that none can be printed."""
    return Binding(name, "Secret", HIDDEN)


def render_bindings(rows: Iterable[Binding]) -> str:
    """The rows as a table in aligned columns, with Wrangler's heading."""
    cells = [("Binding", "Resource", "Mode")] + [
        (f"env.{row.binding} ({_short(row.resource)})", row.kind, row.mode)
        if row.resource != HIDDEN
        else (f"env.{row.binding} {HIDDEN}", row.kind, row.mode)
        for row in rows
    ]
    first, second = (max(len(line[column]) for line in cells) for column in (0, 1))
    lines = [f"{a:<{first}}  {b:<{second}}  {c}".rstrip() for a, b, c in cells]
    return "\n".join(["Your Worker has access to the following bindings:", *lines])


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
