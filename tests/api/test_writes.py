"""/api writes: a short list for clients, the guide's examples for staff, nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from unittest import mock

import httpx2 as httpx
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


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timezone", "Mars/Olympus"),
        ("timezone", ""),
        ("timezone", "../../etc/passwd"),
        ("locale", "not a language"),
        ("locale", ""),
        ("locale", "xx_YY"),
        ("full_name", ""),
        ("full_name", None),
        ("phone", "<call me>"),
        ("title", "x" * 201),
        ("last_name", "a\0b"),
        ("title", 7),
    ],
)
async def test_what_the_account_form_refuses_is_refused_here_and_reaches_nobody(
    on: Stage, field: str, value: object
) -> None:
    jane = await on.signed_in("jane@acme.com")
    before = len(on.wire.calls)
    for path in ("/api/contacts/ct_abc123", "/api/profile"):
        answer = await jane.patch(path, json={"first_name": "Jane", field: value})
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert "PATCH" not in [call.method for call in on.wire.calls[before:]]


async def test_a_language_is_kept_as_the_account_form_keeps_it_and_null_clears(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    changes = {"locale": "de-AT", "timezone": "Europe/Vienna", "last_name": " Q.  Smith "}
    assert (await jane.patch("/api/contacts/ct_abc123", json=changes)).status_code == 200
    contact = (await on.sandbox.get("/api/contacts/ct_abc123")).json()["data"]
    kept = (contact["locale"], contact["timezone"], contact["last_name"])
    assert kept == ("de_AT", "Europe/Vienna", "Q. Smith")
    cleared = {"locale": None, "title": None}
    assert (await jane.patch("/api/contacts/ct_abc123", json=cleared)).status_code == 200
    contact = (await on.sandbox.get("/api/contacts/ct_abc123")).json()["data"]
    assert (contact["locale"], contact["title"]) == (None, None)


def away_for_writes(on: Stage) -> None:
    on.wire.fault = lambda request: httpx.Response(503) if request.method != "GET" else None


async def test_while_the_crm_is_away_changes_of_oneself_are_kept_and_arrive_in_order(
    on: Stage,
) -> None:
    jane = await on.signed_in("jane@acme.com")
    away_for_writes(on)
    answer = await jane.patch("/api/contacts/ct_abc123", json={"title": "First"})
    assert (answer.status_code, answer.json()) == (202, {"ok": True, "data": {"id": "ct_abc123"}})
    answer = await jane.patch("/api/profile", json={"title": "Second", "first_name": "J."})
    assert answer.status_code == 202
    assert answer.json()["profile"]["title"] == "Second"
    on.wire.fault = None
    on.clock.forward(seconds=31)
    await on.activities("portal_login")
    contact = (await on.sandbox.get("/api/contacts/ct_abc123")).json()["data"]
    assert (contact["title"], contact["first_name"]) == ("Second", "J.")
    assert (await on.env.outbox.depth()).waiting == 0


async def test_staff_get_the_crms_answer_to_an_activity_or_it_is_kept(on: Stage) -> None:
    ava = await staff(on)
    body = {"activity_type": "phase_started", "company_id": "co_abc123", "contact_id": "ct_abc123"}
    made = await ava.post("/api/activities", json={**body, "title": "Now"})
    assert made.status_code == 201
    [found] = [one for one in await on.activities("phase_started") if one["title"] == "Now"]
    assert made.json()["data"]["id"] == found["id"]
    refused = await ava.post("/api/activities", json={**body, "title": "x" * 1001})
    assert refused.status_code == 422
    away_for_writes(on)
    kept = await ava.post("/api/activities", json={**body, "title": "Later"})
    assert (kept.status_code, bool(kept.json()["data"]["id"])) == (201, True)
    on.wire.fault = None
    on.clock.forward(seconds=31)
    titles = [one["title"] for one in await on.activities("phase_started")]
    assert titles.count("Later") == 1
    assert (await on.env.outbox.depth()).dead == 0


async def test_a_change_that_was_made_is_said_to_be_made_though_the_crm_fails_right_after(
    on: Stage,
) -> None:
    jane = await on.signed_in("jane@acme.com")

    def fail_after_the_change(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(503) if request.method == "GET" and changed else None

    changed = False
    carried_out = on.env.sm.patch

    async def patch(*args: Any, **kwargs: Any) -> Any:
        nonlocal changed
        data = await carried_out(*args, **kwargs)
        changed = True
        return data

    on.wire.fault = fail_after_the_change
    with mock.patch.object(on.env.sm, "patch", patch):
        answer = await jane.patch("/api/profile", json={"full_name": "Jane Q. Smith"})
    assert answer.status_code == 200
    assert answer.json()["profile"]["full_name"] == "Jane Q. Smith"
