"""What docs/sm-api.md promises callers is what the table of resources and the routes hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import httpx2 as httpx
import pytest

from portal.sandbox.app import SandboxConfig, create_sandbox
from portal.sandbox.cors import EXPOSED, PREFLIGHT
from portal.sandbox.fields import Resource
from portal.sandbox.google.misbehaviour import Misbehaviour
from portal.sandbox.google.routes import LONGEST_WAIT
from portal.sandbox.openapi import document
from portal.sandbox.resources import RESOURCES
from portal.sandbox.store import Store
from tests.sandbox.setup import Clock, client_of, refused

PAGE: Final = (Path(__file__).parents[2] / "docs" / "sm-api.md").read_text(encoding="utf-8")
DECIDED: Final = PAGE.partition("\n## What we decided\n")[2].partition("\n## ")[0]
LIMITS: Final = re.compile(r"^\| `(\w+)` \| `(\w+)_` \| \w+ \| (\d+), (\d+) \|", re.MULTILINE)
STATUS: Final = re.compile(r"^\| (\d{3}) \|", re.MULTILINE)
FILTERS: Final = re.compile(r"^\| `(\w+)` \| ((?:`[\w=]+`(?:, )?)+) \|$", re.MULTILINE)
PORTAL: Final = {"Origin": SandboxConfig("", "").portal_origin}


def by_id(resource: Resource) -> str:
    return resource.name


def test_the_table_has_the_default_and_most_of_every_list() -> None:
    told = [(name, int(usual), int(most)) for name, _, usual, most in LIMITS.findall(PAGE)]
    assert told == [(r.name, r.default_limit, r.most_limit) for r in RESOURCES]


def test_the_most_of_arrays_is_told_among_the_decisions() -> None:
    (most,) = {r.most_limit for r in RESOURCES if not r.paged}
    assert f"({most} for arrays)" in DECIDED


@pytest.mark.parametrize("resource", [r for r in RESOURCES if r.paged], ids=by_id)
async def test_a_page_is_as_long_as_is_told(api: httpx.AsyncClient, resource: Resource) -> None:
    told = {name: (int(usual), int(most)) for name, _, usual, most in LIMITS.findall(PAGE)}
    path = f"/api/{resource.name}"
    usual = (await api.get(path)).json()["data"]["limit"]
    most = (await api.get(path, params={"limit": 10**9})).json()["data"]["limit"]
    assert (usual, most) == told[resource.name]


@pytest.mark.parametrize("resource", RESOURCES, ids=by_id)
def test_every_filter_is_named(resource: Resource) -> None:
    table = PAGE.partition("\n| list | filters |\n")[2].partition("\n\n")[0]
    named = re.findall(r"`(\w+)", dict(FILTERS.findall(table))[resource.name])
    assert {f.parameter for f in resource.filters} <= set(named)
    assert {"sort"} & set(named) == ({"sort"} if resource.sorts else set())


def test_every_status_that_is_listed_is_one_that_some_operation_answers() -> None:
    answered = {
        int(status)
        for item in document("")["paths"].values()
        for operation in item.values()
        for status in operation["responses"]
    }
    listed = {int(status) for status in STATUS.findall(PAGE)}
    assert {302, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429} <= listed
    assert listed <= answered
    assert {status for status in answered if status >= 400} <= listed


def test_every_misbehaviour_of_the_google_stand_in_is_listed_in_order() -> None:
    modes = DECIDED.partition("The modes:")[2]
    assert re.findall(r"`(\w+)`", modes) == [mode.value for mode in Misbehaviour]
    assert f"`seconds` (0 to {LONGEST_WAIT})" in DECIDED


async def test_a_preflight_allows_what_is_told(store: Store, clock: Clock) -> None:
    asked = {**PORTAL, "Access-Control-Request-Method": "PATCH"}
    async with client_of(create_sandbox(SandboxConfig("", ""), store, clock)) as browser:
        answer = await browser.options("/api/contacts", headers=asked)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == PORTAL["Origin"]
    told = " ".join(DECIDED.split())
    assert PREFLIGHT["Access-Control-Allow-Methods"] in told
    assert f"good for {PREFLIGHT['Access-Control-Max-Age']} seconds" in told
    headers = PREFLIGHT["Access-Control-Allow-Headers"].split(", ")
    for name in (*headers, *EXPOSED.split(", ")):
        assert f"`{name}`" in told


async def test_a_foreign_write_is_refused_with_the_reason_that_is_told(
    api: httpx.AsyncClient,
) -> None:
    foreign = {"Origin": "https://elsewhere.example", "Cookie": "sm_client=x"}
    answer = await api.post("/api/activities", json={}, headers=foreign)
    assert f"`reason: {refused(answer, 403)['reason']}`" in " ".join(DECIDED.split())
