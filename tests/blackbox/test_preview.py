"""A staff preview from outside: read-only on every route, short, and on record."""

from __future__ import annotations

import time
from typing import Any

import pytest
from starlette.routing import BaseRoute, Mount, Route

from portal.routes import ROUTES
from tests.blackbox.browser import Browser
from tests.blackbox.stand import SECRETS, Person, Stand, until
from tests.blackbox.tokens import HS256, claims_of, forged

AVA, AVA_ID = "ava@sprintmode.ai", "ct_avator1"
REASON = "The client called"
SAFE = {"GET", "HEAD", "OPTIONS"}
WAYS_IN_AND_OUT = {
    *("/magic", "/magic/verify", "/verify-code", "/choose-company", "/logout", "/exit-view-as")
}


def changes(routes: list[BaseRoute], prefix: str = "") -> list[tuple[str, str]]:
    """Every unsafe method and path of the URL table, but for leaving and for signing in."""
    found = []
    for route in routes:
        if isinstance(route, Mount):
            found += changes(list(route.routes or ()), prefix + route.path)
        elif isinstance(route, Route):
            if prefix.endswith("/auth") and route.path in WAYS_IN_AND_OUT:
                continue
            found += [(m, prefix + route.path) for m in set(route.methods or ()) - SAFE]
    return sorted(found)


def staff(stand: Stand) -> Browser:
    """A browser in which Ava of Sprint Mode signed in by Google."""
    browser = stand.browser()
    answer = stand.by_google(browser, AVA)
    assert answer.status_code == 303, answer.text
    return browser


def start(browser: Browser, contact_id: str, reason: str = REASON) -> Any:
    return browser.post("/auth/view-as", {"contact_id": contact_id, "reason": reason})


@pytest.fixture
def ava(stand: Stand) -> Browser:
    return staff(stand)


@pytest.fixture
def preview(stand: Stand, ava: Browser, person: Person) -> Browser:
    """Ava's browser, in a preview of `person`."""
    answer = start(ava, person.id)
    assert (answer.status_code, answer.headers["location"]) == (303, "/"), answer.text
    return ava


def hub_lens(stand: Stand, person: Person, *, ago: int = 0, email: str = AVA) -> str:
    """A token of the platform's hub, signed some seconds ago, in which staff look at `person`."""
    signed = int(time.time()) - ago
    claims = claims_of(AVA_ID, email, iat=signed, viewing_as={"contact_id": person.id})
    token = forged(HS256, claims, SECRETS["SESSION_SECRET"])
    stand.seen.note(token)
    return token


@pytest.mark.parametrize(("method", "path"), changes(ROUTES))
def test_no_route_changes_anything_in_a_preview(
    stand: Stand, preview: Browser, person: Person, method: str, path: str
) -> None:
    at = path.replace("{id}", person.id)
    before = stand.crm.get(f"/api/contacts/{person.id}").json()
    with stand.leaving("portal_preview_refused", person.id, method=method, path=at) as found:
        answer = preview.request(method, at, data={"full_name": "Changed", "role": "none"})
    assert answer.status_code == 403
    assert found[0]["metadata"]["staff_id"] == AVA_ID
    assert stand.crm.get(f"/api/contacts/{person.id}").json() == before


def test_the_banner_is_on_every_page_and_leaving_takes_it_away(preview: Browser) -> None:
    for path in ("/", "/engagements", "/activity", "/invoices", "/team", "/account"):
        page = preview.get(path).text
        assert "Previewing as Anna Example — read-only" in page
        assert "by Ava Torres" in page
    assert preview.post("/auth/exit-view-as").status_code == 303
    clients = preview.get("/staff")
    assert clients.status_code == 200
    assert "Previewing as" not in clients.text


def test_the_start_is_on_record_with_both_ids_and_the_reason(
    stand: Stand, ava: Browser, person: Person
) -> None:
    with stand.leaving(
        "portal_preview_started",
        person.id,
        staff_id=AVA_ID,
        viewed_contact_id=person.id,
        reason=REASON,
    ) as found:
        start(ava, person.id)
    assert found[0]["company_id"] == person.company_id


def test_leaving_is_on_record(stand: Stand, preview: Browser, person: Person) -> None:
    with stand.leaving("portal_preview_ended", person.id, staff_id=AVA_ID):
        preview.post("/auth/exit-view-as")


def test_without_a_reason_there_is_none(ava: Browser, person: Person) -> None:
    assert start(ava, person.id, "  ").status_code == 422
    assert "viewing_as" not in ava.me().json()


