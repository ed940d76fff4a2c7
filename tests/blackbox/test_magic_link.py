"""Magic links: who they let in, how often, and from which browser."""

from __future__ import annotations

import base64
import re
import sqlite3
from datetime import datetime
from html.parser import HTMLParser
from secrets import token_urlsafe

import pytest

from tests.blackbox.browser import (
    Browser,
    cookie_attributes,
    session_in,
    set_cookies,
    status_of,
)
from tests.blackbox.stand import Person, Stand, until
from tests.blackbox.tokens import sha256

AT_ONCE = 50


class Scripts(HTMLParser):
    """What of a page could act without a person: scripts, handlers, refreshes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.sources: list[str] = []
        self.handlers: list[str] = []
        self.methods: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.handlers += [name for name in values if name.startswith("on")]
        if tag == "script" and values.get("type") != "importmap":
            self.sources.append(values.get("src") or "")
        if tag == "meta" and "http-equiv" in values:
            self.handlers.append(f"meta {values['http-equiv']}")
        if tag == "form":
            self.methods.append((values.get("method") or "get").lower())


def magic_session(stand: Stand, token: str) -> dict[str, str]:
    """What SM API tells of a link to whoever knows its token's digest."""
    asked = {"token_hash": sha256(token), "product": "mode"}
    (found,) = stand.crm.get("/api/magic_sessions", params=asked).json()["data"]
    record: dict[str, str] = found
    return record


def test_a_link_signs_in_and_leads_to_the_page_that_was_wanted(
    stand: Stand, browser: Browser, person: Person
) -> None:
    letter = stand.mailed(browser, person, "/invoices?status=open")
    assert browser.get(letter.link).status_code == 200
    answer = stand.press(browser, letter)
    assert (answer.status_code, answer.headers["location"]) == (303, "/invoices?status=open")
    assert browser.me().json()["contact_id"] == person.id
    assert "portal_prelogin" not in browser.cookies


def test_a_token_has_256_random_bits(stand: Stand, browser: Browser, person: Person) -> None:
    tokens = {stand.mailed(browser, person).token for _ in range(3)}
    assert len(tokens) == 3
    for token in tokens:
        assert len(base64.urlsafe_b64decode(token + "=")) == 32


def test_no_store_holds_the_token_but_its_digest_alone(
    stand: Stand, browser: Browser, person: Person
) -> None:
    letter = stand.mailed(browser, person)
    record = magic_session(stand, letter.token)
    assert record["contact_id"] == person.id
    assert letter.token not in str(record)
    assert sha256(letter.token) not in str(record)
    for file in (stand.main.folder / ".portal").glob("state.db*"):
        assert letter.token.encode() not in file.read_bytes()
        assert letter.code.encode() not in file.read_bytes()
    holding_token, holding_digest = (
        tables_with(stand, letter.token),
        tables_with(stand, sha256(letter.token)),
    )
    # Six digits have few digests: theirs alone would give them away.
    assert tables_with(stand, sha256(letter.code)) == set()
    # The mailbox is the stand-in's for the person's own mail program.
    assert holding_token == {"mail"}
    assert "magic_sessions" in holding_digest


def tables_with(stand: Stand, text: str) -> set[str]:
    """The tables of the sandbox's database in which some value contains `text`."""
    found = set()
    database = sqlite3.connect(f"file:{stand.data}?mode=ro", uri=True)
    try:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            if any(text in str(row) for row in database.execute(f'SELECT * FROM "{name}"')):
                found.add(name)
    finally:
        database.close()
    return found


def test_a_link_lives_for_ten_minutes(stand: Stand, browser: Browser, person: Person) -> None:
    record = magic_session(stand, stand.mailed(browser, person).token)
    created, expires = (
        datetime.fromisoformat(record[name]) for name in ("created_at", "expires_at")
    )
    assert (expires - created).total_seconds() == 600


def test_an_expired_link_shows_no_button_and_signs_nobody_in(
    stand: Stand, browser: Browser, person: Person
) -> None:
    token = token_urlsafe(32)
    stand.seen.note(token)
    made = stand.crm.post(
        "/api/magic_sessions",
        json={
            "contact_id": person.id,
            "product": "mode",
            "token_hash": sha256(token),
            "code_hash": sha256("x"),
            "browser_hash": sha256("y"),
            "expires_in": 1,
        },
    )
    assert made.status_code == 201, made.text
    link = f"/auth/magic/verify?token={token}"
    assert browser.get(link).status_code == 200
    until(lambda: browser.get(link).status_code == 410, seconds=5)
    answer = browser.post("/auth/magic/verify", {"token": token, "confirm": "1"})
    assert answer.status_code == 410
    assert "expired" in answer.text
    assert not browser.session


