"""`make lighthouse`: what Lighthouse says of the pages, written to docs/lighthouse.md.

Starts the sandbox and `portal serve`, signs Jane in and asks for each page as a phone and as a
desk, several times in turn: the median counts. Exit code 1 when a page is below the bar.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from tests.blackbox.browser import Browser
from tests.blackbox.launch import standing
from tests.browser.install import find_browser

HERE: Final = Path(__file__).parent
PROGRAM: Final = HERE / "node_modules" / ".bin" / "lighthouse"
REPORT: Final = HERE.parent.parent / "docs" / "lighthouse.md"
ROUNDS: Final = 3
PAGES: Final = (
    ("Sign-in", "/auth/login"),
    ("Home", "/"),
    ("Invoices", "/invoices"),
    ("One invoice", "/invoices/inv_2026001"),
)
DEVICES: Final[Mapping[str, tuple[str, ...]]] = {"phone": (), "desk": ("--preset=desktop",)}
BARS: Final[Mapping[str, int]] = {"performance": 98, "accessibility": 100, "best-practices": 100}
FLAGS: Final = "--headless=new --no-sandbox --disable-gpu --disable-quic"


@dataclass(frozen=True)
class Score:
    """What one page reached on one device: each category's median and all its rounds, of 100."""

    page: str
    device: str
    rounds: Mapping[str, tuple[int, ...]]

    def of(self, category: str) -> int:
        """The median of the rounds."""
        return int(median(self.rounds[category]))

    @property
    def below(self) -> list[str]:
        """The categories that miss their bar."""
        return [name for name, bar in BARS.items() if self.of(name) < bar]


def measure(url: str, device: str, headers: Path, browser: Path) -> dict[str, Any]:
    """One run of Lighthouse: its whole report. Raises CalledProcessError."""
    done = subprocess.run(
        [
            str(PROGRAM),
            url,
            "--quiet",
            "--output=json",
            f"--only-categories={','.join(BARS)}",
            f"--extra-headers={headers}",
            f"--chrome-flags={FLAGS}",
            "--no-enable-error-reporting",
            *DEVICES[device],
        ],
        env={**os.environ, "CHROME_PATH": str(browser)},
        check=True,
        capture_output=True,
        text=True,
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def faults(report: Mapping[str, Any]) -> list[str]:
    """The audits that cost a point of accessibility or best practices."""
    audits = report["audits"]
    return [
        f"{audits[ref['id']]['id']}: {audits[ref['id']]['title']}"
        for category in ("accessibility", "best-practices")
        for ref in report["categories"][category]["auditRefs"]
        if ref["weight"] and (audits[ref["id"]]["score"] or 0) < 1
        if audits[ref["id"]]["scoreDisplayMode"] not in ("notApplicable", "manual", "informative")
    ]


def score(page: tuple[str, str], device: str, jane: Browser, browser: Path) -> Score:
    """One page on one device, `ROUNDS` times."""
    name, path = page
    cookies = "; ".join(f"{key}={value}" for key, value in jane.cookies.items())
    headers = {} if path == "/auth/login" else {"Cookie": cookies}
    found: dict[str, list[int]] = {category: [] for category in BARS}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "headers.json"
        file.write_text(json.dumps(headers))
        for _ in range(ROUNDS):
            report = measure(f"{jane.portal.origin}{path}", device, file, browser)
            assert report["finalDisplayedUrl"].endswith(path), report["finalDisplayedUrl"]
            for category in BARS:
                found[category].append(round(report["categories"][category]["score"] * 100))
            for fault in faults(report):
                print(f"  {name} on a {device}: {fault}")
    made = Score(name, device, {category: tuple(values) for category, values in found.items()})
    print(name, device, {category: list(values) for category, values in found.items()}, flush=True)
    return made


def written(scores: list[Score], version: str) -> str:
    """The document: a table of medians, with the rounds of what varies."""
    machine = f"{platform.system()} on {platform.machine()}, {os.cpu_count()} cores"
    heading = (
        f"# Lighthouse\n\nWritten by `make lighthouse`: version {version} against `portal serve`, "
        f"{datetime.now(UTC):%Y-%m-%d}, {machine}.\n"
        f"Each {ROUNDS} times as a phone (slow 4G and a processor four times slower, simulated) "
        "and as a desk;\nthe median counts, in brackets every round.\n\n"
        "| page | device | performance | accessibility | best practices |\n|---|---|---|---|---|\n"
    )
    return heading + "".join(_row(score) for score in scores)


def _row(score: Score) -> str:
    rounds = ", ".join(map(str, score.rounds["performance"]))
    performance = f"{score.of('performance')} ({rounds})"
    kept = f"{score.of('accessibility')} | {score.of('best-practices')}"
    return f"| {score.page} | {score.device} | {performance} | {kept} |\n"


def main() -> int:
    """Measure, write and judge."""
    browser = find_browser()
    if browser is None or not PROGRAM.exists():
        print("Chromium and the packages of tests/lighthouse are needed: make lighthouse")
        return 1
    version = json.loads((HERE / "package.json").read_text())["dependencies"]["lighthouse"]
    with tempfile.TemporaryDirectory() as folder, standing(Path(folder)) as stand:
        jane = stand.browser()
        stand.by_google(jane, "jane@acme.com")
        assert jane.session
        scores = [score(page, device, jane, browser) for page in PAGES for device in DEVICES]
    REPORT.write_text(written(scores, version), encoding="utf-8")
    low = [f"{s.page} on a {s.device}: {', '.join(s.below)}" for s in scores if s.below]
    print("\n".join(low) or f"Every page reaches its bar; written to docs/{REPORT.name}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
