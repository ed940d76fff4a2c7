"""docs/faults.md: the findings of a run as tables, and what their words mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.faults.page_table import Findings, Row
from tests.faults.pages import EVERYTHING, WRITTEN

DOCUMENT: Final = Path(__file__).parent.parent.parent / "docs" / "faults.md"
INTRODUCTION: Final = """\
# What clients see when SM API fails

Written by `python -m tests.faults`: a portal, a proxy that makes faults, and a sandbox, each a
program of its own; what is below was seen over HTTP. Nothing that the portal had read counted as
fresh, so that every page met the fault.

Each cell has what a client sees of a page **seen before**, then of a page **never seen** since the
portal's start; one word where that is the same.

| word | means |
|---|---|
| as ever | the page, from what SM API said just now |
| as of | all of it, from last good data; a page has a notice of when, others `X-Records-As-Of` |
| in part | the page; what cannot be shown says so in its place |
| says so | 503, a page (or JSON) that says that our records do not answer |
| taken | the portal has it, and SM API gets it, once |

For every cell the run has also checked: the answer came within 2 seconds and a margin; it shows no
other company's words and nothing of the inside; a page that does not say that something is missing
shows all that it showed before the fault. All was as ever again within 5 seconds of its end.
"""


def document(found: Findings) -> str:
    """The whole document."""
    parts = [INTRODUCTION]
    for name, rows in found.rows.items():
        parts.append(f"## {name}\n")
        if name != WRITTEN.name:
            parts.append(pages_table(rows))
        if name in (EVERYTHING.name, WRITTEN.name):
            parts.append(others_table(rows))
    every = [row for rows in found.rows.values() for row in rows]
    slowest, recovered = (max(getattr(r, name) for r in every) for name in ("slowest", "recovered"))
    parts.append(
        f"The slowest answer of this run took {slowest:.1f} s, the slowest recovery "
        f"{recovered:.1f} s; {len(found.written)} writes were taken, and each arrived once.\n"
    )
    return "\n".join(parts)


def pages_table(rows: Sequence[Row]) -> str:
    """Faults and pages."""
    return _table([*rows[0].known], [(str(row.kind), page_cells(row)) for row in rows])


def others_table(rows: Sequence[Row]) -> str:
    """Faults and what else is done."""
    return _table([*rows[0].others], [(str(row.kind), [*row.others.values()]) for row in rows])


def page_cells(row: Row) -> list[str]:
    """Each page as seen before and as never seen."""
    pairs = ((seen, row.unknown[page]) for page, seen in row.known.items())
    return [one if one == other else f"{one} / {other}" for one, other in pairs]


def table_of(text: str, heading: str, nth: int = 0) -> Mapping[str, Sequence[str]]:
    """The cells of a table in the document, by the fault that starts the row."""
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = section.strip().split("\n\n")[nth].splitlines()
    split = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:])
    return {first: rest for first, *rest in split}


def _table(columns: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    lines = [f"| fault | {' | '.join(columns)} |", f"|{'---|' * (len(columns) + 1)}"]
    lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in rows]
    return "\n".join([*lines, ""])
