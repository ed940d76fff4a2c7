"""A staff preview from outside: read-only on every route, short, and on record."""

from __future__ import annotations

import re
from secrets import token_hex

import pytest
from starlette.routing import BaseRoute, Mount, Route

from portal.routes import ROUTES
from tests.blackbox.browser import Browser
from tests.blackbox.staff import AVA_ID, DOOR, REASON, colleague, grant, hub_lens, staff, start
from tests.blackbox.stand import Person, Stand, until

SAFE = {"GET", "HEAD", "OPTIONS"}
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
EXPIRED = 8 * 86_400
"""Seconds since a token was signed that has expired as a token, too."""

WAYS_IN_AND_OUT = {
    *(
        "/magic",
        "/magic/verify",
        "/verify-code",
        "/choose-company",
        "/logout",
        "/exit-view-as",
        "/language",
    )
}

NEEDS_NO_SESSION = {"/notices/unsubscribe", "/verify"}
"""Public: what they do is by the token in a mail, or changes nothing."""


def changes(routes: list[BaseRoute], prefix: str = "") -> list[tuple[str, str]]:
    """Every unsafe method and path of the URL table, but for leaving and for signing in."""
    found = []
    for route in routes:
        if isinstance(route, Mount):
            found += changes(list(route.routes or ()), prefix + route.path)
        elif isinstance(route, Route):
            if prefix.endswith("/auth") and route.path in WAYS_IN_AND_OUT:
                continue
            if prefix + route.path in NEEDS_NO_SESSION:
                continue
            # An endpoint that is a class names no methods here, and may take any.
            methods = UNSAFE if route.methods is None else set(route.methods) - SAFE
            found += [(method, prefix + route.path) for method in methods]
    return sorted(found)


@pytest.fixture
def ava(stand: Stand) -> Browser:
    return staff(stand)


@pytest.fixture
def preview(stand: Stand, ava: Browser, person: Person) -> Browser:
    """Ava's browser, in a preview of `person`."""
    answer = start(ava, person.id)
    assert (answer.status_code, answer.headers["location"]) == (303, "/"), answer.text
    return ava


def test_the_table_has_changes_to_refuse() -> None:
    found = changes(ROUTES)
    assert {("POST", "/account"), ("POST", "/auth/view-as"), ("PATCH", "/api/profile")} < {*found}
    assert ("POST", "/auth/magic") not in found


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


@pytest.mark.parametrize("method", sorted(UNSAFE))
def test_what_no_route_takes_is_refused_too(
    stand: Stand, preview: Browser, person: Person, method: str
) -> None:
    at = f"/no/such/page/{token_hex(4)}"
    with stand.leaving("portal_preview_refused", person.id, method=method, path=at):
        assert preview.request(method, at).status_code == 403


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


@pytest.mark.parametrize(
    ("contact_id", "status"),
    [("ct_nadiar1", 404), (AVA_ID, 404), ("ct_nobody1", 404), ("", 404), ("ct_patdoy1", 422)],
    ids=["another product's", "staff", "unknown", "nobody", "without access"],
)
def test_who_is_no_client_of_this_portal_cannot_be_previewed(
    ava: Browser, contact_id: str, status: int
) -> None:
    assert start(ava, contact_id).status_code == status
    assert DOOR not in ava.cookies
    assert ava.get("/staff").status_code == 200


def test_staff_at_a_client_cannot_be_previewed(stand: Stand, ava: Browser) -> None:
    colleague = stand.person(is_sm_team=1)
    assert start(ava, colleague.id).status_code == 422


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


@pytest.mark.parametrize("ago", [1800, 1860, 86_400, EXPIRED])
def test_it_ends_after_half_an_hour_and_is_no_staff_session_then(
    stand: Stand, person: Person, ago: int
) -> None:
    browser = stand.browser(session=hub_lens(stand, person, ago=ago))
    for path in ("/", "/invoices", "/staff"):
        page = browser.get(path)
        assert page.status_code == 403
        assert "The preview has ended" in page.text
    assert browser.post("/account", {"full_name": "Changed"}).status_code == 403


