"""What benchmarks report: a section of Markdown each, and first of all which bars were met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """One bar: what is measured, what it came to, and whether that will do."""

    what: str
    figure: str
    verdict: str


@dataclass(frozen=True)
class Section:
    """A benchmark's part of the report, and the bars in it."""

    text: str
    outcomes: tuple[Outcome, ...] = ()


def section(
    title: str, what: str, lines: Iterable[str], outcomes: Iterable[Outcome] = ()
) -> Section:
    """A section with a heading, a paragraph and what follows."""
    return Section("\n".join([f"## {title}", "", what, "", *lines, ""]), tuple(outcomes))


def summary(outcomes: Sequence[Outcome]) -> str:
    """The table of all bars."""
    rows = [f"| {o.what} | {o.figure} | {o.verdict} |" for o in outcomes]
    what = (
        "Each figure is a median of rounds; of a ratio of requests a second there are two, by the "
        "clock and by the server's CPU, and both have to meet the bar."
    )
    heading = ["| what | measured | bar |", "|---|---|---|"]
    return section("The bars", what, [*heading, *rows]).text
