"""The tables say what was measured, and judge by the clock and by the CPU."""

from __future__ import annotations

from tests.bench.figures import Bar
from tests.bench.load import Load
from tests.bench.report import Outcome, section, summary
from tests.bench.rounds import outcomes, table
from tests.bench.servers import GUIDE, OURS


def load(requests: int, cpu: float) -> Load:
    """What two seconds measured."""
    return Load(requests, 2.0, requests * 12_000, cpu, 1.5, 3.0)


RESULTS = {
    OURS.name: [load(8000, 1.6), load(4000, 1.6)],
    GUIDE.name: [load(4000, 2.0), load(2000, 2.0)],
}


def test_a_load_says_what_a_request_costs() -> None:
    measured = load(8000, 1.6)
    assert (measured.per_second, measured.cpu_us, measured.busy) == (4000, 200, 0.8)
    assert (measured.per_core, measured.page_bytes) == (5000, 12_000)


def test_a_table_has_a_row_for_each_server_and_ratios_to_ours() -> None:
    lines = table(RESULTS, {GUIDE.name: Bar(2.0)})
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2].startswith("| the portal | 3,000 (2,000-4,000) | 300 (200-400) | 80% ")
    assert "| 2.00 (2.00-2.00) | 2.50 (2.50-2.50) | ≥ 2: met |" in lines[3]


def test_a_bar_that_only_the_cpu_meets_is_not_met() -> None:
    (outcome,) = outcomes("W9", RESULTS, {GUIDE.name: Bar(2.4)})
    assert outcome.what == f"W9: ours ÷ {GUIDE.name}"
    assert outcome.figure == "2.00 by the clock, 2.50 by CPU"
    assert outcome.verdict == "≥ 2.4: **not met**"


def test_the_report_begins_with_all_bars() -> None:
    text = summary([Outcome("memory", "90 MB", "≤ 100: met")])
    assert "| memory | 90 MB | ≤ 100: met |" in text.splitlines()


def test_a_section_keeps_its_outcomes() -> None:
    made = section("W9", "What.", ["| a |"], [Outcome("memory", "90 MB", "met")])
    assert made.text.splitlines() == ["## W9", "", "What.", "", "| a |"]
    assert [outcome.what for outcome in made.outcomes] == ["memory"]


def test_a_peer_that_is_not_at_hand_has_no_outcome() -> None:
    assert outcomes("W9", {OURS.name: RESULTS[OURS.name]}, {GUIDE.name: Bar(2.4)}) == []
