"""A client's page: its people, and who sees what, counted and explained by the real rules."""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2 as httpx
import pytest

from portal.crm.staff_access import StaffAccess
from portal.domain.viewer import Role, Staff
from portal.sandbox.resources import RESOURCES
from portal.staff.who_sees_what import KINDS, Sight, who_sees_what
from tests.staff.stand import by_google
from tests.stage import Stage, stage

PAGE: Final = "/staff/companies/co_abc123"
LABELS: Final = {
    "companies": "Company",
    "contacts": "People",
    "engagements": "Engagements",
    "invoices": "Invoices",
    "activities": "Activities",
    "deals": "Deals",
}
CLIENTS: Final = {
    "co_abc123": {Role.CLIENT_ADMIN: "jane@acme.com", Role.CLIENT_VIEWER: "sam@acme.com"},
    "co_globex1": {Role.CLIENT_ADMIN: "hank@globex.com"},
    "co_zoelu01": {Role.CLIENT_ADMIN: "zoe@lukasiewicz.example"},
    "co_umbrel1": {Role.CLIENT_ADMIN: "mary-jane@acme.com"},
}


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


class NewerCrm(httpx.ASGITransport):
    """The same SM API after somebody there has added a field to everything."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, with the field in each record."""
        answer = await super().handle_async_request(request)
        body = json.loads(await answer.aread())
        data = body.get("data")
        records = data["items"] if isinstance(data, dict) and "items" in data else data
        for record in records if isinstance(records, list) else [records]:
            if isinstance(record, dict):
                record["churn_risk"] = "certain-to-leave"
        return httpx.Response(answer.status_code, json=body)


async def sights(on: Stage, company_id: str = "co_abc123") -> dict[str, Sight]:
    staff = Staff("ct_avator1", "ava@sprintmode.ai", "Ava", on.settings.product)
    access = StaffAccess(staff, on.env.sm, on.env.contacts)
    company = await access.record("companies", company_id)
    people = await access.records("contacts", {"company_id": company_id})
    return {one.name: one for one in await who_sees_what(on.env, access, company, people)}


async def listed(browser: Any, name: str, **query: Any) -> list[dict[str, Any]]:
    """What `/api` gives a person of one kind; nothing where it refuses the role or the kind."""
    answer = await browser.get(f"/api/{name}", params={"limit": 500, **query})
    if answer.status_code in (403, 404):
        return []
    data = answer.json()["data"]
    return list(data["items"] if isinstance(data, dict) else data)


def table(page: str) -> dict[str, list[int]]:
    """The rows of "who sees what": viewer, administrator, staff."""
    rows = re.findall(
        r'<tr role="row"><th scope="row" role="rowheader">([^<]+)</th>(.*?)</tr>', page
    )
    return {
        html.unescape(name).strip(): [int(n) for n in re.findall(r">(\d+)</td>", cells)]
        for name, cells in rows
        if re.search(r">\d+</td>", cells)
    }


@pytest.mark.parametrize("company_id", CLIENTS)
async def test_the_page_counts_what_each_role_and_staff_are_given(
    on: Stage, company_id: str
) -> None:
    ava = await by_google(on)
    rows = table((await ava.get(f"/staff/companies/{company_id}")).text)
    assert set(rows) == set(LABELS.values())
    for role, email in CLIENTS[company_id].items():
        browser = await on.signed_in(email)
        for name, label in LABELS.items():
            column = 0 if role is Role.CLIENT_VIEWER else 1
            assert rows[label][column] == len(await listed(browser, name)), (role, name)
    for name, label in LABELS.items():
        query = {} if name == "companies" else {"company_id": company_id}
        theirs = await listed(ava, name, **query)
        own = [r for r in theirs if r.get("company_id", r["id"]) == company_id]
        assert rows[label][2] == len(own), name