def test_another_products_contact_is_not_found(stand: Stand, ava: Browser) -> None:
    stranger = stand.person(product="signal", products=["signal"])
    assert start(ava, stranger.id).status_code == 404


def test_staff_cannot_be_previewed(stand: Stand, ava: Browser) -> None:
    colleague = stand.person(is_sm_team=1)
    assert start(ava, colleague.id).status_code == 422


def test_a_contact_without_access_cannot_be_previewed(stand: Stand, ava: Browser) -> None:
    assert start(ava, stand.person(portal_access=0).id).status_code == 422


def test_previews_do_not_nest(stand: Stand, preview: Browser, person: Person) -> None:
    assert start(preview, stand.person().id).status_code == 403
    assert preview.me().json()["email"] == person.email


def test_a_client_starts_none(stand: Stand, person: Person) -> None:
    client = stand.signed_in(person)
    assert start(client, stand.person().id).status_code == 403


def test_its_cookie_opens_no_staff_page(preview: Browser, person: Person) -> None:
    for path in ("/staff", f"/staff/contacts/{person.id}", "/staff/companies/co_abc123"):
        assert preview.get(path).status_code == 403


def test_the_hubs_lens_opens_here_read_only_and_on_record(stand: Stand, person: Person) -> None:
    browser = stand.browser(session=hub_lens(stand, person))
    with stand.leaving(
        "portal_preview_started", person.id, staff_id=AVA_ID, reason="Opened from the platform"
    ):
        page = browser.get("/")
    assert "Previewing as Anna Example — read-only" in page.text
    assert browser.post("/account", {"full_name": "Changed"}).status_code == 403


@pytest.mark.parametrize("ago", [1800, 1860, 86_400])
def test_it_ends_after_half_an_hour_and_is_no_staff_session_then(
    stand: Stand, person: Person, ago: int
) -> None:
    browser = stand.browser(session=hub_lens(stand, person, ago=ago))
    for path in ("/", "/invoices", "/staff"):
        page = browser.get(path)
        assert page.status_code == 403
        assert "The preview has ended" in page.text
    assert browser.post("/account", {"full_name": "Changed"}).status_code == 403


def test_a_lens_in_a_clients_token_opens_nothing(stand: Stand, person: Person) -> None:
    other = stand.person()
    token = stand.token(person, viewing_as={"contact_id": other.id})
    assert stand.browser(session=token).get("/").status_code == 403


def test_a_client_who_signs_in_during_a_preview_is_no_staff(stand: Stand, preview: Browser) -> None:
    held = dict(preview.cookies)
    client = stand.person()
    assert stand.press(preview, stand.mailed(preview, client)).status_code == 303
    me = preview.me().json()
    assert me["email"] == client.email
    assert "viewing_as" not in me
    preview.post("/auth/exit-view-as")
    assert preview.get("/staff").status_code == 403
    old = stand.browser()
    old.cookies.update(held)
    assert old.get("/staff").status_code == 302


def test_staff_removed_in_the_middle_see_nothing_more(stand: Stand, person: Person) -> None:
    colleague = stand.person(is_sm_team=1, portal_access=0)
    claims = claims_of(colleague.id, colleague.email, viewing_as={"contact_id": person.id})
    token = forged(HS256, claims, SECRETS["SESSION_SECRET"])
    browser = stand.browser(session=token)
    assert browser.get("/").status_code == 200
    stand.change(colleague, is_sm_team=0)
    until(lambda: browser.get("/").status_code == 403)
    assert "Acme" not in browser.get("/invoices").text


def test_the_clients_own_sign_ins_stay_as_they_are(stand: Stand, person: Person) -> None:
    client = stand.signed_in(person)
    ava = staff(stand)
    start(ava, person.id)
    ava.get("/account")
    ava.post("/auth/logout-everywhere")
    ava.post("/auth/logout")
    assert client.me().status_code == 200
    assert client.get("/account").text.count("This browser") == 1
    assert ava.get("/staff").status_code == 302


def test_the_client_reads_of_it_with_its_reason(stand: Stand, ava: Browser, person: Person) -> None:
    with stand.leaving("portal_preview_started", person.id):
        start(ava, person.id, "A <question> & an answer")
    page = stand.signed_in(person).get("/account").text
    assert "Ava Torres of Sprint Mode looked at the portal as" in page
    assert "Reason: A &lt;question&gt; &amp; an answer" in page
