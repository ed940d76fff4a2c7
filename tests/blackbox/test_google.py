"""Signing in by Google, whose stand-in is told to be wrong in every way it knows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.blackbox.browser import Browser, session_in, set_cookies
from tests.blackbox.stand import Person, Stand

LEADS_NOWHERE = {
    "wrong_issuer": 403,
    "wrong_audience": 403,
    "expired": 403,
    "not_yet_valid": 403,
    "email_unverified": 403,
    "email_verified_missing": 403,
    "email_verified_text": 403,
    "wrong_nonce": 403,
    "missing_nonce": 403,
    "alg_none": 403,
    "hs256_client_secret": 403,
    "unknown_key": 403,
    "missing_id_token": 403,
    "markup_in_redirect": 403,
    "markup_in_token_error": 403,
    "missing_email": 403,
    "http_500": 503,
}
SIGNS_IN = {"none", "rotated_key", "another_subject"}
TOO_SLOW = 8


def test_google_signs_in_and_leads_to_the_page_that_was_wanted(
    stand: Stand, browser: Browser, person: Person
) -> None:
    answer = stand.by_google(browser, person.email, "/invoices?status=open")
    assert (answer.status_code, answer.headers["location"]) == (303, "/invoices?status=open")
    assert browser.me().json()["contact_id"] == person.id
    assert [name for name in browser.cookies if name != "sm_client"] == []


def test_the_request_to_google_has_state_nonce_and_an_s256_challenge(
    stand: Stand, browser: Browser
) -> None:
    sent = stand.to_google(browser)
    for part in ("state=", "nonce=", "code_challenge=", "code_challenge_method=S256"):
        assert part in sent
    assert "code_verifier" not in sent


@pytest.mark.parametrize(("mode", "status"), LEADS_NOWHERE.items())
def test_a_google_that_is_wrong_signs_nobody_in(
    stand: Stand, browser: Browser, person: Person, mode: str, status: int
) -> None:
    with stand.misbehaving(mode):
        answer = stand.by_google(browser, person.email)
    assert answer.status_code == status
    assert not browser.session
    assert browser.me().status_code == 401


def test_a_google_that_is_too_slow_signs_nobody_in(
    stand: Stand, browser: Browser, person: Person
) -> None:
    with stand.misbehaving("slow", seconds=TOO_SLOW):
        answer = stand.by_google(browser, person.email)
    assert answer.status_code == 503
    assert not browser.session


def test_every_way_of_being_wrong_is_tried_here(stand: Stand) -> None:
    modes = set(stand.crm.get("/google/misbehave").json()["data"]["modes"])
    assert modes == set(LEADS_NOWHERE) | SIGNS_IN | {"slow"}


def test_another_subject_with_the_same_address_is_refused(
    stand: Stand, browser: Browser, person: Person
) -> None:
    assert stand.by_google(stand.browser(), person.email).status_code == 303
    with stand.misbehaving("another_subject"):
        answer = stand.by_google(browser, person.email)
    assert answer.status_code == 403
    assert "another Google account" in answer.text
    assert not browser.session
    assert stand.by_google(browser, person.email).status_code == 303


@pytest.mark.parametrize("mode", ["markup_in_redirect", "markup_in_token_error"])
def test_what_google_says_is_shown_escaped(
    stand: Stand, browser: Browser, person: Person, mode: str
) -> None:
    with stand.misbehaving(mode):
        page = stand.by_google(browser, person.email).text
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert "&lt;img src=x" in page


def test_two_tabs_both_sign_in(stand: Stand, browser: Browser, person: Person) -> None:
    first, second = stand.to_google(browser, "/invoices"), stand.to_google(browser, "/account")
    for at_google, wanted in ((second, "/account"), (first, "/invoices")):
        answer = browser.get(stand.choose(at_google, person.email))
        assert (answer.status_code, answer.headers["location"]) == (303, wanted)
    assert browser.me().status_code == 200


def test_an_answer_counts_once(stand: Stand, browser: Browser, person: Person) -> None:
    back = stand.choose(stand.to_google(browser), person.email)
    copy = stand.browser()
    copy.cookies.update(browser.cookies)
    assert browser.get(back).status_code == 303
    refused = copy.get(back)
    assert refused.status_code == 403
    assert "started elsewhere, or too long ago" in refused.text
    assert not copy.session


def test_of_twenty_answers_at_the_same_moment_one_counts(
    stand: Stand, browser: Browser, person: Person
) -> None:
    back = stand.choose(stand.to_google(browser), person.email)
    answers = stand.main.at_once([browser.written("GET", back)] * 20)
    tokens = list(filter(None, map(session_in, answers)))
    stand.seen.note(*tokens)
    assert len(tokens) == 1


def test_an_answer_is_nothing_in_a_browser_that_did_not_start(
    stand: Stand, browser: Browser, person: Person
) -> None:
    back = stand.choose(stand.to_google(browser), person.email)
    victim = stand.browser()
    stand.to_google(victim)
    answer = victim.get(back)
    assert answer.status_code == 403
    assert not victim.session


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x", "?code=x&state=x", "?error=x"])
def test_a_callback_that_nobody_started_is_refused(browser: Browser, query: str) -> None:
    assert browser.get(f"/auth/sso/google/callback{query}").status_code == 403
    assert not browser.session


def test_cancelling_at_google_says_so(stand: Stand, browser: Browser) -> None:
    cancelled = stand.crm.post(stand.to_google(browser), data={"cancel": "1"})
    path = cancelled.headers["location"].removeprefix(stand.main.origin)
    answer = browser.get(path)
    assert answer.status_code == 403
    assert "You cancelled at Google" in answer.text


@pytest.mark.parametrize(
    "values", [{"portal_access": 0}, {"product": "signal"}, {"company_id": None}]
)
def test_who_may_not_enter_is_refused(
    stand: Stand, browser: Browser, values: dict[str, Any]
) -> None:
    person = stand.person(**values)
    answer = stand.by_google(browser, person.email)
    assert answer.status_code == 403
    assert "has no access to this portal" in answer.text
    assert not browser.session


def test_who_is_not_in_the_crm_is_refused(stand: Stand, browser: Browser) -> None:
    answer = stand.by_google(browser, "stranger.to.us@acme.com")
    assert answer.status_code == 403
    assert not browser.session


def test_an_address_at_two_companies_chooses(stand: Stand, browser: Browser) -> None:
    chooser = stand.by_google(browser, "robin@parkadvisory.example")
    assert chooser.status_code == 200
    assert not browser.session
    assert browser.post("/auth/choose-company", {"contact_id": "ct_robin01"}).status_code == 303
    assert browser.me().json()["company_name"] == "Initech"


def test_a_page_elsewhere_is_no_place_to_be_sent_to(
    stand: Stand, browser: Browser, person: Person
) -> None:
    answer = stand.by_google(browser, person.email, "//evil.example/x")
    assert answer.headers["location"] == "/"


def test_a_portal_with_google_offers_it(browser: Browser) -> None:
    assert "Continue with Google" in browser.get("/auth/login").text


def test_a_portal_without_google_has_neither_button_nor_route(stand: Stand) -> None:
    browser = stand.browser(stand.production)
    page = browser.get("/auth/login")
    assert page.status_code == 200
    assert "google" not in page.text.lower()
    for path in ("/auth/sso/google", "/auth/sso/google/callback?code=x&state=y"):
        answer = browser.get(path)
        assert answer.status_code == 404
        assert set_cookies(answer) == []
