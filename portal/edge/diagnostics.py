"""What is wrong with a configuration, collected and said all at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Final, Literal

Level = Literal["error", "warning"]

HEADINGS: Final[dict[Level, str]] = {"warning": "▲ [WARNING]", "error": "✘ [ERROR]"}


@dataclass(frozen=True)
class Diagnostic:
    """One finding. `where` is a dotted path such as `env.staging.kv_namespaces[0].id`."""

    level: Level
    where: str
    message: str
    mend: str = ""


@dataclass
class Diagnostics:
    """Findings as they come up, in the order in which they were met."""

    found: list[Diagnostic] = field(default_factory=list)

    def error(self, where: str, message: str, mend: str = "") -> None:
        """Add something that cannot be used."""
        self.found.append(Diagnostic("error", where, message, mend))

    def warn(self, where: str, message: str, mend: str = "") -> None:
        """Add something that is probably not what was meant."""
        self.found.append(Diagnostic("warning", where, message, mend))

    def raise_errors(self, path: Path) -> None:
        """Raise ConfigError with everything found so far when an error is among it."""
        if any(diagnostic.level == "error" for diagnostic in self.found):
            raise ConfigError(self.found, path)


class ConfigError(Exception):
    """The configuration cannot be used; its text is every finding, errors and warnings."""

    def __init__(self, diagnostics: Iterable[Diagnostic], path: Path) -> None:
        self.diagnostics = tuple(diagnostics)
        self.path = path
        super().__init__(render(self.diagnostics, path))


def render(diagnostics: Iterable[Diagnostic], path: Path) -> str:
    """The findings as Wrangler prints them: warnings, then errors, each mend below its finding."""
    every = tuple(diagnostics)
    blocks = []
    for level, heading in HEADINGS.items():
        lines = [line for d in every if d.level == level for line in _lines(d)]
        if lines:
            title = f"{heading} Processing {path.name} configuration:"
            blocks.append("\n".join([title, "", *lines]))
    return "\n\n".join(blocks)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`Did you mean "name"?` when one of `known` is a near miss, else nothing."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.7)
    return f'Did you mean "{by_folded[close[0]]}"?' if close else ""


def _lines(diagnostic: Diagnostic) -> list[str]:
    first, *rest = diagnostic.message.splitlines()
    return [f"    - {first}", *(f"      {line}" for line in [*rest, *diagnostic.mend.splitlines()])]
