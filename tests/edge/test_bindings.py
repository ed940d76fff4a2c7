from __future__ import annotations

import pytest

from portal.edge.bindings import Binding, render_bindings, resource_binding, secret_binding


def test_the_table_is_aligned_and_says_what_each_binding_is() -> None:
    rows = [
        resource_binding("STATE", "KV Namespace", "sqlite:.portal/state.db"),
        resource_binding("SM_API", "Service", "https://api.sprintmode.ai"),
        Binding("PRODUCT", "Environment Variable", "mode"),
        secret_binding("SESSION_SECRET"),
    ]
    assert render_bindings(rows).splitlines() == [
        "Your Worker has access to the following bindings:",
        "Binding                                 Resource              Mode",
        "env.STATE (sqlite:.portal/state.db)     KV Namespace          local",
        "env.SM_API (https://api.sprintmode.ai)  Service               remote",
        "env.PRODUCT (mode)                      Environment Variable  local",
        "env.SESSION_SECRET (hidden)             Secret                local",
    ]


def test_what_is_reached_over_loopback_is_local() -> None:
    here = ("http://127.0.0.1:8788", "http://localhost:1", "http://[::1]:8788", "unix:///run/r")
    for url in here:
        assert resource_binding("SM_API", "Service", url).mode == "local"


@pytest.mark.parametrize("url", ["redis://u:pass@h:6379/0?prefix=mode", "rediss://:pass@h"])
def test_a_password_in_a_url_is_not_printed(url: str) -> None:
    row = resource_binding("STATE", "KV Namespace", url)
    assert "pass" not in render_bindings([row])
    assert row.resource.endswith(url.partition("@")[2])
    assert row.mode == "remote"


def test_a_long_value_is_cut() -> None:
    [_, _, line] = render_bindings([Binding("X", "Environment Variable", "v" * 900)]).splitlines()
    assert len(line) < 120
    assert "…" in line


def test_no_bindings_give_the_heading_alone() -> None:
    assert len(render_bindings([]).splitlines()) == 2