def test_of_fifty_presses_at_the_same_moment_one_signs_in(
    stand: Stand, browser: Browser, person: Person
) -> None:
    letter = stand.mailed(browser, person)
    press = browser.written("POST", "/auth/magic/verify", token=letter.token)
    answers = stand.main.at_once([press] * AT_ONCE)
    assert sorted(map(status_of, answers)) == [303] + [410] * (AT_ONCE - 1)
    (token,) = filter(None, map(session_in, answers))
    page = stand.browser(session=token).get("/account").text
    assert "This browser" in page
    assert "/account/end-sign-in" not in page


def test_a_used_link_says_so_and_works_no_more(
    stand: Stand, browser: Browser, person: Person
) -> None:
    letter = stand.mailed(browser, person)
    assert stand.press(browser, letter).status_code == 303
    again = stand.browser()
    assert again.get(letter.link).status_code == 410
    refused = stand.press(again, letter, confirm="1")
    assert refused.status_code == 410
    assert "used already" in refused.text
    assert not again.session


def test_a_newer_link_ends_the_older_ones_of_the_address(
    stand: Stand, browser: Browser, person: Person
) -> None:
    first, second = stand.mailed(browser, person), stand.mailed(browser, person)
    refused = stand.press(browser, first)
    assert refused.status_code == 410
    assert "newer link" in refused.text
    assert stand.press(browser, second).status_code == 303


def test_a_newer_link_ends_the_older_one_of_another_browser_too(
    stand: Stand, browser: Browser, person: Person
) -> None:
    elsewhere = stand.browser()
    first = stand.mailed(elsewhere, person)
    stand.mailed(browser, person)
    assert stand.press(elsewhere, first).status_code == 410
    answer = elsewhere.post("/auth/verify-code", {"code": first.code})
    assert answer.status_code == 410, answer.text
    assert not elsewhere.session


def test_a_success_by_link_ends_the_code_of_the_same_mail(
    stand: Stand, browser: Browser, person: Person
) -> None:
    letter = stand.mailed(browser, person)
    asking = dict(browser.cookies)
    assert stand.press(browser, letter).status_code == 303
    second = stand.browser()
    second.cookies.update(asking)
    assert second.post("/auth/verify-code", {"code": letter.code}).status_code == 410
    assert not second.session


def test_a_success_ends_every_link_of_an_address_that_two_contacts_share(stand: Stand) -> None:
    robin = Person("", "robin@parkadvisory.example", "")
    one, other = stand.browser(), stand.browser()
    first, second = stand.mailed(one, robin), stand.mailed(other, robin)
    assert stand.press(other, second).status_code == 200
    assert stand.press(one, first).status_code == 410
    assert stand.press(stand.browser(), second, confirm="1").status_code == 410


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_scanners_leave_a_link_working(
    stand: Stand, browser: Browser, person: Person, method: str
) -> None:
    letter = stand.mailed(browser, person)
    for agent in ("Mimecast-Scanner/1.0", "SafeLinks", "curl/8.5.0"):
        scanner = stand.browser(User_Agent=agent, Sec_Fetch_Site="none")
        answer = scanner.request(method, letter.link)
        assert answer.status_code == 200
        assert set_cookies(answer) == []
    assert magic_session(stand, letter.token)["status"] == "live"
    assert stand.press(browser, letter).status_code == 303


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH"])
def test_no_other_method_uses_a_link_up(
    stand: Stand, browser: Browser, person: Person, method: str
) -> None:
    letter = stand.mailed(browser, person)
    assert browser.request(method, letter.link).status_code == 405
    assert stand.press(browser, letter).status_code == 303


def test_the_links_page_has_nothing_that_acts_by_itself(
    stand: Stand, browser: Browser, person: Person
) -> None:
    page = browser.get(stand.mailed(browser, person).link)
    found = Scripts(page.text)
    assert "" not in found.sources
    assert found.handlers == []
    assert found.methods == ["post"]
    for source in found.sources:
        script = browser.get(source)
        assert script.status_code == 200
        assert "submit(" not in script.text.lower()


def test_the_same_browser_is_asked_for_one_press_alone(
    stand: Stand, browser: Browser, person: Person
) -> None:
    page = browser.get(stand.mailed(browser, person).link).text
    assert "Ready to sign in" in page
    assert 'name="confirm"' not in page


def test_another_browser_sees_the_masked_account_and_is_asked(
    stand: Stand, browser: Browser, person: Person
) -> None:
    page = stand.browser().get(stand.mailed(browser, person).link).text
    assert "a•••@a•••.com" in page
    assert person.email not in page
    assert "Is this you?" in page
    assert "six digits" in page


def test_another_browser_signs_in_only_after_agreeing(
    stand: Stand, browser: Browser, person: Person
) -> None:
    letter, other = stand.mailed(browser, person), stand.browser()
    shown = stand.press(other, letter)
    assert shown.status_code == 200
    assert "Is this you?" in shown.text
    assert not other.session
    assert magic_session(stand, letter.token)["status"] == "live"
    assert stand.press(other, letter, confirm="1").status_code == 303
    assert other.me().json()["contact_id"] == person.id