@pytest.mark.parametrize("ago", [1860, EXPIRED])
def test_when_it_has_ended_the_staff_session_beneath_it_does_not_act(
    stand: Stand, ava: Browser, person: Person, ago: int
) -> None:
    ava.cookies[DOOR] = hub_lens(stand, person, ago=ago)
    assert ava.get("/staff").status_code == 403
    assert grant(ava, person, "none") == 403
    assert start(ava, person.id).status_code == 403
    assert stand.crm.get(f"/api/contacts/{person.id}").json()["data"]["portal_access"] == 1
    assert ava.post("/auth/exit-view-as").status_code == 303
    assert ava.get("/staff").status_code == 200


def test_it_ends_when_the_client_loses_access(
    stand: Stand, preview: Browser, person: Person
) -> None:
    assert preview.get("/invoices").status_code == 200
    stand.change(person, portal_access=0)
    until(lambda: preview.get("/invoices").status_code == 403)
    assert "The preview has ended" in preview.get("/").text
    assert preview.get("/staff").status_code == 403


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


@pytest.mark.parametrize("way", ["Google", "the hub"])
def test_staff_removed_in_the_middle_see_nothing_more(
    stand: Stand, person: Person, way: str
) -> None:
    removed = colleague(stand)
    if way == "Google":
        browser = staff(stand, removed.email)
        assert start(browser, person.id).status_code == 303
    else:
        browser = stand.browser(session=hub_lens(stand, person, by=removed))
    assert "Previewing as Anna Example" in browser.get("/").text
    stand.change(removed, is_sm_team=0)
    until(lambda: browser.get("/").status_code == 403)
    for path in ("/invoices", "/staff", f"/staff/contacts/{person.id}"):
        page = browser.get(path)
        assert page.status_code == 403
        assert "Acme" not in page.text
    browser.post("/auth/exit-view-as")
    assert browser.get("/staff").status_code in (302, 403)


def sign_ins(browser: Browser) -> list[tuple[str, str]]:
    """When each sign-in of the account page's list was, and its id; this browser's has none."""
    page = browser.get("/account").text
    section = page.partition('aria-labelledby="sign-ins"')[2].partition("</section>")[0]
    assert "Sign out everywhere" in section
    rows = [row.partition("</li>")[0] for row in section.split("<li ")[1:]]
    found = [re.findall(r'datetime="([^"]+)"|name="id" value="([^"]+)"', row) for row in rows]
    return [("".join(at for at, _ in row), "".join(known for _, known in row)) for row in found]


def test_the_clients_own_sign_ins_stay_as_they_are(stand: Stand, person: Person) -> None:
    client, another = stand.signed_in(person), stand.signed_in(person)
    listed = sign_ins(client)
    [ending] = [known for _, known in listed if known]
    assert len(listed) == 2
    record = stand.crm.get(f"/api/contacts/{person.id}").json()
    ava = staff(stand)
    start(ava, person.id)
    # The client's own list, as in the browser that they signed in with last.
    assert sign_ins(ava) == sign_ins(another)
    ava.post("/account/end-sign-in", {"id": ending})
    ava.post("/auth/logout-everywhere")
    ava.post("/auth/logout")
    assert sign_ins(client) == listed
    assert another.me().status_code == 200
    assert stand.crm.get(f"/api/contacts/{person.id}").json() == record
    assert ava.get("/staff").status_code == 302


def test_looking_leaves_nothing_but_the_preview_on_record(
    stand: Stand, preview: Browser, person: Person
) -> None:
    for path in ("/", "/engagements", "/invoices", "/activity", "/team", "/account"):
        assert preview.get(path).status_code == 200
    with stand.leaving("portal_preview_ended", person.id, staff_id=AVA_ID):
        preview.post("/auth/exit-view-as")
    noted = stand.crm.get("/api/activities", params={"contact_id": person.id}).json()["data"]
    assert sorted(activity["activity_type"] for activity in noted) == [
        "portal_preview_ended",
        "portal_preview_started",
    ]


def test_the_client_reads_of_it_with_its_reason(stand: Stand, ava: Browser, person: Person) -> None:
    with stand.leaving("portal_preview_started", person.id):
        start(ava, person.id, "A <question> & an answer")
    page = stand.signed_in(person).get("/account").text
    assert "Ava Torres of Sprint Mode looked at the portal as" in page
    assert "Reason: A &lt;question&gt; &amp; an answer" in page
