"""The Python examples of docs/sm-api.md, cut out of the page and run against a sandbox."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx
import pytest

from portal.cli.listener import bind
from portal.cli.servers import serving
from portal.crm.models import Company, Engagement
from portal.sandbox.app import SandboxConfig, create_sandbox
from portal.sandbox.demo import seed
from portal.sandbox.store import Store
from tests.stage import VARIABLES, TestClock

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "sm-api.md"
SECTION: Final = "\n## The same in Python\n"
BLOCK: Final = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples() -> list[str]:
    """The section's examples, in order."""
    section = DOCUMENT.read_text(encoding="utf-8").partition(SECTION)[2].partition("\n## ")[0]
    return BLOCK.findall(section)


def example_with(words: str) -> str:
    """The one example that has these words."""
    (found,) = [example for example in examples() if words in example]
    return found


async def run(example: str) -> dict[str, Any]:
    """Run it as `python -m asyncio` would; the names that it leaves behind."""
    code = compile(example, str(DOCUMENT), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    names: dict[str, Any] = {}
    running = eval(code, names)
    assert inspect.iscoroutine(running)
    await running
    return names


@pytest.fixture
async def crm(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """A strict sandbox with the demo's records, named by the environment; reached by API key."""
    clock, listener = TestClock(), bind("127.0.0.1", 0)
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    store = Store(None, clock)
    seed(store, clock())
    config = SandboxConfig(
        client_id=VARIABLES["SM_API_CLIENT_ID"],
        client_secret=VARIABLES["SM_API_CLIENT_SECRET"],
        api_key=VARIABLES["SM_API_KEY"],
        origin=origin,
        strict_platform=True,
    )
    monkeypatch.setenv("SM_API_URL", origin)
    monkeypatch.setenv("SM_API_CLIENT_ID", config.client_id)
    monkeypatch.setenv("SM_API_CLIENT_SECRET", config.client_secret)
    monkeypatch.delenv("PRODUCT", raising=False)
    key = {"X-SM-Key": VARIABLES["SM_API_KEY"]}
    async with (
        serving(create_sandbox(config, store, clock), listener),
        httpx.AsyncClient(base_url=origin, headers=key, trust_env=False) as client,
    ):
        yield client
    store.close()


async def data_of(crm: httpx.AsyncClient, path: str, **params: str) -> Any:
    response = await crm.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()["data"]


@pytest.mark.parametrize("number", range(len(examples())))
async def test_every_example_runs(crm: httpx.AsyncClient, number: int) -> None:
    names = await run(examples()[number])
    assert "SMApi" in names


async def test_the_company_is_the_one_that_was_asked_for(crm: httpx.AsyncClient) -> None:
    names = await run(example_with('sm.get("/api/companies/co_abc123")'))
    assert names["company"]["name"] == "Acme Corp"


async def test_the_engagements_are_all_those_of_the_product(crm: httpx.AsyncClient) -> None:
    own = await data_of(crm, "/api/engagements", company_id="co_abc123")
    tagged = {engagement["id"] for engagement in own if engagement["product"] == "mode"}
    names = await run(example_with("sm.list("))
    assert {engagement["id"] for engagement in names["engagements"]} == tagged
    assert 0 < len(tagged) < len(own)


async def test_the_activity_is_logged_once_however_often_it_is_sent(
    crm: httpx.AsyncClient,
) -> None:
    before = await data_of(crm, "/api/activities", type="scan_completed")
    first, second = [await run(example_with("sm.post(\n")) for _ in range(2)]
    assert first["logged"] == second["logged"]
    after = await data_of(crm, "/api/activities", type="scan_completed")
    new = [activity for activity in after if activity not in before]
    assert [activity["id"] for activity in new] == [first["logged"]["id"]]
    assert new[0]["metadata"] == {"scan_id": "scan_xyz", "systems_found": 47}


async def test_the_contact_is_granted_access(crm: httpx.AsyncClient) -> None:
    path = "/api/contacts/ct_abc123"
    taken = {"portal_access": 0, "products": [], "portal_role": "client_viewer"}
    assert (await crm.patch(path, json=taken)).status_code == 200
    names = await run(example_with("sm.patch("))
    contact = await data_of(crm, path)
    assert contact == names["contact"]
    assert contact["portal_access"] == 1
    assert contact["products"] == ["mode"]
    assert contact["portal_role"] == "client_admin"


async def test_typed_records_are_structs_without_internal_fields(crm: httpx.AsyncClient) -> None:
    names = await run(example_with("sm.fetch_list("))
    assert isinstance(names["company"], Company)
    assert names["active"]
    for engagement in names["active"]:
        assert isinstance(engagement, Engagement)
        assert engagement.status == "active"
        assert not hasattr(engagement, "cogs")


async def test_refusals_carry_their_status_and_field(crm: httpx.AsyncClient) -> None:
    names = await run(example_with("SMApiRejected"))
    assert names["missing"] == 404
    assert names["misspelt"] == "statuss"
