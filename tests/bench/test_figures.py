"""Medians, ratios and bars."""

from __future__ import annotations

import pytest

from tests.bench.figures import Bar, Spread, ratios


def test_a_spread_is_median_lowest_and_highest() -> None:
    assert Spread.of([3, 1, 10]) == Spread(3, 1, 10)
    assert Spread.of([1200, 1000, 3000]).shown(0) == "1,200 (1,000-3,000)"


def test_no_rounds_are_no_figure() -> None:
    with pytest.raises(ValueError, match="no round"):
        Spread.of([])


def test_ratios_are_taken_round_by_round() -> None:
    # The machine was slow in the second round, for both alike.
    assert ratios([100, 10, 110], [50, 5, 50]) == Spread(2, 2, 2.2)
    with pytest.raises(ValueError, match="zip"):
        ratios([1, 2], [1])


def test_a_bar_is_met_by_all_its_figures_or_not_at_all() -> None:
    assert Bar(2.5).is_met(2.5, 3)
    assert not Bar(2.5).is_met(2.4, 30)
    assert Bar(1.1, at_least=False).is_met(1.1, 0.2)
    assert not Bar(1.1, at_least=False).is_met(1.11)


def test_a_verdict_names_the_bar() -> None:
    assert Bar(7).verdict(8, 9) == "≥ 7: met"
    assert Bar(0.6, at_least=False).verdict(0.7) == "≤ 0.6: **not met**"
