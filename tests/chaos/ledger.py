"""What people saw and did in a chaos run, and the verdict on it."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

CENTILES: Final = 100


@dataclass
class Ledger:
    """Figures, and every breach of what was promised.

    `acknowledged`: texts that the portal took. `uncertain`: texts that it did not take, or whose
    answer was cut off; some of these `arrived`.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    cut_off: int = 0
    last_good: int = 0
    in_part: int = 0
    seconds: list[float] = field(default_factory=list)
    slowest: str = ""
    acknowledged: list[str] = field(default_factory=list)
    uncertain: list[str] = field(default_factory=list)
    arrived: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    switched: int = 0
    breaches: list[str] = field(default_factory=list)

    def took(self, what: str, seconds: float) -> None:
        """Note how long an answer took."""
        if seconds > max(self.seconds, default=0.0):
            self.slowest = what
        self.seconds.append(seconds)

    def judge(self, held: Sequence[str], dead: int) -> None:
        """Compare what the CRM holds in the end with what was acknowledged."""
        counted = Counter(held)
        lost = [text for text in self.acknowledged if not counted[text]]
        known = {*self.acknowledged, *self.uncertain}
        self.breaches += [f"lost: {text}" for text in lost]
        self.breaches += [f"{n} times: {text}" for text, n in counted.items() if n > 1]
        self.breaches += [f"nobody wrote: {text}" for text in counted if text not in known]
        self.arrived = sum(counted[text] for text in self.uncertain)
        if dead:
            self.breaches.append(f"{dead} dead letters")

    def rows(self) -> Mapping[str, str]:
        """The figures, as words."""
        centiles = statistics.quantiles(self.seconds or [0.0, 0.0], n=CENTILES)
        return {
            "requests answered": f"{sum(self.statuses.values()):,}",
            "by status": _counted(self.statuses),
            "pages from last good data": f"{self.last_good:,}",
            "pages of which a part could not be shown": f"{self.in_part:,}",
            "connections refused while the portal was away": f"{self.refused:,}",
            "requests cut off by a kill": f"{self.cut_off:,}",
            "kills": _counted(self.kills),
            "times the faults were switched": f"{self.switched:,}",
            "faults met by calls to SM API": _counted(self.faults),
            "median, 99th centile": f"{centiles[49]:.2f} s, {centiles[98]:.2f} s",
            "slowest": f"{max(self.seconds, default=0.0):.1f} s ({self.slowest})",
            "activities acknowledged, each in the CRM once": f"{len(self.acknowledged):,}",
            "activities not acknowledged": f"{len(self.uncertain):,}, of which {self.arrived:,} "
            "are in the CRM, once",
            "breaches": f"{len(self.breaches)}",
        }


def _counted(counts: Mapping[int, int] | Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {n:,}" for name, n in sorted(counts.items())) or "none"
