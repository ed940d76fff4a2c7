"""Access is given and taken on the staff pages: seen before, at once, on record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.staff.stand import AVA, by_google, contact_of, hub_token
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


async def test_a_role_that_is_changed_counts_in_the_next_request(on: Stage) -> None:
    jane, ava = await on.signed_in("jane@acme.com"), await by_google(on)
    assert (await jane.get("/invoices")).status_code == 200
    await change(ava, "ct_abc123", "client_viewer")
    assert (await jane.get("/invoices")).status_code == 403
    await change(ava, "ct_abc123", "client_admin")
    assert (await jane.get("/invoices")).status_code == 200


async def test_taking_access_ends_every_session_by_whatever_way_it_began(on: Stage) -> None:
    mailed = await on.signed_in("jane@acme.com")
    google = await by_google(on, "jane@acme.com")
    hub = on.browser(Cookie=f"sm_client={hub_token(on, 'ct_abc123', 'jane@acme.com')}")
    users = on.browser(Cookie=f"sm_client={hub_token(on, 'usr_5', 'jane@acme.com')}")
    ava = await by_google(on)
    browsers = (mailed, google, hub, users)
    for browser in browsers:
        assert (await browser.get("/api/invoices")).status_code == 200
    await change(ava, "ct_abc123", "none")
    for browser in browsers:
        assert (await browser.get("/api/invoices")).status_code in (401, 403)
    await change(ava, "ct_abc123", "client_admin")
    for browser in browsers:
        assert (await browser.get("/api/invoices")).status_code == 401
    assert "None known here" in (await (await _fresh_hub(on)).get("/account")).text
    # Nobody else was signed out.
    assert (await ava.get("/staff")).status_code == 200


async def _fresh_hub(on: Stage) -> httpx.AsyncClient:
    on.clock.forward(seconds=1)
    return on.browser(Cookie=f"sm_client={hub_token(on, 'ct_abc123', 'jane@acme.com')}")


async def test_a_link_that_was_mailed_before_signs_nobody_in_afterwards(on: Stage) -> None:
    browser, ava = on.browser(), await by_google(on)
    await on.ask_for_link(browser, "jane@acme.com")
    await change(ava, "ct_abc123", "none")
    answer = await browser.post("/auth/magic/verify", data={"token": on.last_token()})
    assert answer.status_code == 403
    assert "sm_client" not in browser.cookies


async def test_a_contact_without_product_at_another_products_client_is_not_found(
    on: Stage,
) -> None:
    elsewhere = await newcomer(on, company_id="co_wayne01", email="new@wayne.example")
    ava = await by_google(on)
    before = await record(on, elsewhere)
    for role in ("client_admin", "none"):
        assert (await change(ava, elsewhere, role)).status_code == 404
    assert await record(on, elsewhere) == before


async def test_another_products_contact_at_a_client_of_ours_is_not_found(on: Stage) -> None:
    await on.patch(f"/api/contacts/{PAT}", product="signal", products=["signal"])
    ava = await by_google(on)
    before = await record(on, PAT)
    assert (await change(ava, PAT, "client_admin")).status_code == 404
    assert await record(on, PAT) == before


async def test_whose_account_is_forgotten_is_only_theirs(on: Stage) -> None:
    for email in ("jane@acme.com", "sam@acme.com"):
        await by_google(on, email)
    ava = await by_google(on)
    await change(ava, "ct_abc123", "client_admin")
    await on.misbehave("another_subject")
    assert (await on.sign_in_with_google(on.browser(), "sam@acme.com")).status_code == 403
    assert (await on.sign_in_with_google(on.browser(), AVA)).status_code == 403
    assert (await on.sign_in_with_google(on.browser(), "jane@acme.com")).status_code == 303


async def test_the_invitation_escapes_names_and_is_sent_to_the_crms_address_alone(
    on: Stage,
) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    await on.patch(f"/api/contacts/{PAT}", full_name=hostile)
    ava = await by_google(on)
    await change(ava, PAT, "client_viewer", invite="1", email="eve@evil.example", to="eve@evil")
    [letter] = on.post.letters
    assert letter.to == "pat@acme.com"
    assert hostile not in letter.html
    assert "&lt;img src=x" in letter.html
    assert "\n" not in letter.subject
    assert "eve@evil" not in letter.text + letter.html


async def test_without_the_box_no_mail_is_sent(on: Stage) -> None:
    ava = await by_google(on)
    await change(ava, PAT, "client_viewer")
    await change(ava, PAT, "none", invite="1")
    assert on.post.letters == []


async def test_an_address_that_is_nobodys_is_no_way_in_for_the_invitations_link(on: Stage) -> None:
    page = await on.browser().get("/auth/login", params={"email": '"><script>alert(1)</script>'})
    assert page.status_code == 200
    assert "<script>alert" not in page.text


async def test_what_was_granted_and_by_whom_is_told_for_each_change(on: Stage) -> None:
    ava = await by_google(on)
    for role in ("client_viewer", "client_admin", "none"):
        await change(ava, PAT, role)
        await on.activities("portal_access_granted")
        on.clock.forward(seconds=1)
    given = await on.activities("portal_access_granted")
    assert [one["metadata"]["role"] for one in given] == ["client_admin", "client_viewer"]
    [taken] = await on.activities("portal_access_revoked")
    for one in (*given, taken):
        assert one["metadata"]["staff_name"] == "Ava Torres"
        assert (one["company_id"], one["source"]) == ("co_abc123", "mode")
