"""Staff from outside: who is, whom they find, and access given and taken without curl."""

from __future__ import annotations

from secrets import token_hex
from typing import Any

import pytest

from tests.blackbox.staff import AVA, AVA_ID, colleague, grant, staff
from tests.blackbox.stand import Person, Stand, until


def test_a_workspace_account_comes_to_the_clients(stand: Stand) -> None:
    browser = staff(stand)
    assert browser.get("/").headers["location"] == "/staff"
    assert "Acme Corp" in browser.get("/staff").text


def test_a_workspace_account_without_a_record_is_staff_too(stand: Stand) -> None:
    browser = stand.browser()
    stand.by_google(browser, f"new.{token_hex(4)}@sprintmode.ai")
    assert browser.get("/staff").status_code == 200


def test_a_platform_token_is_staffs_by_the_crm(stand: Stand) -> None:
    ava = Person(AVA_ID, AVA, "")
    assert stand.browser(session=stand.token(ava)).get("/staff").status_code == 200


def test_an_address_of_the_domain_by_mail_is_a_clients(stand: Stand) -> None:
    person = stand.person(f"client.{token_hex(4)}@sprintmode.ai")
    browser = stand.signed_in(person)
    assert browser.get("/staff").status_code == 403
    assert browser.get("/").status_code == 200


def test_staff_of_the_crm_do_not_come_in_by_mail(stand: Stand) -> None:
    person = stand.person(is_sm_team=1)
    browser = stand.signed_in(person)
    assert browser.get("/staff").status_code == 403


def test_a_link_for_ava_is_never_mailed(stand: Stand) -> None:
    browser = stand.browser()
    assert stand.ask(browser, AVA) == "no_access"
    assert stand.letters(AVA) == []
    assert browser.get("/staff").status_code == 302


def test_staff_removed_from_the_crm_are_out_at_once(stand: Stand) -> None:
    removed = colleague(stand)
    browser = staff(stand, removed.email)
    assert browser.get("/staff").status_code == 200
    stand.change(removed, is_sm_team=0)
    until(lambda: browser.get("/staff").status_code == 403)
    assert grant(browser, stand.person(portal_access=0), "client_admin") == 403


def test_clients_are_refused_everywhere(stand: Stand, person: Person) -> None:
    browser = stand.signed_in(person)
    other = stand.person(portal_access=0)
    for path in ("/staff", "/staff/companies/co_abc123", f"/staff/contacts/{other.id}"):
        assert browser.get(path).status_code == 403
    assert grant(browser, other, "client_admin") == 403
    assert stand.crm.get(f"/api/contacts/{other.id}").json()["data"]["portal_access"] == 0


def test_search_finds_people_and_companies_of_this_product_alone(stand: Stand) -> None:
    stranger = stand.person(product="signal", products=["signal"], company_id="co_abc123")
    person = stand.person()
    browser = staff(stand)
    assert person.email in browser.get(f"/staff?q={person.email}").text
    assert "Nothing found" in browser.get(f"/staff?q={stranger.email}").text


def test_access_that_is_given_opens_the_portal(stand: Stand) -> None:
    person = stand.person(portal_access=0)
    with stand.leaving("portal_access_granted", person.id, staff_id=AVA_ID, role="client_viewer"):
        assert grant(staff(stand), person, "client_viewer") == 303
    kept = stand.crm.get(f"/api/contacts/{person.id}").json()["data"]
    assert (kept["portal_access"], kept["portal_role"]) == (1, "client_viewer")
    assert stand.signed_in(person).me().json()["role"] == "client_viewer"


def test_a_change_of_role_holds_at_the_next_request(stand: Stand, person: Person) -> None:
    client, browser = stand.signed_in(person), staff(stand)
    assert client.get("/invoices").status_code == 200
    assert grant(browser, person, "client_viewer") == 303
    assert client.get("/invoices").status_code == 403
    assert client.me().json()["role"] == "client_viewer"
    kept = stand.crm.get(f"/api/contacts/{person.id}").json()["data"]
    assert (kept["portal_access"], kept["portal_role"]) == (1, "client_viewer")


def test_access_that_is_taken_closes_it_at_once(stand: Stand, person: Person) -> None:
    client = stand.signed_in(person)
    with stand.leaving("portal_access_revoked", person.id, staff_id=AVA_ID):
        assert grant(staff(stand), person, "none") == 303
    assert client.get("/").status_code in (302, 403)
    assert stand.crm.get(f"/api/contacts/{person.id}").json()["data"]["portal_access"] == 0
    assert stand.ask(stand.browser(), person.email) == "no_access"


def test_access_that_comes_back_wakes_no_session_from_before(stand: Stand, person: Person) -> None:
    client, browser = stand.signed_in(person), staff(stand)
    assert grant(browser, person, "none") == 303
    assert grant(browser, person, "client_admin") == 303
    assert client.get("/").headers["location"].startswith("/auth/login")
    assert stand.signed_in(person).get("/").status_code == 200


@pytest.mark.parametrize(
    "lacking", [{"is_sm_team": 1}, {"company_id": None}], ids=["staff", "no company"]
)
def test_who_could_not_come_in_is_given_nothing(stand: Stand, lacking: dict[str, Any]) -> None:
    person = stand.person(portal_access=0, **lacking)
    assert grant(staff(stand), person, "client_admin", invite="1") == 422
    assert stand.crm.get(f"/api/contacts/{person.id}").json()["data"]["portal_access"] == 0
    assert stand.letters(person.email) == []


@pytest.mark.parametrize("contact_id", ["ct_nadiar1", AVA_ID])
def test_access_of_whom_this_portal_does_not_serve_is_not_theirs_to_give(
    stand: Stand, contact_id: str
) -> None:
    before = stand.crm.get(f"/api/contacts/{contact_id}").json()
    browser = staff(stand)
    for role in ("client_viewer", "none"):
        assert grant(browser, Person(contact_id, "", ""), role) == 404
    assert browser.get(f"/staff/contacts/{contact_id}").status_code == 404
    assert stand.crm.get(f"/api/contacts/{contact_id}").json() == before


def test_an_invitation_leads_to_the_sign_in_page_with_the_address(stand: Stand) -> None:
    person = stand.person(portal_access=0, product=None)
    assert grant(staff(stand), person, "client_admin", invite="1") == 303
    [letter] = until(lambda: stand.letters(person.email))
    link = next(word for word in letter["text"].split() if word.startswith("http"))
    assert link.startswith(f"{stand.main.origin}/auth/login?email=")
    browser = stand.browser()
    assert f'value="{person.email}"' in browser.get(link.removeprefix(stand.main.origin)).text
    assert stand.signed_in(person).get("/").status_code == 200
