"""/api writes: a short list for clients, the guide's examples for staff, nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.test_reads import staff
from tests.stage import Stage, stage


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def test_a_clients_activity_is_theirs_whatever_it_says(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    body = {
        "activity_type": "report_viewed",
        "company_id": "co_abc123",
        "contact_id": "ct_def456",
        "source": "signal",
        "metadata": {"report": "q3"},
    }
    answer = await jane.post("/api/activities", json=body)
    assert answer.status_code == 201
    assert answer.json()["data"]["id"]
    made = (await on.activities("report_viewed"))[0]
    assert (made["company_id"], made["contact_id"]) == ("co_abc123", "ct_abc123")
    assert made["source"] == "mode"
    assert made["metadata"]["report"] == "q3"


async def test_a_client_cannot_log_what_would_speak_for_us(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    for kind in ("invoice_paid", "scan_completed", "portal_login", "note", ""):
        answer = await jane.post("/api/activities", json={"activity_type": kind})
        assert answer.status_code in (403, 422), kind
        assert answer.json()["field"] == "activity_type"


async def test_a_client_cannot_log_for_another_company(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    body = {"activity_type": "report_viewed", "company_id": "co_globex"}
    assert (await jane.post("/api/activities", json=body)).status_code == 404


async def test_people_change_what_is_theirs_and_it_shows_at_once(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    await jane.get("/")
    answer = await jane.patch("/api/contacts/ct_abc123", json={"title": "Chief of Staff"})
    assert answer.status_code == 200, answer.text
    assert (await jane.get("/api/profile")).json()["profile"]["title"] == "Chief of Staff"
    answer = await jane.patch("/api/profile", json={"phone": "+1 555 0100"})
    assert answer.status_code == 200
    contact = (await on.sandbox.get("/api/contacts/ct_abc123")).json()["data"]
    assert (contact["title"], contact["phone"]) == ("Chief of Staff", "+1 555 0100")


@pytest.mark.parametrize(
    "field",
    [
        "pipeline_stage",
        "portal_access",
        "portal_role",
        "product",
        "products",
        "email",
        "company_id",
    ],
)
async def test_no_other_field_of_oneself_can_be_changed(on: Stage, field: str) -> None:
    sam = await on.signed_in("sam@acme.com")
    before = (await on.sandbox.get("/api/contacts/ct_def456")).json()["data"]
    for path in ("/api/contacts/ct_def456", "/api/profile"):
        answer = await sam.patch(path, json={"title": "Boss", field: "client_admin"})
        assert (answer.status_code, answer.json()["field"]) == (403, field)
    assert (await on.sandbox.get("/api/contacts/ct_def456")).json()["data"] == before


async def test_nobody_changes_a_colleague_or_a_stranger(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    for contact_id in ("ct_def456", "ct_nobody"):
        answer = await jane.patch(f"/api/contacts/{contact_id}", json={"title": "x"})
        assert answer.status_code == 404


async def test_what_sm_api_objects_to_is_told(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    answer = await jane.patch("/api/contacts/ct_abc123", json={"title": "a\0b"})
    assert (answer.status_code, answer.json()["field"]) == (422, "title")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 422),
        (b"[]", "application/json", 422),
        (b"{}", "application/json", 422),
        (b"title=x", "application/x-www-form-urlencoded", 415),
        (b'{"title": "' + b"x" * 70_000 + b'"}', "application/json", 413),
        (b"\xff\xfe", "application/json", 422),
    ],
)
async def test_a_body_that_is_none_is_refused_in_the_envelope(
    on: Stage, body: bytes, content_type: str, status: int
) -> None:
    jane = await on.signed_in("jane@acme.com")
    headers = {"Content-Type": content_type}
    answer = await jane.patch("/api/contacts/ct_abc123", content=body, headers=headers)
    assert (answer.status_code, answer.json()["ok"]) == (status, False)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/companies"),
        ("POST", "/api/contacts"),
        ("POST", "/api/invoices"),
        ("PATCH", "/api/companies/co_abc123"),
        ("PATCH", "/api/invoices/inv_2026001"),
        ("DELETE", "/api/contacts/ct_abc123"),
        ("PUT", "/api/contacts/ct_abc123"),
    ],
)
async def test_every_other_write_is_refused_and_reaches_nobody(
    on: Stage, method: str, path: str
) -> None:
    jane = await on.signed_in("jane@acme.com")
    before = len(on.wire.calls)
    answer = await jane.request(method, path, json={"name": "x"})
    assert answer.status_code in (403, 404, 405)
    assert answer.json()["ok"] is False
    assert [call.method for call in on.wire.calls[before:] if call.method != "GET"] == []


async def test_a_write_from_another_site_is_refused(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    answer = await jane.post(
        "/api/activities", json={"activity_type": "report_viewed"}, headers=headers
    )
    assert (answer.status_code, answer.json()["ok"]) == (403, False)


async def test_staff_do_what_the_guide_shows_within_the_product(on: Stage) -> None:
    ava = await staff(on)
    made = await ava.post("/api/companies", json={"name": "New Co", "company_type": "client"})
    assert made.status_code == 201
    company = (await on.sandbox.get(f"/api/companies/{made.json()['data']['id']}")).json()["data"]
    assert company["product"] == "mode"
    patched = await ava.patch("/api/contacts/ct_abc123", json={"pipeline_stage": "onboarding"})
    assert patched.status_code == 200
    logged = await ava.post(
        "/api/activities",
        json={"activity_type": "scan_completed", "company_id": "co_abc123", "source": "mode"},
    )
    assert logged.status_code == 201


async def test_staff_write_nothing_of_another_product(on: Stage) -> None:
    ava = await staff(on)
    contacts = (await on.sandbox.get("/api/contacts", params={"product": "signal"})).json()
    ids = [str(c["id"]) for c in contacts["data"]["items"]]
    [foreign, *_] = [contact_id for contact_id in ids if await _only_signal(on, contact_id)]
    for method, path, body in (
        ("PATCH", f"/api/contacts/{foreign}", {"title": "x"}),
        ("POST", "/api/activities", {"activity_type": "note", "contact_id": foreign}),
        ("PATCH", "/api/contacts/ct_abc123", {"product": "signal"}),
        ("PATCH", "/api/contacts/ct_abc123", {"is_sm_team": 1}),
        ("POST", "/api/companies", {"name": "x", "product": "signal"}),
        ("POST", "/api/activities", {"activity_type": "note", "source": "signal"}),
    ):
        answer = await ava.request(method, path, json=body)
        assert answer.status_code in (403, 404), (method, path, body)


async def _only_signal(on: Stage, contact_id: str) -> bool:
    contact: dict[str, Any] = (await on.sandbox.get(f"/api/contacts/{contact_id}")).json()["data"]
    return bool(contact["products"] == ["signal"])
