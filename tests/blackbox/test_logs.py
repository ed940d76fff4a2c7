"""Run last: what all the other tests used is in no log."""

from __future__ import annotations

import re

from tests.blackbox.browser import Browser
from tests.blackbox.stand import Person, Stand
from tests.processes import stop


def test_no_log_has_a_token_a_code_a_cookie_a_secret_or_an_address(
    stand: Stand, browser: Browser, person: Person
) -> None:
    # Something of each kind is in, also when this test runs alone.
    letter = stand.mailed(browser, person)
    stand.press(browser, letter)
    stand.by_google(browser, person.email)
    for portal in stand.portals:
        stop(portal.process)
    logs = {portal.name: portal.log.read_text() for portal in stand.portals}
    assert f"contact_id={person.id}" in logs["main"]
    assert {letter.token, letter.code, person.email} <= stand.seen.values
    leaked = {
        (name, secret)
        for name, text in logs.items()
        for secret in stand.seen.values
        if secret in text and is_whole(secret, text)
    }
    assert leaked == set()


def test_no_log_tells_of_an_error_that_nobody_foresaw(stand: Stand) -> None:
    for portal in stand.portals:
        text = portal.log.read_text()
        assert "Traceback" not in text
        assert "unforeseen_error" not in text
        assert "background_work_failed" not in text


def is_whole(secret: str, text: str) -> bool:
    """Whether it stands there by itself: six digits also occur inside a longer number or name."""
    around = r"[0-9A-Za-z]"
    return re.search(rf"(?<!{around}){re.escape(secret)}(?!{around})", text) is not None
