"""The six digits of the mail: only where they were asked for, and not for guessing."""

from __future__ import annotations

import pytest

from tests.blackbox.browser import Browser, session_in, status_of
from tests.blackbox.stand import Person, Stand

TRIES = 5


def another(code: str) -> str:
    """Six digits that are not these."""
    return f"{(int(code) + 1) % 1_000_000:06d}"


def type_code(browser: Browser, code: str) -> int:
    return int(browser.post("/auth/verify-code", {"code": code}).status_code)


def test_the_code_signs_in_where_it_was_asked_for(
    stand: Stand, browser: Browser, person: Person
) -> None:
    letter = stand.mailed(browser, person, "/engagements")
    answer = browser.post("/auth/verify-code", {"email": person.email, "code": letter.code})
    assert (answer.status_code, answer.headers["location"]) == (303, "/engagements")
    assert browser.me().json()["contact_id"] == person.id


@pytest.mark.parametrize("written", ["{0} {1}", " {0}{1} ", "{0}-{1}"])
def test_a_code_may_be_typed_as_it_is_read(
    stand: Stand, browser: Browser, person: Person, written: str
) -> None:
    code = stand.mailed(browser, person).code
    assert type_code(browser, written.format(code[:3], code[3:])) == 303


def test_browser_code_gets_the_redirect_as_json(
    stand: Stand, browser: Browser, person: Person
) -> None:
    code = stand.mailed(browser, person, "/invoices").code
    answer = browser.request(
        "POST", "/api/auth/verify-code", json={"email": person.email, "code": code}
    )
    assert answer.json() == {"ok": True, "redirect_url": "/invoices"}
    assert browser.session


def test_the_code_is_nothing_in_a_browser_that_did_not_ask(
    stand: Stand, browser: Browser, person: Person
) -> None:
    code = stand.mailed(browser, person).code
    for other in (stand.browser(), stand.browser()):
        assert type_code(other, code) == 410
        assert not other.session
    assert type_code(browser, code) == 303


def test_the_code_is_nothing_in_a_browser_that_asked_for_another(
    stand: Stand, browser: Browser, person: Person
) -> None:
    code, other = stand.mailed(browser, person).code, stand.browser()
    own = stand.mailed(other, stand.person())
    answer = other.post("/auth/verify-code", {"email": person.email, "code": code})
    assert answer.status_code == (303 if own.code == code else 403)
    assert other.session == "" or own.code == code
    assert type_code(browser, code) == 303


def test_four_wrong_codes_leave_the_right_one_working(
    stand: Stand, browser: Browser, person: Person
) -> None:
    code = stand.mailed(browser, person).code
    for _ in range(TRIES - 1):
        assert type_code(browser, another(code)) == 403
    assert type_code(browser, code) == 303


def test_five_wrong_codes_end_the_code_and_the_link_and_a_new_mail_works(
    stand: Stand, browser: Browser, person: Person
) -> None:
    letter = stand.mailed(browser, person)
    for _ in range(TRIES):
        type_code(browser, another(letter.code))
    answer = browser.post("/auth/verify-code", {"code": letter.code})
    assert answer.status_code == 410
    assert "Too many wrong codes" in answer.text
    assert stand.press(browser, letter).status_code == 410
    assert not browser.session
    assert type_code(browser, stand.mailed(browser, person).code) == 303


def test_a_code_signs_in_only_once(stand: Stand, browser: Browser, person: Person) -> None:
    code = stand.mailed(browser, person).code
    again = stand.browser()
    again.cookies.update(browser.cookies)
    assert type_code(browser, code) == 303
    assert type_code(again, code) == 410
    assert not again.session


def test_a_success_by_code_ends_the_link_of_the_same_mail(
    stand: Stand, browser: Browser, person: Person
) -> None:
    letter = stand.mailed(browser, person)
    assert type_code(browser, letter.code) == 303
    assert stand.press(stand.browser(), letter, confirm="1").status_code == 410


@pytest.mark.parametrize(
    "code",
    [
        "",
        "12345",
        "1234567",
        "abcdef",
        "\u0661\u0662\u0663\u0664\u0665\u0666",
        "12345\uff16",
        "' OR 1=1",
    ],
)
def test_what_is_no_code_is_refused_and_costs_no_try(
    stand: Stand, browser: Browser, person: Person, code: str
) -> None:
    right = stand.mailed(browser, person).code
    for _ in range(TRIES + 1):
        assert type_code(browser, code) == 403
    assert type_code(browser, right) == 303


def test_of_fifty_right_codes_at_the_same_moment_one_signs_in(
    stand: Stand, browser: Browser, person: Person
) -> None:
    code = stand.mailed(browser, person).code
    answers = stand.main.at_once([browser.written("POST", "/auth/verify-code", code=code)] * 50)
    assert sorted(map(status_of, answers)) == [303] + [410] * 49
    tokens = list(filter(None, map(session_in, answers)))
    stand.seen.note(*tokens)
    assert len(tokens) == 1


def test_of_fifty_wrong_codes_at_the_same_moment_five_are_tried(
    stand: Stand, browser: Browser, person: Person
) -> None:
    code = stand.mailed(browser, person).code
    guesses = [f"{(int(code) + number) % 1_000_000:06d}" for number in range(1, 51)]
    answers = stand.main.at_once(
        [browser.written("POST", "/auth/verify-code", code=guess) for guess in guesses]
    )
    # The fifth wrong one already says that this mail no longer works.
    assert sorted(map(status_of, answers)) == [403] * (TRIES - 1) + [410] * (51 - TRIES)
    assert type_code(browser, code) == 410
