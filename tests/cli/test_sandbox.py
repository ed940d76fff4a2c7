"""`portal sandbox`: alone on its ports, and its API keys."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx

from tests.processes import free_ports, portal, project_in, run_portal, stop


@contextmanager
def running_sandbox(folder: Path, *options: str) -> Iterator[str]:
    port, smtp_port = free_ports(2)
    process = portal(
        "sandbox", "--port", str(port), "--smtp-port", str(smtp_port), *options, folder=folder
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Sandbox"):
                break
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(process)


def test_a_key_is_printed_once_and_works_and_a_bound_one_sees_its_product_alone(
    tmp_path: Path,
) -> None:
    folder = project_in(tmp_path)
    code, bound = run_portal(
        "sandbox", "key", "create", "agent", "--product", "signal", folder=folder
    )
    assert code == 0
    code, free = run_portal("sandbox", "key", "create", "robot", folder=folder)
    assert code == 0
    code, listed = run_portal("sandbox", "key", "list", folder=folder)
    assert code == 0
    assert "agent" in listed
    assert "signal" in listed
    assert "every product" in listed
    assert bound.strip() not in listed
    with running_sandbox(folder) as url:
        names = {}
        for key in (bound, free):
            answer = httpx.get(f"{url}/api/companies", headers={"X-SM-Key": key.strip()})
            names[key] = {c["name"] for c in answer.json()["data"]["items"]}
        assert "Acme Corp" not in names[bound]
        assert "Acme Corp" in names[free]


def test_a_product_that_is_none_is_refused(tmp_path: Path) -> None:
    code, printed = run_portal(
        "sandbox", "key", "create", "x", "--product", "No Product", folder=project_in(tmp_path)
    )
    assert code == 1
    assert "not a product" in printed


def test_a_strict_sandbox_refuses_calls_without_platform(tmp_path: Path) -> None:
    folder = project_in(tmp_path)
    with running_sandbox(folder, "--strict") as url:
        secrets = dict(
            line.split("=", 1)
            for line in (folder / ".dev.vars").read_text().splitlines()
            if "=" in line
        )
        headers = {
            "CF-Access-Client-Id": secrets["SM_API_CLIENT_ID"],
            "CF-Access-Client-Secret": secrets["SM_API_CLIENT_SECRET"],
        }
        assert httpx.get(f"{url}/api/companies", headers=headers).status_code == 403
        headers["X-SM-Platform"] = "mode-portal/1.0"
        assert httpx.get(f"{url}/api/companies", headers=headers).status_code == 200


def test_a_large_sandbox_has_as_many_companies_as_asked_for(tmp_path: Path) -> None:
    folder = project_in(tmp_path)
    with running_sandbox(folder, "--companies", "40") as url:
        code, key = run_portal("sandbox", "key", "create", "count", folder=folder)
        assert code == 0
        answer = httpx.get(f"{url}/api/companies", headers={"X-SM-Key": key.strip()})
        assert answer.json()["data"]["total"] >= 40


def test_production_commands_do_not_import_what_the_sandbox_needs(tmp_path: Path) -> None:
    script = (
        "import sys; from portal.cli.main import parser; parser('serve');"
        "import portal.cli.worker;"
        "print({'sqlalchemy', 'mcp', 'aiosmtpd', 'portal.sandbox'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