def test_a_page_of_an_attacker_cannot_sign_a_victim_in_as_the_attacker(
    stand: Stand, browser: Browser, person: Person
) -> None:
    letter = stand.mailed(browser, person)
    for site in ("cross-site", "same-site"):
        victim = stand.browser(Sec_Fetch_Site=site)
        answer = stand.press(victim, letter, confirm="1")
        assert answer.status_code == 403
        assert victim.cookies == {}
    old = stand.browser(Origin="https://evil.example")
    raw = old.request(
        "POST",
        "/auth/magic/verify",
        data={"token": letter.token, "confirm": "1"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert raw.status_code == 403
    assert magic_session(stand, letter.token)["status"] == "live"


def test_a_pasted_link_leaves_the_victims_own_session_alone(
    stand: Stand, browser: Browser, person: Person
) -> None:
    attackers = stand.mailed(browser, person)
    own = stand.person()
    victim = stand.signed_in(own)
    assert victim.get(attackers.link).status_code == 200
    assert stand.press(victim, attackers).status_code == 200
    assert victim.me().json()["contact_id"] == own.id


def test_an_altered_binding_counts_as_another_browser(
    stand: Stand, browser: Browser, person: Person
) -> None:
    letter = stand.mailed(browser, person)
    held = browser.cookies["portal_prelogin"]
    browser.cookies["portal_prelogin"] = ("A" if held[0] != "A" else "B") + held[1:]
    assert "Is this you?" in browser.get(letter.link).text


def test_the_binding_of_one_browser_is_no_good_for_the_link_of_another(
    stand: Stand, browser: Browser, person: Person
) -> None:
    letter, other = stand.mailed(browser, person), stand.browser()
    stand.mailed(other, stand.person())
    assert "Is this you?" in other.get(letter.link).text


def test_the_binding_is_for_this_host_alone_and_no_script(stand: Stand, person: Person) -> None:
    names = {"main": "portal_prelogin", "production": "__Host-portal_prelogin"}
    for portal in (stand.main, stand.production):
        answer = stand.browser(portal).post("/auth/magic", {"email": person.email})
        attributes = cookie_attributes(answer, names[portal.name])
        assert "domain" not in attributes
        assert (attributes["path"], attributes["samesite"]) == ("/", "lax")
        assert "httponly" in attributes
        assert ("secure" in attributes) is (portal is stand.production)


@pytest.mark.parametrize(
    "token", ["", "x", "A" * 43, "A" * 5000, "../../x", "é" * 43, "A" * 42 + "\n"]
)
def test_what_is_no_token_of_ours_is_refused_alike(browser: Browser, token: str) -> None:
    for answer in (
        browser.get("/auth/magic/verify", params={"token": token}),
        browser.post("/auth/magic/verify", {"token": token, "confirm": "1"}),
    ):
        assert answer.status_code == 410
        assert "cannot be used" in answer.text


def test_access_taken_away_after_the_mail_was_sent_keeps_its_reader_out(
    stand: Stand, browser: Browser, person: Person
) -> None:
    letter = stand.mailed(browser, person)
    stand.change(person, portal_access=0)
    assert stand.press(browser, letter).status_code == 403
    assert not browser.session


def test_two_contacts_with_one_address_choose_their_company(stand: Stand) -> None:
    robin = Person("", "robin@parkadvisory.example", "")
    browser = stand.browser()
    chooser = stand.press(browser, stand.mailed(browser, robin, "/engagements"))
    assert chooser.status_code == 200
    assert not browser.session
    assert {"Initech", "Hooli"} <= set(re.findall(r"Initech|Hooli", chooser.text))
    answer = browser.post("/auth/choose-company", {"contact_id": "ct_robin02"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/engagements")
    assert browser.me().json()["company_name"] == "Hooli"


def test_a_choice_counts_once_and_only_among_what_was_offered(stand: Stand) -> None:
    robin = Person("", "robin@parkadvisory.example", "")
    browser = stand.browser()
    stand.press(browser, stand.mailed(browser, robin))
    held = dict(browser.cookies)
    browser.post("/auth/choose-company", {"contact_id": "ct_abc123"})
    assert not browser.session
    again, third = stand.browser(), stand.browser()
    again.cookies.update(held)
    third.cookies.update(held)
    again.post("/auth/choose-company", {"contact_id": "ct_robin01"})
    assert again.session
    third.post("/auth/choose-company", {"contact_id": "ct_robin02"})
    assert not third.session
    fresh = stand.browser()
    fresh.post("/auth/choose-company", {"contact_id": "ct_robin01"})
    assert not fresh.session


def test_of_twenty_choices_at_the_same_moment_one_signs_in(stand: Stand) -> None:
    robin = Person("", "robin@parkadvisory.example", "")
    browser = stand.browser()
    stand.press(browser, stand.mailed(browser, robin))
    choices = [
        browser.written("POST", "/auth/choose-company", contact_id=f"ct_robin0{1 + number % 2}")
        for number in range(20)
    ]
    tokens = list(filter(None, map(session_in, stand.main.at_once(choices))))
    stand.seen.note(*tokens)
    assert len(tokens) == 1