@pytest.mark.parametrize("company_id", CLIENTS)
async def test_every_hidden_record_is_listed_with_a_rule_and_no_shown_one_is(
    on: Stage, company_id: str
) -> None:
    found = await sights(on, company_id)
    for role, email in CLIENTS[company_id].items():
        browser = await on.signed_in(email)
        for name in ("engagements", "invoices", "activities", "deals"):
            shown = {record["id"] for record in await listed(browser, name)}
            by_rule = {r.id for r in found[name].hidden_records if r.hidden_by[role] is not None}
            assert not shown & by_rule, (role, name)
            assert len(shown) + len(by_rule) == found[name].staff_count, (role, name)


async def test_every_internal_field_of_the_crm_is_listed_once_it_has_a_value(on: Stage) -> None:
    """The sandbox knows which of its fields are internal: another source than the projections."""
    found = await sights(on)
    for resource in RESOURCES:
        if resource.name not in KINDS or resource.name == "deals":
            continue
        internal = {field.name for field in resource.fields if field.internal}
        answer = await on.sandbox.get(f"/api/{resource.name}", params={"limit": 500})
        raw = answer.json()["data"]
        hidden = found[resource.name].hidden_records
        never = {record.id for record in hidden if record.hidden_by[Role.CLIENT_ADMIN]}
        valued = {
            name
            for record in (raw["items"] if isinstance(raw, dict) else raw)
            if record.get("company_id", record["id"]) == "co_abc123" and record["id"] not in never
            for name in internal
            if record.get(name) not in (None, "", [], {})
        }
        assert valued or resource.name == "activities", resource.name
        assert valued <= {field.name for field in found[resource.name].hidden_fields}


async def test_a_field_that_is_new_in_the_crm_shows_up_as_hidden_by_itself(on: Stage) -> None:
    before = await sights(on)
    assert "churn_risk" not in {f.name for f in before["engagements"].hidden_fields}
    on.wire._inner = NewerCrm(app=on.wire._inner.app)
    after = await sights(on)
    for name in ("companies", "engagements", "invoices", "activities"):
        fields = {field.name: field.count for field in after[name].hidden_fields}
        assert fields["churn_risk"] == after[name].counts[Role.CLIENT_ADMIN], name
    ava = await by_google(on)
    assert "churn_risk" in (await ava.get(PAGE)).text
    jane = await on.signed_in("jane@acme.com")
    for path in (
        "/",
        "/engagements",
        "/invoices",
        "/activity",
        "/api/engagements",
        "/api/invoices",
    ):
        assert "churn_risk" not in (await jane.get(path)).text
        assert "certain-to-leave" not in (await jane.get(path)).text


async def test_what_is_hidden_inside_a_field_is_listed_too(on: Stage) -> None:
    """Hours and rates of a team are the most internal numbers that there are."""
    fields = {field.name for field in (await sights(on))["engagements"].hidden_fields}
    assert [name for name in fields if "rate" in name]
    assert [name for name in fields if "hours" in name]


async def test_a_company_of_another_product_or_none_is_not_found(on: Stage) -> None:
    ava = await by_google(on)
    for company_id in ("co_wayne01", "co_sprint1", "co_nobody1", "ct_abc123"):
        answer = await ava.get(f"/staff/companies/{company_id}")
        assert answer.status_code == 404
        assert "Wayne" not in answer.text


async def test_nothing_of_another_product_is_on_the_page(on: Stage) -> None:
    await on.patch("/api/contacts/ct_def456", product="signal", products=["signal"])
    ava = await by_google(on)
    assert "sam@acme.com" not in (await ava.get(PAGE)).text
    assert "Sam Lee</span>" not in (await ava.get("/staff", params={"q": "Sam Lee"})).text


async def test_looking_leaves_no_trace_with_the_client(on: Stage) -> None:
    ava = await by_google(on)
    await on.activities("portal_login")
    before = len(on.wire.calls)
    assert (await ava.get(PAGE)).status_code == 200
    assert {call.method for call in on.wire.calls[before:]} == {"GET"}
    assert await on.activities("portal_preview_started") == []
