"""Every sign-in, refusal and sign-out leaves an activity in the CRM and a line in the log."""

from __future__ import annotations

import json
from secrets import token_hex
from typing import Any

import pytest

from tests.blackbox.browser import Browser, request_id_of
from tests.blackbox.stand import Person, Stand, until


def logged(stand: Stand, answer: Any, event: str) -> dict[str, Any]:
    """The line of that event that a request to production left."""
    request_id = request_id_of(answer)

    def written() -> list[dict[str, Any]]:
        entries = stand.production.entries(request_id)
        return [entry for entry in entries if entry["event"] == event]

    # A request's own line comes after its answer.
    (found,) = until(written)
    return found


def test_a_sign_in_by_link_is_an_activity_of_the_person_and_the_company(
    stand: Stand, person: Person
) -> None:
    with stand.leaving("portal_login", person.id, method="magic_link") as found:
        stand.signed_in(person)
    assert (found[0]["company_id"], found[0]["source"]) == (person.company_id, "mode")
    assert len(found) == 1


def test_a_sign_in_by_code_is_an_activity(stand: Stand, browser: Browser, person: Person) -> None:
    with stand.leaving("portal_login", person.id, method="code"):
        browser.post("/auth/verify-code", {"code": stand.mailed(browser, person).code})


def test_a_sign_in_by_google_is_an_activity(stand: Stand, browser: Browser, person: Person) -> None:
    with stand.leaving("portal_login", person.id, method="google"):
        stand.by_google(browser, person.email)


def test_an_unknown_address_is_an_activity_that_does_not_name_it(
    stand: Stand, browser: Browser
) -> None:
    address = f"nobody.{token_hex(6)}@acme.com"
    with stand.leaving("portal_login_refused", None, cause="unknown_address") as found:
        stand.ask(browser, address)
    assert address not in json.dumps(found)


def test_a_person_without_access_is_an_activity_of_theirs(stand: Stand, browser: Browser) -> None:
    person = stand.person(portal_access=0)
    with stand.leaving("portal_login_refused", person.id, cause="no_access") as found:
        stand.ask(browser, person.email)
    assert found[0]["company_id"] == person.company_id


def test_a_wrong_code_is_an_activity(stand: Stand, browser: Browser, person: Person) -> None:
    code = stand.mailed(browser, person).code
    with stand.leaving("portal_login_refused", None, method="code", cause="wrong_code"):
        browser.post("/auth/verify-code", {"code": f"{(int(code) + 1) % 1_000_000:06d}"})


def test_a_dead_link_is_an_activity_with_its_cause(
    stand: Stand, browser: Browser, person: Person
) -> None:
    first, second = stand.mailed(browser, person), stand.mailed(browser, person)
    with stand.leaving("portal_login_refused", None, method="magic_link", cause="superseded"):
        stand.press(browser, first)
    stand.press(browser, second)
    with stand.leaving("portal_login_refused", None, method="magic_link", cause="redeemed"):
        stand.press(browser, second)


@pytest.mark.parametrize(
    ("mode", "cause"),
    [
        ("wrong_audience", "wrong_audience"),
        ("expired", "expired"),
        ("email_unverified", "email_not_verified"),
        ("alg_none", "bad_signature"),
        ("wrong_nonce", "wrong_nonce"),
    ],
)
def test_a_refusal_at_google_is_an_activity_with_its_cause(
    stand: Stand, browser: Browser, person: Person, mode: str, cause: str
) -> None:
    with (
        stand.leaving("portal_login_refused", None, method="google", cause=cause),
        stand.misbehaving(mode),
    ):
        stand.by_google(browser, person.email)


def test_a_google_account_without_access_is_an_activity(stand: Stand, browser: Browser) -> None:
    person = stand.person(portal_access=0)
    with stand.leaving("portal_login_refused", person.id, method="google", cause="no_access"):
        stand.by_google(browser, person.email)


def test_signing_out_is_an_activity(stand: Stand, person: Person) -> None:
    with stand.leaving("portal_logout", person.id) as found:
        stand.browser(session=stand.token(person)).post("/auth/logout")
    assert found[0]["company_id"] == person.company_id


def test_signing_out_everywhere_is_an_activity(stand: Stand, person: Person) -> None:
    with stand.leaving("portal_logout", person.id, everywhere=True):
        stand.browser(session=stand.token(person)).post("/auth/logout-everywhere")


def test_ending_one_sign_in_is_an_activity(stand: Stand, person: Person) -> None:
    here, there = stand.signed_in(person), stand.signed_in(person)
    page = here.get("/account").text
    with stand.leaving("portal_logout", person.id):
        sent = page.partition('name="id" value="')[2].partition('"')[0]
        assert here.post("/account/end-sign-in", {"id": sent}).status_code == 303
    assert there.me().status_code == 401


def test_no_activity_carries_a_token_or_a_code(stand: Stand, person: Person) -> None:
    browser = stand.browser()
    letter = stand.mailed(browser, person)
    with stand.leaving("portal_login", person.id):
        stand.press(browser, letter)
    said = json.dumps(stand.activities("portal_login"))
    for secret in (letter.token, browser.session, person.email):
        assert secret not in said


# The log, as production writes it


def test_every_line_of_the_log_is_a_json_object(stand: Stand, person: Person) -> None:
    stand.signed_in(person, stand.production)
    lines = stand.production.log.read_text().splitlines()
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    assert [line for line in lines if not line.startswith("{") and "uvicorn" in line] == []
    assert {"event", "level", "timestamp"} <= set.intersection(*(set(entry) for entry in entries))


def test_a_sign_in_is_a_line_of_the_log(stand: Stand, person: Person) -> None:
    browser = stand.browser(stand.production)
    answer = stand.press(browser, stand.mailed(browser, person))
    line = logged(stand, answer, "signed_in")
    assert (line["method"], line["contact_id"]) == ("magic_link", person.id)


def test_a_refusal_is_a_line_of_the_log_with_its_cause(stand: Stand) -> None:
    browser = stand.browser(stand.production)
    answer = browser.get("/auth/magic/verify?token=x")
    line = logged(stand, answer, "sign_in_refused")
    assert (line["method"], line["cause"]) == ("magic_link", "unknown")


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/logout-everywhere"])
def test_signing_out_is_a_line_of_the_log_that_says_whose_it_was(
    stand: Stand, person: Person, path: str
) -> None:
    browser = stand.browser(stand.production, session=stand.token(person))
    answer = browser.post(path)
    logged(stand, answer, "request")
    entries = stand.production.entries(request_id_of(answer))
    assert person.id in [entry.get("contact_id") for entry in entries]


def test_a_request_is_a_line_of_the_log_without_its_query(stand: Stand) -> None:
    browser = stand.browser(stand.production)
    answer = browser.get("/auth/login?redirect=/invoices")
    line = logged(stand, answer, "request")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/auth/login", 200)
    assert "redirect" not in json.dumps(line)
