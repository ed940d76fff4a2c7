"""Asking for a mail: which addresses are read, who gets mail, and what the answer gives away."""

from __future__ import annotations

import re
from collections.abc import Callable
from secrets import token_hex
from typing import Any
from urllib.parse import quote

import httpx2 as httpx
import pytest

from tests.blackbox.browser import Browser, read_set_cookie, request_id_of, set_cookies
from tests.blackbox.stand import Person, Stand

NOT_ONE_ADDRESS = [
    "",
    "jane",
    "jane@",
    "@acme.com",
    "jane@@acme.com",
    "jane@acme",
    "jane@acme.com,sam@acme.com",
    "jane@acme.com sam@acme.com",
    "jane@acme.com;sam@acme.com",
    "jane@acme.com\r\nBcc: eve@evil.example",
    "jane@acme.com\n",
    "jane@acme.com\x00",
    "jane@acme.com%0d%0aBcc:eve@evil.example",
    "jane\u2028@acme.com",
    "jane\uff20acme.com",
    "Jane Smith <jane@acme.com>",
    "<jane@acme.com>",
    '"jane"@acme.com',
    "jane(work)@acme.com",
    "jane@[127.0.0.1]",
    "mailto:jane@acme.com?subject=x",
    "jane@acme.com" + "m" * 400,
]
LONG_S = "\u017f"
DIFFERENT_EACH_TIME = ("date", "x-request-id", "set-cookie")


@pytest.mark.parametrize("typed", NOT_ONE_ADDRESS)
def test_what_is_not_one_address_is_refused_and_mails_nobody(
    stand: Stand, browser: Browser, typed: str
) -> None:
    stand.seen.note(typed, quote(typed))
    before = {
        letter["id"]
        for address in ("jane@acme.com", "sam@acme.com", "eve@evil.example")
        for letter in stand.letters(address)
    }
    answer = browser.post("/auth/magic", {"email": typed})
    assert answer.status_code == 422
    assert "Please enter one e-mail address" in answer.text
    assert set_cookies(answer) == []
    after = {
        letter["id"]
        for address in ("jane@acme.com", "sam@acme.com", "eve@evil.example")
        for letter in stand.letters(address)
    }
    assert after == before


def test_two_fields_of_the_name_do_not_make_two_addresses(stand: Stand, browser: Browser) -> None:
    first, second = stand.person(), stand.person()
    stand.seen.note(first.email, second.email)
    answer = browser.request(
        "POST", "/auth/magic", data={"email": [first.email, second.email], "redirect": "/"}
    )
    assert answer.status_code == 303
    assert stand.outcome(stand.main, request_id_of(answer)) == "sent"
    assert sorted(len(stand.letters(p.email)) for p in (first, second)) == [0, 1]


def test_what_was_typed_comes_back_escaped(browser: Browser) -> None:
    page = browser.post("/auth/magic", {"email": '"><script>alert(1)</script>'}).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_an_international_domain_is_an_address(stand: Stand, browser: Browser) -> None:
    assert stand.ask(browser, "zoe@bücher.example") == "unknown_address"
    assert stand.ask(browser, "zoe@xn--bcher-kva.example") == "unknown_address"


def test_blanks_around_an_address_do_not_matter(
    stand: Stand, browser: Browser, person: Person
) -> None:
    assert stand.ask(browser, f"  {person.email} ") == "sent"


def long_s(email: str) -> str:
    """Another letter, which folds to the same."""
    return email.replace("s", LONG_S)


@pytest.mark.parametrize("change", [str.upper, str.title, long_s])
def test_mail_goes_to_the_address_as_the_crm_has_it(
    stand: Stand, browser: Browser, change: Callable[[str], str]
) -> None:
    person = stand.person(f"Sascha.{token_hex(5)}@acme.com")
    typed = change(person.email)
    assert typed != person.email
    outcome = stand.ask(browser, typed)
    assert [letter["to"] for letter in stand.letters(person.email)] in ([], [person.email])
    # A letter that only folds to another may be unknown; a mere difference of case may not.
    assert outcome == "sent" or LONG_S in typed
    addressed = [letter["to"] for letter in stand.letters(typed)]
    assert set(addressed) <= {person.email}


