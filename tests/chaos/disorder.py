"""What goes wrong in a chaos run, and when: drawn from a seed, so that a run can be had again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from random import Random
from typing import Final, Literal

import httpx2 as httpx
import msgspec

from tests.chaos.ledger import Ledger
from tests.faults.rules import ANYTHING, LIST, READS, RECORD, WRITES, Kind, Rule
from tests.faults.stand import Program, Stand

Act = tuple[float, Literal["faults", "portal", "sandbox"], tuple[Rule, ...]]
"""Seconds from the start, and what happens: other faults, or a program is killed."""

SCOPES: Final = (
    (ANYTHING, ANYTHING),
    (LIST, READS),
    (RECORD, READS),
    (ANYTHING, WRITES),
)
CHANCES: Final = (0.1, 0.3, 0.7, 1.0)
SHORTEST_PAUSE: Final = 0.3
LONGEST_PAUSE: Final = 1.8
KILLS: Final = 0.08
"""How likely an act is a kill of the portal; as likely is one of the sandbox."""

CALM: Final = 0.2
"""How likely the faults are switched off."""


def acts(chance: Random, seconds: float) -> Iterator[Act]:
    """What happens within so many seconds. Both programs are killed at least once."""
    now, owed = 0.0, {"portal": seconds / 3, "sandbox": seconds / 2}
    while (now := now + chance.uniform(SHORTEST_PAUSE, LONGEST_PAUSE)) < seconds:
        drawn = chance.random()
        overdue = [name for name, due in owed.items() if now > due]
        if drawn < KILLS or "portal" in overdue:
            owed.pop("portal", None)
            yield now, "portal", ()
        elif drawn < 2 * KILLS or "sandbox" in overdue:
            owed.pop("sandbox", None)
            yield now, "sandbox", ()
        else:
            yield now, "faults", () if chance.random() < CALM else rules(chance)


def rules(chance: Random) -> tuple[Rule, ...]:
    """One to three faults for some calls each."""
    return tuple(_rule(chance) for _ in range(chance.randint(1, 3)))


def _rule(chance: Random) -> Rule:
    kind = chance.choice(tuple(Kind))
    if kind is Kind.REFUSED:
        return Rule(kind)
    path, method = chance.choice(SCOPES)
    return Rule(kind, path, method, chance.choice(CHANCES), round(chance.uniform(0.2, 4.0), 1))


class Disorder:
    """Carries the acts out on what stands; `control` is the fault proxy's."""

    def __init__(self, stand: Stand, control: httpx.AsyncClient, ledger: Ledger) -> None:
        self._stand = stand
        self._control = control
        self._ledger = ledger

    async def reign(self, chance: Random, seconds: float) -> None:
        """Act by act, until the time is over."""
        started = time.monotonic()
        for at, what, faults in acts(chance, seconds):
            await asyncio.sleep(max(0.0, started + at - time.monotonic()))
            if what == "faults":
                await self.obey(faults)
                self._ledger.switched += 1
            else:
                self._kill(what)
        await asyncio.sleep(max(0.0, started + seconds - time.monotonic()))

    async def obey(self, faults: tuple[Rule, ...]) -> None:
        """Have the proxy make these faults and no others."""
        body = msgspec.json.encode(faults)
        answer = await self._control.put("/rules", content=body)
        assert answer.status_code == httpx.codes.OK, answer.text

    def _kill(self, name: str) -> None:
        """Kill a program and start it again, whatever it was doing: starting perhaps."""
        program: Program = getattr(self._stand, name)
        self._ledger.kills[name] += 1
        program.kill()
        program.start()
