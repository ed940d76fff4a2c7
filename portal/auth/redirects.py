"""Where a person may be sent after signing in: a path of this portal, and nowhere else."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

LONGEST: Final = 2000
HOME: Final = "/"
NO_PAGES: Final = frozenset({"auth", "api"})
PATH_END: Final = re.compile(r"[?#]")


def local_path(value: str | None) -> str:
    r"""`value` when it is a path (with query) of this portal that a page can live at, else `/`.

    Refused are other hosts in every spelling a browser would follow (`//evil`, `/\evil`,
    `/%09/evil`, `https:evil`), control characters, `.` and `..` as parts of the path (what they
    lead to depends on who decodes first), `/api/…`, and `/auth/…`, which would sign out or loop.
    """
    if not value or len(value) > LONGEST or not value.startswith("/"):
        return HOME
    whole, path = _decoded(value), _decoded(PATH_END.split(value, maxsplit=1)[0])
    if whole is None or path is None or "\\" in whole or not whole.isprintable():
        return HOME
    parts = path.split("/")
    if "//" in path or not {".", ".."}.isdisjoint(parts) or parts[1].strip() in NO_PAGES:
        return HOME
    return value


def _decoded(value: str) -> str | None:
    """`value` with percent-escapes undone as often as someone nested them; None when too often."""
    for _ in range(5):
        plain = unquote(value)
        if plain == value:
            return plain
        value = plain
    return None
