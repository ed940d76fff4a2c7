"""Two portals on one Redis are one portal, and one of them, or Redis itself, may go away."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import httpx2 as httpx
import pytest

from tests.blackbox.browser import Browser, Portal
from tests.blackbox.machines import ASKS, Machines, running_machines
from tests.blackbox.staff import AVA
from tests.blackbox.stand import until

AWAY = "We cannot check right now"


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Started once; all of it runs until the last test, which takes one of the two away."""
    with running_machines(tmp_path_factory.mktemp("machines")) as made:
        yield made


def test_a_limit_counts_once_across_both(machines: Machines) -> None:
    stand = machines.stand
    person, browser = stand.person(), stand.browser()
    asked = [stand.ask(browser, person.email) for _ in range(ASKS + 1)]
    assert asked == ["sent"] * ASKS + ["too_many_requests"]
    assert len(stand.letters(person.email)) == ASKS
    for portal in machines.portals:
        assert "magic_link_sent" in portal.log.read_text()


def test_a_session_that_was_ended_at_one_is_over_at_the_other(machines: Machines) -> None:
    stand = machines.stand
    session = stand.signed_in(stand.person()).session
    here, there = (stand.browser(portal, session) for portal in machines.portals)
    assert [here.me().status_code, there.me().status_code] == [200, 200]
    assert here.post("/auth/logout").status_code == 303
    assert stand.browser(machines.portals[0], session).me().status_code == 401
    assert there.me().status_code == 401


def test_while_redis_is_away_pages_are_read_and_nobody_signs_in(machines: Machines) -> None:
    stand = machines.stand
    person, browser = stand.person(), stand.browser()
    letter = stand.mailed(browser, person)
    client = stand.signed_in(stand.person())
    staff = stand.browser()
    assert stand.by_google(staff, AVA).status_code == 303
    assert staff.get("/staff").status_code == 200
    at_google = stand.browser()
    back = stand.choose(stand.to_google(at_google), AVA)
    machines.redis.stop()
    try:
        for page in ("/", "/invoices", "/account", "/team"):
            assert [client.get(page).status_code for _ in machines.portals] == [200, 200], page
        refused = [
            stand.browser().post("/auth/magic", {"email": person.email, "redirect": "/"}),
            stand.press(browser, letter),
            browser.post("/auth/verify-code", {"email": person.email, "code": letter.code}),
            at_google.get(back),
            client.post("/calendar", {"action": "make"}),
            client.post("/auth/logout"),
            staff.get("/staff"),
        ]
        assert [(one.status_code, AWAY in one.text) for one in refused] == [(503, True)] * 7
        assert all(portal.http.get("/healthz").status_code == 200 for portal in machines.portals)
    finally:
        machines.redis.start()
    for portal in machines.portals:
        until(partial(_opens, stand.browser(portal, staff.session), "/staff"))
        until(partial(_has_everything, portal))
    assert client.post("/calendar", {"action": "make"}).status_code == 200
    # The link that could not be used was not used up.
    assert stand.press(browser, letter).status_code == 303
    assert browser.me().status_code == 200
    assert [portal.process.poll() for portal in machines.portals] == [None, None]


def test_what_a_killed_portal_had_queued_is_delivered_by_the_other(machines: Machines) -> None:
    stand = machines.stand
    person = stand.person()
    session = stand.signed_in(person).session
    browser = stand.browser(machines.portals[0], session)
    assert browser.get("/calendar").status_code == 200
    machines.sandbox.kill()
    machines.sandbox.wait(timeout=10)
    assert browser.post("/calendar", {"action": "make"}).status_code == 200
    # Between two attempts: in the middle of one, the other would wait until its lease has ended.
    until(machines.holds_nothing)
    machines.kill(0)
    machines.sandbox = machines.start_sandbox()
    made = until(lambda: _activities(machines, "portal_calendar_made", person.id), seconds=60)
    assert len(made) == 1
    # Whoever comes now is served by the one that is left.
    assert stand.browser(session=session).me().status_code == 200


def _opens(browser: Browser, page: str) -> bool:
    """Whether a page is shown."""
    return browser.get(page).status_code == 200


def _has_everything(portal: Portal) -> bool:
    """Whether the portal sees its store and its queue again."""
    return bool(portal.http.get("/readyz").json()["ok"])


def _activities(machines: Machines, activity_type: str, contact_id: str) -> list[str]:
    """The ids of a contact's activities of one type, once the CRM answers."""
    try:
        found = machines.stand.activities(activity_type)
    except httpx.TransportError:
        return []
    return [one["id"] for one in found if one["contact_id"] == contact_id]
