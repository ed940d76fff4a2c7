"""`make chaos`: a chaos run; its figures are written to docs/chaos.md.

python -m tests.chaos [--minutes 3] [--seed N]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.chaos.ledger import Ledger
from tests.chaos.run import COMPANIES, run

DOCUMENT: Final = Path(__file__).parent.parent.parent / "docs" / "chaos.md"
LARGEST_SEED: Final = 10**6
INTRODUCTION: Final = f"""\
# Chaos

`make chaos` lets people of {COMPANIES} companies, an admin and a viewer each, read pages and ask
and tell things over HTTP for three minutes, while

- a proxy between the portal and SM API makes faults, several at once, other ones every second or
  so: those of [faults.md](faults.md), each for some calls and with some probability;
- the portal and the sandbox are killed with SIGKILL at any moment, and started again.

Then the faults end, and once the outbox is empty the run fails unless

- every activity that the portal acknowledged is in the CRM exactly once, and none of those that it
  did not acknowledge is there more than once;
- no page ever showed a word of another company (each company's words name it);
- nobody got a 5xx for a page that they had seen since the portal's last start;
- no request was cut off but by a kill, and no answer showed the inside of the program.

The companies' records never count as fresh in such a run. `python -m tests.chaos --minutes 30
--seed 7` runs for longer, or goes through the same faults and kills again. A short run is part of
the tests.

## The last run
"""


def document(ledger: Ledger, minutes: float, seed: int) -> str:
    """What docs/chaos.md says."""
    machine = (
        f"{datetime.now(UTC):%Y-%m-%d}, {minutes:g} minutes, seed {seed}, {platform.system()} on "
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}."
    )
    rows = [f"| {name} | {value} |" for name, value in ledger.rows().items()]
    return "\n".join([INTRODUCTION, machine, "", "| | |", "|---|---|", *rows, ""])


def main() -> int:
    """Run, print, write; 1 when something was breached."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--seed", type=int, default=None)
    told = parser.parse_args()
    seed = secrets.randbelow(LARGEST_SEED) if told.seed is None else told.seed
    sys.stdout.write(f"Chaos for {told.minutes:g} minutes, seed {seed}\n")
    sys.stdout.flush()
    with TemporaryDirectory() as folder:
        ledger = asyncio.run(run(Path(folder), told.minutes * 60, seed))
    for name, value in ledger.rows().items():
        sys.stdout.write(f"{name}: {value}\n")
    if ledger.breaches:
        sys.stderr.write("\n".join([*ledger.breaches, ""]))
        return 1
    DOCUMENT.write_text(document(ledger, told.minutes, seed), encoding="utf-8")
    sys.stdout.write(f"Written to docs/{DOCUMENT.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
