"""How often a mail may be asked for, with the documented limits, behind one proxy."""

from __future__ import annotations

import sqlite3
from ipaddress import IPv4Address
from itertools import count
from secrets import token_hex

import pytest

from tests.blackbox.browser import Browser, request_id_of, set_cookies
from tests.blackbox.stand import Stand

LIMITED = "too_many_requests"
PER_CLIENT = 10
PER_HOUR = 5

_clients = (str(IPv4Address("203.0.113.0") + number) for number in count())


@pytest.fixture
def client() -> str:
    """A network address that no other test uses."""
    return next(_clients)


def from_address(stand: Stand, forwarded: str) -> Browser:
    """A browser of which the proxy says this."""
    return stand.browser(stand.limited, X_Forwarded_For=forwarded)


def nobody() -> str:
    return f"nobody.{token_hex(6)}@acme.com"


def a_minute_passes(stand: Stand) -> None:
    """The counters of one minute end, as they do by themselves; those of longer times stay."""
    database = sqlite3.connect(stand.limited.folder / ".portal" / "state.db", timeout=10)
    try:
        ended = database.execute("DELETE FROM entries WHERE key LIKE '%/1/1/minute'").rowcount
        database.commit()
    finally:
        database.close()
    assert ended


def use_up(stand: Stand, forwarded: str) -> None:
    for _ in range(PER_CLIENT):
        assert stand.ask(from_address(stand, forwarded), nobody()) == "unknown_address"


def test_an_address_gets_one_mail_a_minute(stand: Stand, client: str) -> None:
    person, browser = stand.person(), from_address(stand, client)
    assert stand.ask(browser, person.email) == "sent"
    assert stand.ask(browser, person.email) == LIMITED
    assert stand.ask(from_address(stand, next(_clients)), person.email.upper()) == LIMITED
    assert len(stand.letters(person.email)) == 1
    a_minute_passes(stand)
    assert stand.ask(browser, person.email) == "sent"


def test_an_address_gets_five_mails_an_hour(stand: Stand) -> None:
    person = stand.person()
    for _ in range(PER_HOUR):
        assert stand.ask(from_address(stand, next(_clients)), person.email) == "sent"
        a_minute_passes(stand)
    assert stand.ask(from_address(stand, next(_clients)), person.email) == LIMITED
    assert len(stand.letters(person.email)) == PER_HOUR


def test_a_network_address_asks_ten_times_in_ten_minutes(stand: Stand, client: str) -> None:
    use_up(stand, client)
    person = stand.person()
    assert stand.ask(from_address(stand, client), person.email) == LIMITED
    assert stand.letters(person.email) == []
    # Whoever is over their own limit has not used up somebody else's address.
    assert stand.ask(from_address(stand, next(_clients)), person.email) == "sent"


def test_the_answer_is_the_same_when_limited(stand: Stand, client: str) -> None:
    person, browser = stand.person(), from_address(stand, client)
    stand.seen.note(person.email)
    answers = [browser.post("/auth/magic", {"email": person.email}) for _ in range(2)]
    outcomes = [stand.outcome(stand.limited, request_id_of(answer)) for answer in answers]
    assert sorted(outcomes) == ["sent", LIMITED]
    seen = [
        (
            answer.status_code,
            answer.content,
            sorted(set(answer.headers) - {"date"}),
            [line.partition("=")[0] for line in set_cookies(answer)],
        )
        for answer in answers
    ]
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "written",
    ["{made_up}, {client}", "{made_up},10.0.0.1,{client}", "{made_up}, unknown, {client}"],
)
def test_what_the_client_itself_puts_before_the_proxys_entry_does_not_count(
    stand: Stand, client: str, written: str
) -> None:
    for _ in range(PER_CLIENT):
        forwarded = written.format(made_up=next(_clients), client=client)
        assert stand.ask(from_address(stand, forwarded), nobody()) == "unknown_address"
    forwarded = written.format(made_up=next(_clients), client=client)
    assert stand.ask(from_address(stand, forwarded), nobody()) == LIMITED


def test_no_other_header_names_the_client(stand: Stand, client: str) -> None:
    use_up(stand, client)
    for name in ("X_Real_IP", "CF_Connecting_IP", "True_Client_IP", "X_Client_IP"):
        browser = stand.browser(stand.limited, X_Forwarded_For=client, **{name: next(_clients)})
        assert stand.ask(browser, nobody()) == LIMITED


def test_entries_that_are_no_address_count_as_the_peer(stand: Stand) -> None:
    outcomes = [
        stand.ask(from_address(stand, f"made-up-{number}"), nobody())
        for number in range(PER_CLIENT + 1)
    ]
    assert outcomes[-1] == LIMITED


def test_without_proxies_the_header_is_not_read(stand: Stand, client: str) -> None:
    browser = stand.browser(X_Forwarded_For=client)
    assert stand.ask(browser, nobody()) == "unknown_address"
    database = sqlite3.connect(stand.main.folder / ".portal" / "state.db", timeout=10)
    try:
        rows = database.execute("SELECT key FROM entries WHERE key LIKE 'limit:%'").fetchall()
    finally:
        database.close()
    keys = [key for (key,) in rows]
    assert any("127.0.0.1" in key for key in keys)
    assert not any(client in key for key in keys)
