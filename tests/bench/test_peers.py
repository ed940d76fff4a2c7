"""The peers are what they claim to be, and installed from nowhere in particular."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.bench import profile, servers, start
from tests.bench.constant import body
from tests.bench.crm import Crm, company_id, contact_id
from tests.bench.servers import CONSTANT, GUIDE, OURS, PEERS, RAW_MARKUP, variables

CRM = Crm(companies=10, invoices=1, now=datetime(2026, 11, 24, tzinfo=UTC))


def locked() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((PEERS / "package-lock.json").read_text())[
        "packages"
    ]
    return found


def test_every_package_is_pinned_by_version_and_hash_and_names_no_registry() -> None:
    wanted = json.loads((PEERS / "package.json").read_text())["dependencies"]
    packages = locked()
    assert packages[""]["dependencies"] == wanted
    for name, package in packages.items():
        assert "resolved" not in package
        assert not name or package["integrity"].startswith("sha512-")
    for name, version in wanted.items():
        assert packages[f"node_modules/{name}"]["version"] == version


def test_every_module_of_the_workers_is_there() -> None:
    embedded = re.findall(r'embed "([^"]+)"', (PEERS / "workers.capnp").read_text())
    assert {"guide.js", "tuned.js", "page.js"} == set(embedded)
    assert all((PEERS / name).is_file() for name in embedded)


def test_every_variable_that_a_worker_takes_from_its_environment_is_told() -> None:
    taken = re.findall(r'fromEnvironment = "([A-Z_]+)"', (PEERS / "workers.capnp").read_text())
    told = {*variables(1, 2), "READS", "FRESHNESS_MS"}
    assert set(taken) <= told


def test_the_portal_is_served_as_in_production_by_one_process() -> None:
    command = OURS.command(1234)
    assert command[1:3] == ["-m", "tests.bench.production"]
    assert command[3:] == ["serve", "--env", "production", "--port", "1234"]


def test_a_constant_answer_is_about_as_long_as_it_is_to_be() -> None:
    assert abs(len(body(12_000)) - 12_000) < 100


def test_a_records_name_has_markup_that_pages_must_escape() -> None:
    _, answer = CRM.answer("GET", "/api/engagements", {"company_id": company_id(3)}, b"")
    assert RAW_MARKUP in answer
    _, answer = CRM.answer("GET", f"/api/contacts/{contact_id(3)}", {}, b"")
    assert b"O'Number" in answer


def test_imports_are_added_up_by_package() -> None:
    rows = start.by_package(
        "import time: self [us] | cumulative | imported package\n"
        "import time:       100 |        100 |   portal.crm\n"
        "import time:      2000 |       2100 | jinja2\n"
        "import time:       200 |        300 | portal\n"
        "something else\n"
    )
    assert rows == ["| all | 2.3 | 3 |", "| jinja2 | 2.0 | 1 |", "| portal | 0.3 | 2 |"]


def test_a_profile_counts_where_the_time_goes() -> None:
    common = "main (/x/portal/cli/main.py:5);render (/x/portal/templating.py:9)"
    told = profile.report("w3", f"{common};escape (/x/m/__init__.py:1) 3\n{common} 1\n")
    assert "4 samples" in told
    assert "| 75.0% | `escape` x/m/__init__.py |" in told
    assert "| 100.0% | `render` x/portal/templating.py |" in told


def test_without_npm_there_are_only_servers_in_python(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(servers, "PEERS", tmp_path)
    assert servers.at_hand([GUIDE, OURS, CONSTANT]) == [OURS, CONSTANT]
