from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from portal.edge.diagnostics import Diagnostics
from portal.edge.schema import (
    COUNT,
    CRON,
    DAY,
    NAME,
    NOT_INHERITED,
    SHARE,
    TOP_LEVEL,
    Kind,
    effective,
    shown,
)


def messages(kind: Kind, value: object) -> list[str]:
    found = Diagnostics()
    kind.check(value, "it", found)
    return [diagnostic.message for diagnostic in found.found]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (DAY, date(2026, 11, 24)),
        (DAY, "2026-11-24"),
        (COUNT, 0),
        (SHARE, 1),
        (SHARE, 0.25),
        (NAME, "mode-portal"),
        (CRON, "*/5 * * * *"),
    ],
)
def test_a_value_of_the_right_kind_passes(kind: Kind, value: object) -> None:
    assert messages(kind, value) == []


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (DAY, datetime(2026, 11, 24)),
        (DAY, "2026-02-30"),
        (DAY, "20261124"),
        (DAY, 20261124),
        (COUNT, True),
        (COUNT, -1),
        (COUNT, 1.0),
        (SHARE, True),
        (SHARE, 1.5),
        (NAME, "Mode Portal"),
        (CRON, "* * * *"),
    ],
)
def test_a_value_of_another_kind_is_one_error(kind: Kind, value: object) -> None:
    assert len(messages(kind, value)) == 1


def test_a_wrong_type_is_named_with_what_was_there() -> None:
    found = Diagnostics()
    TOP_LEVEL.check({"name": 3}, "", found)
    assert [d.message for d in found.found] == [
        'Expected "name" to be of type string, alphanumeric and lowercase with dashes only'
        " but got 3."
    ]


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"assets": []}, "assets"),
        ({"assets": {"directory": 1}}, "assets.directory"),
        ({"routes": "a.example"}, "routes"),
        ({"routes": ["a.example", 2]}, "routes[1]"),
        ({"routes": [{"pattern": "a.example", "custom_domain": "yes"}]}, "routes[0].custom_domain"),
        ({"kv_namespaces": [{"binding": "A B", "id": "x"}]}, "kv_namespaces[0].binding"),
        ({"kv_namespaces": [{"binding": "A"}]}, "kv_namespaces[0].id"),
        ({"queues": {"producers": {}}}, "queues.producers"),
        ({"queues": {"consumers": [{"queue": "q", "max_retries": -1}]}},
         "queues.consumers[0].max_retries"),
        ({"services": ["SM_API"]}, "services[0]"),
        ({"triggers": {"crons": ["hourly"]}}, "triggers.crons[0]"),
        ({"observability": {"head_sampling_rate": 2}}, "observability.head_sampling_rate"),
        ({"vars": [1]}, "vars"),
        ({"secrets": {"required": [1]}}, "secrets.required[0]"),
        ({"env": {"staging": 3}}, "env.staging"),
    ],
)  # fmt: skip
def test_a_wrong_part_is_found_where_it_is(document: dict[str, Any], where: str) -> None:
    found = Diagnostics()
    TOP_LEVEL.check({"name": "x", **document}, "", found)
    assert [(d.level, d.where) for d in found.found] == [("error", where)]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"foo": 1}, 'Unexpected fields found in top-level field: "foo"'),
        ({"assets": {"directory": "s", "x": 1}}, 'Unexpected fields found in assets field: "x"'),
        (
            {"services": [{"binding": "A", "service": "b", "x": 1}]},
            'Unexpected fields found in services[0] field: "x"',
        ),
    ],
)
def test_an_unknown_key_is_a_warning_at_any_depth(document: dict[str, Any], message: str) -> None:
    found = Diagnostics()
    TOP_LEVEL.check({"name": "x", **document}, "", found)
    assert [(d.level, d.message) for d in found.found] == [("warning", message)]


def test_an_environment_inherits_all_but_bindings_variables_and_secrets() -> None:
    assert sorted(NOT_INHERITED) == ["kv_namespaces", "queues", "secrets", "services", "vars"]
    top: dict[str, Any] = {key: f"top {key}" for key in TOP_LEVEL.fields}
    own = {"main": "own main", "vars": "own vars"}
    keys = effective(top, own)
    assert keys["main"] == "own main"
    assert keys["vars"] == "own vars"
    assert keys["routes"] == "top routes"
    assert {"kv_namespaces", "queues", "secrets", "services", "env"}.isdisjoint(keys)


def test_a_long_wrong_value_is_cut() -> None:
    assert len(shown("x" * 10_000)) < 100
