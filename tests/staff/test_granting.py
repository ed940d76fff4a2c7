"""Access is given and taken on the staff pages: seen before, at once, on record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.staff.stand import AVA, by_google, contact_of
from tests.stage import Stage, stage

PAT = "ct_patdoy1"


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def change(
    browser: httpx.AsyncClient, contact_id: str, role: str, **more: str
) -> httpx.Response:
    return await browser.post(f"/staff/contacts/{contact_id}/access", data={"role": role, **more})


async def record(on: Stage, contact_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await on.sandbox.get(f"/api/contacts/{contact_id}")).json()["data"]
    return found


async def newcomer(on: Stage, **fields: object) -> str:
    """A contact at Acme whom nobody has given anything yet."""
    body = {"email": "new@acme.com", "full_name": "New Comer", "company_id": "co_abc123", **fields}
    answer = await on.sandbox.post("/api/contacts", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


async def test_what_they_will_see_is_shown_before(on: Stage) -> None:
    ava = await by_google(on)
    admin = (await ava.get(f"/staff/contacts/{PAT}/access?role=client_admin")).text
    viewer = (await ava.get(f"/staff/contacts/{PAT}/access?role=client_viewer")).text
    nothing = (await ava.get(f"/staff/contacts/{PAT}/access?role=none")).text
    assert "Let Pat Doyle in as Administrator" in admin
    assert "<dt>Invoices</dt><dd>18</dd>" in admin
    assert "<dt>Invoices</dt><dd>not shown</dd>" in viewer
    assert "Nothing: the portal closes for them" in nothing
    assert (await record(on, PAT))["portal_access"] == 0


@pytest.mark.parametrize("role", ["client_admin", "client_viewer"])
async def test_access_that_is_given_counts_at_once_and_is_on_record(on: Stage, role: str) -> None:
    ava = await by_google(on)
    answer = await change(ava, PAT, role)
    assert answer.headers["location"] == f"/staff/contacts/{PAT}?done=granted"
    assert "Access given." in (await ava.get(answer.headers["location"])).text
    kept = await record(on, PAT)
    assert (kept["portal_access"], kept["portal_role"]) == (1, role)
    [noted] = await on.activities("portal_access_granted")
    assert (noted["contact_id"], noted["metadata"]["role"]) == (PAT, role)
    assert noted["metadata"]["staff_id"] == "ct_avator1"
    pat = await on.signed_in("pat@acme.com")
    assert (await pat.get("/auth/me")).json()["role"] == role
    assert on.post.letters[0].subject == "Sign in to Mode"


async def test_access_that_is_taken_closes_the_very_next_page(on: Stage) -> None:
    jane, ava = await on.signed_in("jane@acme.com"), await by_google(on)
    assert (await jane.get("/")).status_code == 200
    answer = await change(ava, "ct_abc123", "none")
    assert answer.headers["location"].endswith("?done=revoked")
    assert (await jane.get("/")).status_code in (302, 403)
    [noted] = await on.activities("portal_access_revoked")
    assert (noted["contact_id"], noted["metadata"]["staff_id"]) == ("ct_abc123", "ct_avator1")
    # Given again, the old sessions stay dead.
    await change(ava, "ct_abc123", "client_admin")
    assert (await jane.get("/")).status_code == 302


async def test_somebody_new_at_a_client_is_found_let_in_and_signs_in_from_the_mail(
    on: Stage,
) -> None:
    contact_id = await newcomer(on)
    ava = await by_google(on)
    assert "New Comer" in (await ava.get("/staff?q=new@acme.com")).text
    assert "New Comer" in (await ava.get("/staff/companies/co_abc123")).text
    answer = await change(ava, contact_id, "client_viewer", invite="1")
    assert answer.headers["location"].endswith("?done=invited")
    assert (await record(on, contact_id))["products"] == ["mode"]
    [letter] = on.post.letters
    assert (letter.to, letter.subject) == ("new@acme.com", "Your access to Mode")
    link = next(word for word in letter.text.split() if word.startswith("http"))
    assert link in letter.html.replace("&amp;", "&")
    browser = on.browser()
    assert 'value="new@acme.com"' in (await browser.get(link)).text
    assert (await on.sign_in(browser, "new@acme.com")).status_code == 303
    assert "New Comer" in (await browser.get("/")).text


async def test_an_invitation_signs_nobody_in_by_itself(on: Stage) -> None:
    ava = await by_google(on)
    await change(ava, PAT, "client_viewer", invite="1")
    assert "token" not in on.post.letters[0].text


async def test_a_mail_server_that_is_away_is_said_and_the_access_stands(on: Stage) -> None:
    ava = await by_google(on)
    on.post.is_down = True
    answer = await change(ava, PAT, "client_viewer", invite="1")
    assert "did not take the invitation" in (await ava.get(answer.headers["location"])).text
    assert (await record(on, PAT))["portal_access"] == 1


async def test_another_products_contact_is_not_found(on: Stage) -> None:
    nadia = (await contact_of(on, "nadia@wayne.example"))["id"]
    ava = await by_google(on)
    before = await record(on, nadia)
    for role in ("client_admin", "none"):
        assert (await change(ava, nadia, role)).status_code == 404
        assert (await ava.get(f"/staff/contacts/{nadia}/access?role={role}")).status_code == 404
    assert (await ava.get(f"/staff/contacts/{nadia}")).status_code == 404
    assert await record(on, nadia) == before


async def test_a_contact_of_nobodys_is_not_found(on: Stage) -> None:
    elsewhere = await newcomer(on, company_id=None)
    ava = await by_google(on)
    assert (await change(ava, elsewhere, "client_admin")).status_code == 404


async def test_whoever_could_not_sign_in_is_not_let_in(on: Stage) -> None:
    ava = await by_google(on)
    without_address = await newcomer(on, email=None)
    answer = await change(ava, without_address, "client_admin")
    assert answer.status_code == 422
    assert "no e-mail address" in answer.text
    await on.patch("/api/contacts/ct_avator1", product="mode")
    assert (await change(ava, "ct_avator1", "client_admin")).status_code == 422
    assert await on.activities("portal_access_granted") == []


@pytest.mark.parametrize("role", ["", "team", "admin", "client_admin "])
async def test_only_a_clients_roles_can_be_given(on: Stage, role: str) -> None:
    ava = await by_google(on)
    assert (await change(ava, PAT, role)).status_code == 422
    assert (await ava.get(f"/staff/contacts/{PAT}/access?role={role}")).status_code == 422
    assert (await record(on, PAT))["portal_access"] == 0


async def test_access_given_anew_lets_a_new_google_account_in(on: Stage) -> None:
    assert (await on.sign_in_with_google(on.browser(), "jane@acme.com")).status_code == 303
    await on.misbehave("another_subject")
    assert (await on.sign_in_with_google(on.browser(), "jane@acme.com")).status_code == 403
    await on.misbehave("none")
    ava = await by_google(on, AVA)
    await change(ava, "ct_abc123", "client_admin")
    await on.misbehave("another_subject")
    assert (await on.sign_in_with_google(on.browser(), "jane@acme.com")).status_code == 303


async def test_clients_cannot_open_or_change_anything_of_it(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    for path in (
        *("/staff", "/staff/companies/co_abc123", f"/staff/contacts/{PAT}"),
        f"/staff/contacts/{PAT}/access?role=client_admin",
    ):
        assert (await jane.get(path)).status_code == 403
    assert (await change(jane, PAT, "client_admin")).status_code == 403
    assert (await record(on, PAT))["portal_access"] == 0
