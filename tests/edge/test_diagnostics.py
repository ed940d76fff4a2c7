from __future__ import annotations

from pathlib import Path

import pytest

from portal.edge.diagnostics import ConfigError, Diagnostics, did_you_mean, render

FILE = Path("/somewhere/wrangler-like.toml")


def test_findings_are_printed_in_two_blocks_with_their_mends() -> None:
    found = Diagnostics()
    found.error("name", 'Expected "name" to be of type string but got 3.')
    found.warn("foo", 'Unexpected fields found in top-level field: "foo"', 'Did you mean "food"?')
    assert render(found.found, FILE) == (
        "▲ [WARNING] Processing wrangler-like.toml configuration:\n"
        "\n"
        '    - Unexpected fields found in top-level field: "foo"\n'
        '      Did you mean "food"?\n'
        "\n"
        "✘ [ERROR] Processing wrangler-like.toml configuration:\n"
        "\n"
        '    - Expected "name" to be of type string but got 3.'
    )


def test_nothing_found_prints_nothing() -> None:
    assert render([], FILE) == ""


def test_warnings_alone_raise_nothing() -> None:
    found = Diagnostics()
    found.warn("foo", "odd")
    found.raise_errors(FILE)


def test_an_error_raises_with_everything_found() -> None:
    found = Diagnostics()
    found.warn("foo", "odd")
    found.error("bar", "wrong")
    with pytest.raises(ConfigError) as raised:
        found.raise_errors(FILE)
    assert [d.where for d in raised.value.diagnostics] == ["foo", "bar"]
    assert "odd" in str(raised.value)
    assert "wrong" in str(raised.value)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("naem", "name"), ("Sesion_Secret", "SESSION_SECRET"), ("compatability_date", None)],
)
def test_a_near_miss_is_named(typed: str, meant: str | None) -> None:
    known = ["name", "SESSION_SECRET", "compatibility_date"]
    expected = meant or "compatibility_date"
    assert did_you_mean(typed, known) == f'Did you mean "{expected}"?'


def test_a_far_miss_gets_no_advice() -> None:
    assert did_you_mean("durable_objects", ["name", "main"]) == ""
