"""What the CRM says about a person takes effect on sessions that are open."""

from __future__ import annotations

from tests.blackbox.browser import Browser
from tests.blackbox.stand import Person, Stand, until


def turns(browser: Browser, path: str, status: int) -> bool:
    """Whether a page comes to answer so before long."""
    return until(lambda: browser.get(path).status_code == status, seconds=5)


def test_access_that_is_taken_away_is_gone_and_comes_back_when_given(
    stand: Stand, person: Person
) -> None:
    browser = stand.signed_in(person)
    elsewhere = stand.browser(session=stand.token(person))
    assert browser.get("/").status_code == 200
    stand.change(person, portal_access=0)
    assert turns(browser, "/", 403)
    assert turns(elsewhere, "/", 403)
    assert browser.me().json()["reason"] == "not_authorized"
    stand.change(person, portal_access=1)
    assert turns(browser, "/", 200)


def test_a_product_that_is_taken_away_closes_the_portal(stand: Stand, person: Person) -> None:
    browser = stand.signed_in(person)
    stand.change(person, product="signal", products=["signal"])
    assert turns(browser, "/", 403)
    assert browser.get("/api/engagements").status_code == 403


def test_a_role_that_is_lowered_closes_the_invoices(stand: Stand, person: Person) -> None:
    browser = stand.signed_in(person)
    assert browser.get("/invoices").status_code == 200
    stand.change(person, portal_role="client_viewer")
    assert turns(browser, "/invoices", 403)
    assert browser.get("/").status_code == 200
    assert browser.me().json()["portal_role"] == "client_viewer"


def test_a_role_that_is_raised_opens_them(stand: Stand) -> None:
    person = stand.person(portal_role="client_viewer")
    browser = stand.browser(session=stand.token(person))
    assert browser.get("/invoices").status_code == 403
    stand.change(person, portal_role="client_admin")
    assert turns(browser, "/invoices", 200)


def test_who_moves_to_another_company_sees_that_ones_alone(stand: Stand, person: Person) -> None:
    browser = stand.signed_in(person)
    (acmes, *_) = browser.get("/api/engagements").json()["data"]
    assert browser.get(f"/engagements/{acmes['id']}").status_code == 200
    stand.change(person, company_id="co_globex1")
    assert turns(browser, f"/engagements/{acmes['id']}", 404)
    assert browser.me().json()["company_name"] == "Globex Corp"
    listed = browser.get("/api/engagements").json()["data"]
    assert acmes["id"] not in [engagement["id"] for engagement in listed]


def test_who_belongs_to_no_company_any_more_stays_out(stand: Stand, person: Person) -> None:
    browser = stand.signed_in(person)
    stand.change(person, company_id=None)
    assert turns(browser, "/", 403)


def test_an_address_that_is_changed_ends_the_sessions_of_the_old_one(
    stand: Stand, person: Person
) -> None:
    browser = stand.signed_in(person)
    stand.change(person, email=f"new.{person.email}")
    assert turns(browser, "/", 403)


def test_access_given_while_signing_in_counts_at_once(stand: Stand, browser: Browser) -> None:
    person = stand.person(portal_access=0)
    assert stand.ask(browser, person.email) == "no_access"
    stand.change(person, portal_access=1)
    assert stand.press(browser, stand.mailed(browser, person)).status_code == 303
    assert browser.get("/").status_code == 200
