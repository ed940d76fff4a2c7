"""The demo data has what the guide, the portal's pages and its tests count on."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx2 as httpx

from portal.sandbox.demo import DEMO_PEOPLE, seed_large
from portal.sandbox.store import Store
from tests.sandbox.setup import Clock

ACME = {"company_id": "co_abc123"}
DOCUMENTED = {
    *("call", "email", "meeting", "note", "transcript", "lead_submitted", "status_change"),
    *("invoice_paid", "support_request", "portal_login", "deal_created", "engagement_started"),
    *("hiring_intake", "ai_summary", "scan_completed", "report_generated", "phase_started"),
    "report_viewed",
}


async def read(api: httpx.AsyncClient, path: str, **params: str | int) -> Any:
    response = await api.get(path, params=params)
    assert response.status_code == 200, response.text
    return json.loads(response.text, parse_float=Decimal)["data"]


async def test_the_guides_examples_run(demo: httpx.AsyncClient) -> None:
    assert (await read(demo, "/api/companies/co_abc123"))["name"] == "Acme Corp"
    engagements = await read(demo, "/api/engagements", **ACME, product="mode")
    assert "Mode implementation retainer" in [e["name"] for e in engagements]
    grant = {"portal_access": 1, "product": "mode", "portal_role": "client_admin"}
    jane = (await demo.patch("/api/contacts/ct_abc123", json=grant)).json()["data"]
    assert (jane["email"], jane["products"]) == ("jane@acme.com", ["mode"])
    activity = {
        "activity_type": "scan_completed",
        "company_id": "co_abc123",
        "contact_id": "ct_def456",
        "title": "Mode scan completed",
        "description": "Full technology audit finished. 47 systems mapped.",
        "source": "mode",
        "metadata": {"scan_id": "scan_xyz", "systems_found": 47},
    }
    assert (await demo.post("/api/activities", json=activity)).status_code == 201
    stage = {"pipeline_stage": "onboarding"}
    assert (await demo.patch("/api/contacts/ct_abc123", json=stage)).status_code == 200
    tagged = {"name": "Acme Corp", "product": "mode", "company_type": "client"}
    assert (await demo.post("/api/companies", json=tagged)).status_code == 201


async def test_acme_has_work_in_every_status(demo: httpx.AsyncClient) -> None:
    engagements = await read(demo, "/api/engagements", **ACME)
    mine = [e for e in engagements if e["product"] == "mode"]
    assert len(mine) == 5
    assert {e["status"] for e in mine} == {"active", "paused", "completed", "cancelled"}
    assert [e["product"] for e in engagements if e not in mine] == ["signal"]
    deals = await read(demo, "/api/deals", **ACME)
    assert "Mode expansion deal" in [deal["title"] for deal in deals]


async def test_acme_has_bills_of_every_kind_and_their_lines_add_up(
    demo: httpx.AsyncClient,
) -> None:
    invoices = await read(demo, "/api/invoices", **ACME, limit=500)
    mode = [i for i in invoices if i["product"] == "mode"]
    assert len(mode) >= 14
    assert {i["status"] for i in mode} == {"draft", "sent", "paid", "overdue", "void"}
    assert {i["currency"] for i in mode} == {"USD", "EUR"}
    assert any(i["amount"] < 0 for i in mode)
    assert any(0 < i["amount_paid"] < i["amount"] for i in mode)
    assert any("IBAN" in (i["payment_instructions"] or "") for i in mode)
    for invoice in invoices:
        assert sum(line["amount"] for line in invoice["line_items"]) == invoice["amount"]
        for line in invoice["line_items"]:
            assert line["quantity"] * line["unit_price"] == line["amount"]
        if invoice["status"] == "paid":
            assert invoice["amount_paid"] == invoice["amount"]
            assert invoice["paid_date"] >= invoice["issued_date"]
        assert (invoice["payment_url"] or "https://").startswith("https://")
    assert {"INV-2026-001"} <= {i["invoice_number"] for i in mode}
    untagged = [i for i in invoices if i["product"] is None]
    assert {bool(i["engagement_id"]) for i in untagged} == {True, False}


async def test_acme_has_a_history_of_every_documented_type(demo: httpx.AsyncClient) -> None:
    activities = await read(demo, "/api/activities", **ACME, limit=500)
    assert len(activities) >= 45
    assert {a["activity_type"] for a in activities} >= DOCUMENTED
    moments = [a["created_at"] for a in activities]
    assert moments == sorted(moments, reverse=True)
    assert moments[0] <= "2026-05-13T10:42"


async def test_everybody_on_the_list_is_in_the_crm_as_described(demo: httpx.AsyncClient) -> None:
    contacts = (await read(demo, "/api/contacts", limit=100))["items"]
    by_email: dict[str, list[dict[str, Any]]] = {}
    for contact in contacts:
        by_email.setdefault(contact["email"], []).append(contact)
    for person in DEMO_PEOPLE:
        found = by_email[person.email]
        assert {c["full_name"] for c in found} == {person.name}
        assert {c["company_name"] for c in found} == set(person.company.split(", "))
    assert set(by_email) == {person.email for person in DEMO_PEOPLE}

    def may_enter(email: str) -> list[bool]:
        return [c["portal_access"] == 1 and "mode" in c["products"] for c in by_email[email]]

    for email in ("jane@acme.com", "sam@acme.com", "hank@globex.com", "mary-jane@acme.com"):
        assert may_enter(email) == [True]
    assert may_enter("robin@parkadvisory.example") == [True, True]
    assert may_enter("pat@acme.com") == may_enter("nadia@wayne.example") == [False]
    assert by_email["ava@sprintmode.ai"][0]["is_sm_team"] == 1
    assert by_email["zoe@lukasiewicz.example"][0]["timezone"] == "Europe/Warsaw"


async def test_nothing_of_globex_is_acmes(demo: httpx.AsyncClient) -> None:
    for path in ("engagements", "invoices", "activities", "deals"):
        found = await read(demo, f"/api/{path}", company_id="co_globex1")
        assert found
        assert all(record["company_id"] == "co_globex1" for record in found)


async def test_the_large_set_is_always_the_same(clock: Clock) -> None:
    contents = []
    for _ in range(2):
        store = Store(None, clock)
        seed_large(store, clock(), 20)
        with store.reading() as connection:
            rows = connection.exec_driver_sql("SELECT * FROM activities ORDER BY id").all()
        contents.append([tuple(row) for row in rows])
        store.close()
    assert contents[0] == contents[1]
    assert len(contents[0]) == 20 * 50
