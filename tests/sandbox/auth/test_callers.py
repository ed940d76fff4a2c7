"""People as callers: staff touch everything, clients read their own and log what they did."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx2 as httpx
import pytest

from portal.sandbox.resources import CONTACTS
from portal.sandbox.scope import EVERYTHING
from portal.sandbox.store import Store
from portal.sandbox.write import change_record
from tests.sandbox.auth.setup import (
    AVA,
    HUB,
    JANE,
    NADIA,
    ORIGIN,
    PAT,
    PORTAL,
    SAM,
    hub_app,
    signed_in,
    through_google,
)
from tests.sandbox.setup import Clock, refused

KEYED = {"X-SM-Key": "an-unbound-key"}
WRITES = [
    ("POST", "/api/companies", {"name": "Mine"}),
    ("PATCH", "/api/companies/co_abc123", {"name": "Mine"}),
    ("POST", "/api/contacts", {"email": "x@acme.com", "company_id": "co_abc123"}),
    ("PATCH", "/api/contacts/ct_abc123", {"portal_role": "client_admin"}),
    ("POST", "/api/engagements", {"company_id": "co_abc123", "name": "x"}),
    ("POST", "/api/invoices", {"company_id": "co_abc123", "amount": 1}),
    ("POST", "/api/deals", {"title": "x"}),
    ("POST", "/api/activities/transcript", {"transcript": "A: b"}),
    ("POST", "/api/magic_sessions", {}),
]
VIEWED = {"activity_type": "report_viewed", "company_id": "co_abc123", "title": "Report"}


async def activity(browser: httpx.AsyncClient, activity_id: str) -> dict[str, Any]:
    data = (await browser.get(f"/api/activities/{activity_id}", headers=KEYED)).json()["data"]
    assert isinstance(data, dict)
    return data


async def test_staff_read_and_write_everything(browser: httpx.AsyncClient, clock: Clock) -> None:
    ava = signed_in(AVA, clock)
    companies = (await browser.get("/api/companies", headers=ava)).json()["data"]["items"]
    assert {"co_abc123", "co_globex1", "co_wayne01"} <= {c["id"] for c in companies}
    assert all("health_score" in company for company in companies)
    assert (await browser.get("/api/deals", headers=ava)).json()["data"]
    patched = await browser.patch(
        "/api/contacts/ct_abc123", json={"pipeline_stage": "onboarding"}, headers=ava
    )
    assert patched.status_code == 200
    made = await browser.post("/api/companies", json={"name": "New"}, headers=ava)
    assert made.status_code == 201


async def test_staff_are_staff_only_as_long_as_the_crm_says_so(
    browser: httpx.AsyncClient, demo_store: Store, clock: Clock
) -> None:
    with demo_store.writing() as connection:
        gone = {"is_sm_team": 0}
        change_record(connection, CONTACTS, EVERYTHING, AVA[0], gone, demo_store.now())
    refused(await browser.get("/api/companies", headers=signed_in(AVA, clock)), 403)


async def test_a_person_signed_in_at_the_hub_calls_the_api(browser: httpx.AsyncClient) -> None:
    await through_google(browser, "jane@acme.com")
    found = (await browser.get("/api/companies")).json()["data"]["items"]
    assert [company["id"] for company in found] == ["co_abc123"]


async def test_a_client_writes_nothing_of_the_crm(browser: httpx.AsyncClient, clock: Clock) -> None:
    for method, path, body in WRITES:
        answer = await browser.request(method, path, json=body, headers=signed_in(JANE, clock))
        assert refused(answer, 403)["reason"] == "not_authorized", (method, path)


async def test_internal_resources_are_refused(browser: httpx.AsyncClient, clock: Clock) -> None:
    for name in ("deals", "deals/x", "leads", "pipelines", "magic_sessions"):
        answer = await browser.get(f"/api/{name}", headers=signed_in(JANE, clock))
        assert refused(answer, 403)["reason"] == "not_authorized", name


async def test_only_client_admins_read_invoices(browser: httpx.AsyncClient, clock: Clock) -> None:
    jane, sam = signed_in(JANE, clock), signed_in(SAM, clock)
    invoices = (await browser.get("/api/invoices", headers=jane)).json()["data"]
    assert invoices
    assert "draft" not in {invoice["status"] for invoice in invoices}
    refused(await browser.get("/api/invoices", headers=sam), 403)
    refused(await browser.get(f"/api/invoices/{invoices[0]['id']}", headers=sam), 403)
    kinds = [
        {a["activity_type"] for a in (await browser.get(path, headers=person)).json()["data"]}
        for person in (jane, sam)
        for path in ("/api/activities",)
    ]
    assert "invoice_paid" in kinds[0]
    assert not {"invoice_paid", "invoice_sent", "payment_received"} & kinds[1]


async def test_another_clients_records_do_not_exist(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    jane = signed_in(JANE, clock)
    for path in ("/api/companies/co_globex1", "/api/contacts/ct_globex1", "/api/companies/co_no"):
        refused(await browser.get(path, headers=jane), 404)


@pytest.mark.parametrize(
    ("person", "products"),
    [(JANE, ("signal",)), (NADIA, ("mode",)), (PAT, ("mode",)), (JANE, ("none",))],
)
async def test_without_access_to_a_product_nothing_is_read(
    browser: httpx.AsyncClient, clock: Clock, person: tuple[str, str], products: tuple[str, ...]
) -> None:
    headers = signed_in(person, clock, *products)
    for path in ("/api/companies", "/api/contacts", "/api/activities"):
        assert refused(await browser.get(path, headers=headers), 403)["reason"] == "not_authorized"


async def test_a_clients_activity_is_their_own_whatever_the_body_says(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    forged = {"contact_id": "ct_def456", "source": "signal", "source_id": "x", "agent_id": "y"}
    made = await browser.post(
        "/api/activities", json={**VIEWED, **forged}, headers=signed_in(JANE, clock)
    )
    assert made.status_code == 201
    stored = await activity(browser, made.json()["data"]["id"])
    assert (stored["contact_id"], stored["company_id"]) == (JANE[0], "co_abc123")
    assert (stored["source"], stored["source_id"]) == ("mode", f"session:{JANE[0]}")
    assert stored["agent_id"] is None


async def test_a_client_reads_back_what_they_logged_and_nobody_else_does(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    bare = {"activity_type": "report_viewed"}
    made = await browser.post("/api/activities", json=bare, headers=signed_in(JANE, clock))
    path = f"/api/activities/{made.json()['data']['id']}"
    assert (await browser.get(path, headers=signed_in(JANE, clock))).status_code == 200
    refused(await browser.get(path, headers=signed_in(SAM, clock)), 404)


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"company_id": "co_globex1"}, 422, "company_id"),
        ({"company_id": "co_nowhere"}, 422, "company_id"),
        ({"engagement_id": "eng_nowhere"}, 422, "engagement_id"),
        ({"activity_type": "note"}, 403, "activity_type"),
        ({"activity_type": "invoice_paid"}, 403, "activity_type"),
        ({"activity_type": ""}, 422, "activity_type"),
    ],
)
async def test_a_client_logs_nothing_elsewhere_and_nothing_that_speaks_for_us(
    browser: httpx.AsyncClient, clock: Clock, changes: dict[str, Any], status: int, field: str
) -> None:
    answer = await browser.post(
        "/api/activities", json={**VIEWED, **changes}, headers=signed_in(JANE, clock)
    )
    refused(answer, status, field)


async def test_nothing_is_written_during_a_preview(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    viewing = {"contact_id": JANE[0]}
    for person in (AVA, JANE):
        headers = signed_in(person, clock, viewing_as=viewing)
        for method, path, body in [*WRITES, ("POST", "/api/activities", VIEWED)]:
            answer = await browser.request(method, path, json=body, headers=headers)
            assert refused(answer, 403)["reason"] == "viewing_as"
        profile = await browser.patch("/api/profile", json={"title": "x"}, headers=headers)
        assert refused(profile, 403)["reason"] == "viewing_as"


async def test_a_preview_reads_what_the_client_reads(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    for target in (JANE, SAM):
        headers = signed_in(AVA, clock, viewing_as={"contact_id": target[0]})
        for path in ("/api/companies/co_abc123", "/api/activities", "/api/invoices"):
            seen = await browser.get(path, headers=headers)
            own = await browser.get(path, headers=signed_in(target, clock))
            assert (seen.status_code, seen.json()) == (own.status_code, own.json())


@pytest.mark.parametrize(
    "viewing", [{"contact_id": "ct_no"}, {"contact_id": 7}, {"team_role": "x"}, "ct_abc123", [1]]
)
async def test_a_preview_of_nobody_reads_nothing(
    browser: httpx.AsyncClient, clock: Clock, viewing: Any
) -> None:
    headers = signed_in(AVA, clock, viewing_as=viewing)
    refused(await browser.get("/api/companies", headers=headers), 403)


async def test_the_edges_user_is_scoped_like_a_session(demo_store: Store, clock: Clock) -> None:
    app = hub_app(demo_store, clock, replace(HUB, trust_access_email=True))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:

        async def read(email: str, path: str) -> httpx.Response:
            headers = {"cf-access-authenticated-user-email": email}
            return await client.get(path, headers=headers)

        own = await read("Jane@acme.com", "/api/companies")
        assert [c["id"] for c in own.json()["data"]["items"]] == ["co_abc123"]
        refused(await read("jane@acme.com", "/api/deals"), 403)
        refused(await read("sam@acme.com", "/api/invoices"), 403)
        assert (await read("ava@sprintmode.ai", "/api/deals")).status_code == 200
        for nobody in ("pat@acme.com", "nobody@acme.com", "robin@parkadvisory.example"):
            refused(await read(nobody, "/api/companies"), 403)


async def test_the_edges_header_means_nothing_without_an_edge(browser: httpx.AsyncClient) -> None:
    headers = {"cf-access-authenticated-user-email": "ava@sprintmode.ai"}
    refused(await browser.get("/api/companies", headers=headers), 401)


async def test_a_program_is_asked_for_its_own_credential_before_a_cookie(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    jane = signed_in(JANE, clock)
    refused(await browser.get("/api/companies", headers={**jane, "X-SM-Key": "wrong"}), 401)
    both = await browser.get("/api/companies", headers={**jane, **KEYED, "Origin": PORTAL})
    assert len(both.json()["data"]["items"]) > 1