def test_an_address_that_contains_anothers_mails_its_owner_alone(
    stand: Stand, browser: Browser
) -> None:
    inner = f"jo.{token_hex(4)}@acme.com"
    person, decoy = stand.person(inner), stand.person(f"mary-{inner}")
    assert stand.ask(browser, person.email) == "sent"
    assert len(stand.letters(person.email)) == 1
    assert stand.letters(decoy.email) == []


def test_part_of_an_address_is_nobodys(stand: Stand, browser: Browser) -> None:
    person = stand.person(f"mary-jo.{token_hex(4)}@acme.com")
    assert stand.ask(browser, person.email.removeprefix("mary-")) == "unknown_address"
    assert stand.letters(person.email) == []


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ({"portal_access": 0}, "no_access"),
        ({"product": "signal"}, "no_access"),
        ({"company_id": None}, "no_access"),
    ],
)
def test_who_may_not_enter_gets_no_mail(
    stand: Stand, browser: Browser, values: dict[str, Any], cause: str
) -> None:
    person = stand.person(**values)
    assert stand.ask(browser, person.email) == cause
    assert stand.letters(person.email) == []


def answer_to(stand: Stand, address: str, *, json: bool) -> httpx.Response:
    stand.seen.note(address, quote(address))
    browser = stand.browser()
    if json:
        return browser.request("POST", "/api/auth/magic", json={"email": address})
    return browser.post("/auth/magic", {"email": address, "redirect": "/invoices"})


@pytest.mark.parametrize("json", [False, True], ids=["form", "json"])
def test_known_and_unknown_addresses_get_the_same_answer(stand: Stand, json: bool) -> None:
    known, shut_out = stand.person(), stand.person(portal_access=0)
    unknown = f"anna.{token_hex(6)}@acme.com"
    answers = [answer_to(stand, a, json=json) for a in (known.email, shut_out.email, unknown)]
    assert len({answer.status_code for answer in answers}) == 1
    assert len({answer.content for answer in answers}) == 1
    headers = [
        [(n, v) for n, v in answer.headers.multi_items() if n not in DIFFERENT_EACH_TIME]
        for answer in answers
    ]
    assert headers[0] == headers[1] == headers[2]
    cookies = [[read_set_cookie(line) for line in set_cookies(answer)] for answer in answers]
    shapes = [[(name, len(value) > 0, said) for name, value, said in each] for each in cookies]
    assert shapes[0] == shapes[1] == shapes[2]
    assert [name for name, _, _ in shapes[0]] == ["portal_prelogin"]


def test_the_page_after_asking_says_the_same_of_every_address(stand: Stand) -> None:
    pages = []
    for address in (stand.person().email, f"anna.{token_hex(6)}@acme.com"):
        browser = stand.browser()
        stand.ask(browser, address)
        page = browser.get("/auth/check-mail")
        assert address in page.text
        pages.append((page.status_code, page.text.replace(address, "")))
    assert pages[0] == pages[1]


@pytest.mark.parametrize("json", [False, True], ids=["form", "json"])
def test_wrong_codes_do_not_tell_whether_a_mail_was_sent(stand: Stand, json: bool) -> None:
    known = stand.browser()
    wrong = f"{(int(stand.mailed(known, stand.person()).code) + 1) % 1_000_000:06d}"
    unknown = stand.browser()
    assert stand.ask(unknown, f"anna.{token_hex(6)}@acme.com") == "unknown_address"
    assert told_by_wrong_codes(known, wrong, json) == told_by_wrong_codes(unknown, wrong, json)


def told_by_wrong_codes(browser: Browser, code: str, json: bool) -> list[tuple[int, str]]:
    """Status and words of the answers to more wrong codes than are allowed."""
    told = []
    for _ in range(7):
        if json:
            answer = browser.request("POST", "/api/auth/verify-code", json={"code": code})
        else:
            answer = browser.post("/auth/verify-code", {"code": code})
        told.append((answer.status_code, re.sub(r"anna\.[0-9a-f]+", "", answer.text)))
    return told


def test_the_mail_names_the_portals_own_origin_and_nothing_of_the_request(
    stand: Stand, person: Person
) -> None:
    browser = stand.browser(
        stand.production, X_Forwarded_Host="evil.example", Forwarded="host=evil.example"
    )
    letter = stand.mailed(browser, person)
    assert f"{stand.production.origin}{letter.link}" in letter.text
    assert "evil.example" not in letter.text + letter.html
