"""Every example of the guide does what the guide says, with only the host changed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from dotenv import dotenv_values
from playwright._impl._driver import compute_driver_executable
from playwright.sync_api import Page

from tests.browser.test_journey import sign_in
from tests.guide.examples import Guide, read_guide
from tests.processes import Dev, running_dev

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """A `portal dev` of this module's own, because the examples write."""
    with running_dev(tmp_path_factory.mktemp("guide")) as running:
        yield running


@pytest.fixture
def guide(dev: Dev) -> Guide:
    return read_guide(dev.sandbox)


@pytest.fixture
def variables(dev: Dev) -> dict[str, str]:
    """The secrets that `portal dev` wrote."""
    found = dotenv_values(dev.folder / ".dev.vars")
    return {name: value for name, value in found.items() if value is not None}


@pytest.fixture
def crm(dev: Dev, variables: dict[str, str]) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=dev.sandbox, headers={"X-SM-Key": variables["SM_API_KEY"]}
    ) as client:
        yield client


def run_curl(command: str, variables: dict[str, str]) -> Any:
    import json

    done = subprocess.run(
        ["bash", "-c", command.replace("curl ", "curl --silent --show-error ", 1)],
        env={**os.environ, **variables, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return json.loads(done.stdout)


def test_the_curl_example_creates_a_company_tagged_to_mode(
    guide: Guide, variables: dict[str, str], crm: httpx.Client
) -> None:
    answer = run_curl(guide.curl[0], variables)
    assert answer["ok"] is True
    made = crm.get(f"/api/companies/{answer['data']['id']}").json()["data"]
    assert (made["name"], made["product"], made["company_type"]) == ("Acme Corp", "mode", "client")


def test_filtering_by_product_finds_that_products_records_alone(
    guide: Guide, crm: httpx.Client
) -> None:
    assert len(guide.queries) == 3
    for query in guide.queries:
        data = crm.get(query).json()["data"]
        found = data["items"] if isinstance(data, dict) else data
        assert found
        name = query.partition("?")[0]
        for record in found:
            whole = crm.get(f"{name}/{record['id']}").json()["data"]
            assert whole.get("product") == "mode" or "mode" in whole["products"]


def test_the_curl_example_grants_jane_access_and_she_can_sign_in(
    guide: Guide, dev: Dev, variables: dict[str, str], crm: httpx.Client, page: Page
) -> None:
    crm.patch("/api/contacts/ct_abc123", json={"portal_access": 0}).raise_for_status()
    assert run_curl(guide.curl[1], variables)["ok"] is True
    jane = crm.get("/api/contacts/ct_abc123").json()["data"]
    assert (jane["portal_access"], jane["portal_role"]) == (1, "client_admin")
    sign_in(page, dev, "jane@acme.com")
    me = page.evaluate("fetch('/auth/me').then((answer) => answer.json())")
    assert me["products"] == ["mode"]


def test_the_worker_example_reads_company_and_engagements(
    guide: Guide, variables: dict[str, str], tmp_path: Path
) -> None:
    names = ("SM_API_CLIENT_ID", "SM_API_CLIENT_SECRET")
    script = tmp_path / "worker.mjs"
    script.write_text(
        f"const env = {{{', '.join(f'{n}: process.env.{n}' for n in names)}}}\n{guide.worker}\n"
        "console.log(JSON.stringify([company.name, engagements.map((e) => e.product)]))\n"
    )
    node = compute_driver_executable()[0]
    done = subprocess.run(
        [node, str(script)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    name, _, products = done.stdout.strip().partition(",")
    assert name == '["Acme Corp"'
    assert set(products.strip("[]\n").replace('"', "").split(",")) == {"mode"}


def run_in_page(page: Page, guide: Guide, example: str) -> Any:
    """Run an example on the open page as a module would; gives what its call returned."""
    call = example.partition("await ")[2]
    importing = guide.browser_import.replace("import ", "const ").replace(
        " from ", " = await import("
    )
    return page.evaluate(f"async () => {{ {importing}); return await {call} }}")


def test_every_browser_example_works_for_staff(
    guide: Guide, dev: Dev, crm: httpx.Client, page: Page
) -> None:
    page.goto(f"{dev.sandbox}/auth/sso/google?product=mode&redirect={dev.portal}/staff")
    page.get_by_role("button", name="ava@sprintmode.ai").click()
    page.wait_for_url(f"{dev.portal}/staff")

    contacts, activity, patch = guide.browser_calls
    found = run_in_page(page, guide, contacts)["data"]["items"]
    assert {c["company_id"] for c in found} == {"co_abc123"}
    assert len(found) >= 2
    assert run_in_page(page, guide, activity)["ok"] is True
    assert run_in_page(page, guide, patch)["ok"] is True
    assert crm.get("/api/contacts/ct_abc123").json()["data"]["pipeline_stage"] == "onboarding"

    logged = run_in_page(page, guide, guide.log_activity)
    assert logged["ok"] is True
    made = crm.get(f"/api/activities/{logged['data']['id']}").json()["data"]
    assert made["metadata"] == {"scan_id": "scan_xyz", "systems_found": 47}
    assert (made["source"], made["contact_id"]) == ("mode", "ct_def456")


def test_for_jane_reads_and_the_activity_work_and_the_stage_is_refused(
    guide: Guide, dev: Dev, crm: httpx.Client, page: Page
) -> None:
    before = crm.get("/api/contacts/ct_abc123").json()["data"]["pipeline_stage"]
    sign_in(page, dev, "jane@acme.com")
    contacts, activity, patch = guide.browser_calls
    found = run_in_page(page, guide, contacts)["data"]["items"]
    assert {c["company_id"] for c in found} == {"co_abc123"}
    assert run_in_page(page, guide, activity)["ok"] is True
    refused = run_in_page(page, guide, patch)
    assert refused["ok"] is False
    assert refused["field"] == "pipeline_stage"
    assert crm.get("/api/contacts/ct_abc123").json()["data"]["pipeline_stage"] == before


def test_the_short_form_of_api_writes_too(guide: Guide, dev: Dev, page: Page) -> None:
    sign_in(page, dev, "jane@acme.com")
    short = (
        "await api('/api/activities', { method: 'POST', body: { activity_type: 'report_viewed' } })"
    )
    assert run_in_page(page, guide, short)["ok"] is True
    mixed_up = "await api('/api/activities', null, { method: 'GET', body: { activity_type: 'x' } })"
    assert run_in_page(page, guide, mixed_up)["ok"] is False
