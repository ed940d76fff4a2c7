"""The calendar feed over HTTP: made in the portal, read by whoever has the address alone."""

from __future__ import annotations

import re
from html import unescape

import httpx2 as httpx
from icalendar import Calendar

from tests.blackbox.browser import Browser
from tests.blackbox.staff import staff, start
from tests.blackbox.stand import Person, Stand, until

ADDRESS = re.compile(r'value="(http[^"]+/calendar/feed/([^"/]+)\.ics)"')


def press(stand: Stand, browser: Browser, action: str) -> str:
    """Press a button of the calendar page; the address that the answer shows."""
    answer = browser.post("/calendar", {"action": action})
    assert answer.status_code == 200, answer.text
    found = ADDRESS.search(answer.text)
    assert found, answer.text
    stand.seen.note(found[2])
    return unescape(found[1])


def fetch(address: str, **headers: str) -> httpx.Response:
    """As a calendar program does, which has nothing but the address."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(address, headers=sent, timeout=20, trust_env=False)


def test_a_feed_is_made_read_without_cookies_renewed_and_revoked(
    stand: Stand, person: Person
) -> None:
    browser = stand.signed_in(person)
    with stand.leaving("portal_calendar_made", person.id):
        address = press(stand, browser, "make")
    answer = fetch(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["referrer-policy"] == "no-referrer"
    names = {str(event["SUMMARY"]) for event in Calendar.from_ical(answer.content).events}
    assert "Renewal of Mode implementation retainer" in names
    assert "INV-2026-001 is due" in names
    assert fetch(address, If_None_Match=answer.headers["etag"]).status_code == 304
    with stand.leaving("portal_calendar_renewed", person.id):
        renewed = press(stand, browser, "renew")
    assert fetch(address).status_code == 404
    assert fetch(renewed).status_code == 200
    with stand.leaving("portal_calendar_revoked", person.id):
        assert browser.post("/calendar", {"action": "revoke"}).status_code == 303
    assert fetch(renewed).status_code == 404


def test_a_feed_follows_the_crm_to_the_role_and_to_its_end(stand: Stand, person: Person) -> None:
    browser = stand.signed_in(person)
    address = press(stand, browser, "make")
    assert "INV-2026-001" in fetch(address).text
    stand.change(person, portal_role="client_viewer")
    # The feed is fetched once it counts: it may be fetched ten times a minute.
    until(lambda: browser.me().json()["portal_role"] == "client_viewer")
    lowered = fetch(address)
    assert "INV-" not in lowered.text
    assert len(Calendar.from_ical(lowered.content).events) > 5
    stand.change(person, portal_access=0)
    until(lambda: browser.me().status_code == 403)
    assert fetch(address).status_code == 404


def test_a_preview_shows_no_address(stand: Stand, person: Person) -> None:
    address = press(stand, stand.signed_in(person), "make")
    lens = staff(stand)
    assert start(lens, person.id).status_code == 303
    page = lens.get("/calendar")
    assert page.status_code == 200
    assert "You have an address" in page.text
    assert "/calendar/feed/" not in page.text
    for action in ("show", "make", "renew", "revoke"):
        assert lens.post("/calendar", {"action": action}).status_code == 403
    assert fetch(address).status_code == 200
