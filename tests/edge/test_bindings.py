from __future__ import annotations

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
    for url in ("http://127.0.0.1:8788", "http://localhost:1", "http://[::1]:8788"):
        assert resource_binding("SM_API", "Service", url).mode == "local"


def test_a_long_value_is_cut() -> None:
    [_, _, line] = render_bindings([Binding("X", "Environment Variable", "v" * 900)]).splitlines()
    assert len(line) < 120
    assert "…" in line


def test_no_bindings_give_the_heading_alone() -> None:
    assert len(render_bindings([]).splitlines()) == 2
