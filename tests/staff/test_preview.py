"""The preview lens: staff see what a named client sees, change nothing, and leave a trace."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

import httpx2 as httpx
import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from portal.auth.csrf import SAFE_METHODS
from portal.auth.session import Claims, new_claims, session_id, sign
from portal.auth.sign_ins import SignIns
from portal.routes import ROUTES
from tests.staff.stand import AVA, REASON, by_google, previewing
from tests.stage import SECRET, Stage, stage

BANNER: Final = "Previewing as Jane Smith — read-only"
OPEN_IN_PREVIEW: Final = frozenset(
    {"request_link", "verify_code", "press_button", "choose_company", "logout", "exit_view_as"}
    | {"check_invoice", "unsubscribe", "choose_language"}
)
"""The unsafe routes that a preview leaves open: the ways to another session, and out, and what
is public and changes no record, or needs the token of a mail and no session."""


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def hub_claims(on: Stage, contact_id: str = "ct_avator1", email: str = AVA) -> Claims:
    """Claims as the platform's hub makes them: without a `jti`."""
    claims = new_claims(
        subject=contact_id,
        email=email,
        name="Whatever the hub says",
        avatar=None,
        products=["mode"],
        now=on.clock(),
        lifetime=timedelta(days=7),
    )
    return msgspec.structs.replace(claims, jti=None)


def hub_preview(on: Stage, claims: Claims | None = None, **lens: Any) -> str:
    """The token of a preview that the hub opened (sm-api §10)."""
    shown = {
        "contact_id": "ct_abc123",
        "email": "jane@acme.com",
        "name": "Jane Smith",
        "company_id": "co_abc123",
        "company_name": "Acme Corp",
        "portal_role": "client_admin",
        "products": ["mode"],
    }
    claims = claims or hub_claims(on)
    return sign(msgspec.structs.replace(claims, viewing_as=shown | lens), SECRET)


def carrying(on: Stage, **cookies: str) -> httpx.AsyncClient:
    """A browser with these cookies in its jar."""
    browser = on.browser()
    for name, value in cookies.items():
        browser.cookies.set(name, value, domain="127.0.0.1", path="/")
    return browser


def hub_staff(on: Stage) -> httpx.AsyncClient:
    """A browser with the session of a staff person that another portal signed."""
    return carrying(on, sm_client=sign(hub_claims(on), SECRET))


async def view_as(
    browser: httpx.AsyncClient, contact_id: str = "ct_abc123", reason: str = REASON
) -> httpx.Response:
    """Start a preview, as the form on the contact's page does."""
    return await browser.post("/auth/view-as", data={"contact_id": contact_id, "reason": reason})


def unsafe_routes(
    routes: Iterable[BaseRoute] = ROUTES, prefix: str = ""
) -> list[tuple[str, str, str]]:
    """Name, method and address of every route of the table that is not safe."""
    found = []
    for route in routes:
        if isinstance(route, Mount):
            found += unsafe_routes(route.routes, prefix + route.path)
        elif isinstance(route, Route):
            methods = sorted((route.methods or set()) - SAFE_METHODS)
            found += [(route.name, method, prefix + route.path) for method in methods]
    return found


REFUSED: Final = [
    (method, path.replace("{id}", "ct_abc123").replace("{collection}", "contacts"))
    for name, method, path in unsafe_routes()
    if name not in OPEN_IN_PREVIEW
]


def crm_writes(on: Stage, after: int) -> list[tuple[str, str]]:
    """What the portal changed in the CRM since its call number `after`, but for activities."""
    calls = [(call.method, call.url.path) for call in on.wire.calls[after:]]
    return [c for c in calls if c[0] != "GET" and c != ("POST", "/api/activities")]


# Starting


async def test_a_preview_opens_on_the_clients_home_with_a_banner_that_says_it_all(
    on: Stage,
) -> None:
    browser = await previewing(on)
    page = (await browser.get("/")).text
    [banner] = re.findall(r'<aside class="preview".*?</aside>', page, re.DOTALL)
    assert BANNER in banner
    assert "by Ava Torres" in banner
    assert "Acme Corp" in banner
    # In Jane's own time, New York's: 15:30 UTC and half an hour.
    assert "until 11:00" in banner
    assert 'action="/auth/exit-view-as"' in banner
    assert "Exit" in banner
    # Whoever looks over a shoulder sees the client's side: no name or address of staff beside it.
    assert "Ava" not in page.replace(banner, "")
    assert AVA not in page


async def test_the_banner_is_on_every_page_and_on_errors_too(on: Stage) -> None:
    browser = await previewing(on, "ct_def456")
    for path in ("/", "/engagements", "/activity", "/account", "/invoices", "/nowhere"):
        assert "Previewing as Sam Lee — read-only" in (await browser.get(path)).text, path


async def test_the_start_is_on_record_with_both_ids_the_reason_and_the_end(on: Stage) -> None:
    await previewing(on)
    [activity] = await on.activities("portal_preview_started")
    assert (activity["contact_id"], activity["company_id"]) == ("ct_abc123", "co_abc123")
    assert activity["source"] == "mode"
    noted = activity["metadata"]
    assert (noted["staff_id"], noted["viewed_contact_id"]) == ("ct_avator1", "ct_abc123")
    assert (noted["staff_name"], noted["reason"]) == ("Ava Torres", REASON)
    assert datetime.fromisoformat(noted["until"]) == on.clock() + timedelta(minutes=30)


async def test_it_can_be_started_by_address_and_by_json_as_the_platforms_code_does(
    on: Stage,
) -> None:
    browser = await by_google(on)
    answer = await browser.post(
        "/api/auth/view-as", json={"email": "jane@acme.com", "reason": REASON}
    )
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    me = (await browser.get("/api/auth/me")).json()
    assert (me["contact_id"], me["email"], me["role"]) == (
        "ct_abc123",
        "jane@acme.com",
        "client_admin",
    )
    assert me["user"]["id"] == "ct_abc123"
    assert me["is_sm_team"] is False
    assert me["viewing_as"]["contact_id"] == "ct_abc123"
    assert me["viewing_as"]["company_id"] == "co_abc123"
    assert AVA not in str(me)


@pytest.mark.parametrize("reason", ["", "   ", "\n\t", "x" * 301, "bell\x07"])
async def test_without_a_readable_reason_there_is_no_preview(on: Stage, reason: str) -> None:
    browser = await by_google(on)
    assert (await view_as(browser, reason=reason)).status_code == 422
    assert (await browser.get("/staff")).status_code == 200
    assert await on.activities("portal_preview_started") == []


@pytest.mark.parametrize(
    ("contact_id", "status"),
    [
        ("ct_nadiar1", 404),
        ("ct_nobody1", 404),
        ("", 404),
        ("../companies/co_abc123", 404),
        ("ct_avator1", 404),
        ("ct_patdoy1", 422),
    ],
    ids=["another product's", "unknown", "nobody", "a path", "staff", "without access"],
)
async def test_who_is_no_client_of_this_portal_cannot_be_previewed(
    on: Stage, contact_id: str, status: int
) -> None:
    browser = await by_google(on)
    assert (await view_as(browser, contact_id)).status_code == status
    assert (await browser.get("/auth/me")).json()["is_sm_team"] is True
    assert await on.activities("portal_preview_started") == []


async def test_staff_at_a_client_of_ours_cannot_be_previewed(on: Stage) -> None:
    await on.patch("/api/contacts/ct_def456", is_sm_team=1)
    browser = await by_google(on)
    answer = await view_as(browser, "ct_def456")
    assert answer.status_code == 422
    assert "one of our own people" in answer.text


async def test_an_address_of_two_contacts_is_not_guessed(on: Stage) -> None:
    browser = await by_google(on)
    fields = {"email": "robin@parkadvisory.example", "reason": REASON}
    assert (await browser.post("/auth/view-as", data=fields)).status_code == 404


async def test_clients_start_none(on: Stage) -> None:
    for email in ("jane@acme.com", "sam@acme.com"):
        browser = await on.signed_in(email)
        answer = await view_as(browser, "ct_globex1")
        assert answer.status_code == 403
        assert (await browser.get("/auth/me")).json()["email"] == email
    assert await on.activities("portal_preview_started") == []


async def test_nobody_starts_one_without_a_session(on: Stage) -> None:
    answer = await view_as(on.browser())
    assert answer.headers["location"].startswith("/auth/login")


# Changing nothing


async def test_every_unsafe_route_of_the_table_is_refused_and_on_record(on: Stage) -> None:
    browser = await previewing(on)
    await on.activities("portal_preview_started")
    before = len(on.wire.calls)
    assert len(REFUSED) > 10
    for method, path in REFUSED:
        answer = await browser.request(method, path, data={"contact_id": "ct_def456"})
        assert answer.status_code == 403, (method, path)
        if path.startswith("/api/"):
            assert answer.json() == {
                "ok": False,
                "error": "You are looking at the portal as a client sees it. Nothing was changed.",
            }
        else:
            assert "A preview changes nothing" in answer.text, (method, path)
            assert BANNER in answer.text
    noted = [a["metadata"] for a in await on.activities("portal_preview_refused")]
    assert sorted((n["method"], n["path"]) for n in noted) == sorted(REFUSED)
    assert {(n["staff_id"], n["viewed_contact_id"]) for n in noted} == {("ct_avator1", "ct_abc123")}
    assert crm_writes(on, before) == []


async def test_the_refusal_is_an_envelope_for_whoever_sends_or_wants_json(on: Stage) -> None:
    browser = await previewing(on)
    sent = await browser.post("/team/requests", json={"action": "add"})
    wanted = await browser.post("/account", headers={"Accept": "application/json"})
    for answer in (sent, wanted):
        assert answer.status_code == 403
        assert answer.json()["ok"] is False


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
async def test_a_route_that_is_not_in_the_table_yet_is_refused_by_itself(
    on: Stage, method: str
) -> None:
    done = []

    async def change(request: Request) -> Response:
        done.append(request.method)
        return PlainTextResponse("changed")

    on.app.router.routes.insert(0, Route("/brand-new", change, methods=[method]))
    browser = await previewing(on)
    assert (await browser.request(method, "/brand-new")).status_code == 403
    assert (await browser.request(method, "/no/such/page")).status_code == 403
    assert done == []
    noted = [a["metadata"]["method"] for a in await on.activities("portal_preview_refused")]
    assert noted == [method, method]
    await browser.post("/auth/exit-view-as")
    assert (await browser.request(method, "/brand-new")).text == "changed"


async def test_a_path_that_the_crm_would_not_take_holds_up_no_record(on: Stage) -> None:
    browser = await previewing(on)
    for path in ("/%00", f"/{'long' * 200}", "/%F0%9F%8E%88", "/%FF"):
        assert (await browser.post(path)).status_code == 403
    await browser.post("/team/requests")
    await on.activities("portal_preview_refused")
    on.clock.forward(minutes=10)
    noted = [a["metadata"]["path"] for a in await on.activities("portal_preview_refused")]
    assert "/team/requests" in noted
    assert len(noted) == 5


async def test_no_get_changes_anything_in_the_crm_or_in_the_store(on: Stage) -> None:
    browser = await previewing(on)
    # Not even what the client's browser would remember of the page before.
    assert "set-cookie" not in (await browser.get("/")).headers
    await on.activities("portal_preview_started")
    before, kept = len(on.wire.calls), await on.env.state.list()
    for path in (
        "/",
        "/engagements",
        "/invoices",
        "/activity",
        "/team",
        "/account",
        "/api/profile",
    ):
        answer = await browser.get(path)
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers, path
    await on.activities("portal_preview_started")
    assert {call.method for call in on.wire.calls[before:]} == {"GET"}
    assert await on.env.state.list() == kept


async def test_the_clients_own_sign_ins_and_last_sign_in_stay_as_they_were(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    await jane.get("/")
    await on.settle()
    before = (await on.sandbox.get("/api/contacts/ct_abc123")).json()["data"]
    open_ones = await SignIns(on.env.state).of("ct_abc123")
    logins = await on.activities("portal_login")
    on.clock.forward(hours=1)
    browser = await previewing(on)
    for path in ("/", "/account", "/activity"):
        await browser.get(path)
    await browser.post("/auth/exit-view-as")
    assert await SignIns(on.env.state).of("ct_abc123") == open_ones
    assert (await on.sandbox.get("/api/contacts/ct_abc123")).json()["data"] == before
    janes = [a for a in await on.activities("portal_login") if a["contact_id"] == "ct_abc123"]
    assert janes == [a for a in logins if a["contact_id"] == "ct_abc123"]
    assert (await jane.get("/")).status_code == 200


async def test_staffs_own_sign_ins_are_not_shown_as_the_clients(on: Stage) -> None:
    browser = await previewing(on)
    assert "None known here" in (await browser.get("/account")).text


# Staying within the preview


@pytest.mark.parametrize(
    "path", ["/staff", "/staff/companies/co_abc123", "/staff/contacts/ct_abc123"]
)
async def test_the_staff_pages_are_closed_in_a_preview(on: Stage, path: str) -> None:
    answer = await (await previewing(on)).get(path)
    assert answer.status_code == 403
    assert "Globex" not in answer.text
    assert BANNER in answer.text


async def test_the_api_answers_as_to_the_client_and_not_as_to_staff(on: Stage) -> None:
    browser = await previewing(on)
    listed = (await browser.get("/api/companies")).json()["data"]["items"]
    assert [c["id"] for c in listed] == ["co_abc123"]
    assert "health_score" not in listed[0]
    assert (await browser.get("/api/deals")).status_code == 404
    assert (await browser.get("/api/companies/co_globex1")).status_code == 404


async def test_no_preview_is_started_from_within_another(on: Stage) -> None:
    browser = await previewing(on)
    for path in ("/auth/view-as", "/api/auth/view-as"):
        fields = {"contact_id": "ct_globex1", "reason": REASON}
        assert (await browser.post(path, data=fields)).status_code == 403
    assert (await browser.get("/auth/me")).json()["contact_id"] == "ct_abc123"
    assert len(await on.activities("portal_preview_started")) == 1


async def test_what_the_crm_says_of_the_client_holds_in_the_preview(on: Stage) -> None:
    browser = await previewing(on)
    assert (await browser.get("/invoices")).status_code == 200
    await on.patch("/api/contacts/ct_abc123", portal_role="client_viewer")
    on.clock.forward(seconds=59)
    assert (await browser.get("/invoices")).status_code == 403


# Ending


async def test_exit_leads_back_to_the_clients_under_a_new_session(on: Stage) -> None:
    browser = await by_google(on)
    first = browser.cookies["sm_client"]
    await view_as(browser)
    second = browser.cookies["sm_session_mode"]
    on.clock.forward(minutes=3)
    answer = await browser.post("/auth/exit-view-as")
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff")
    third = browser.cookies["sm_client"]
    assert "sm_session_mode" not in browser.cookies
    assert (await browser.get("/staff")).status_code == 200
    assert len({session_id(token) for token in (first, second, third)}) == 3
    for dead in (first, second):
        for name in ("sm_client", "sm_session_mode"):
            copied = await carrying(on, **{name: dead}).get("/staff")
            assert copied.headers["location"].startswith("/auth/login"), name
    [activity] = await on.activities("portal_preview_ended")
    assert activity["metadata"]["staff_id"] == "ct_avator1"
    assert activity["metadata"]["viewed_contact_id"] == activity["contact_id"] == "ct_abc123"


async def test_a_preview_does_not_lengthen_the_session(on: Stage) -> None:
    browser = await by_google(on)
    on.clock.forward(days=6, hours=23, minutes=50)
    await view_as(browser)
    await browser.post("/auth/exit-view-as")
    assert (await browser.get("/staff")).status_code == 200
    on.clock.forward(minutes=10)
    answer = await browser.get("/staff")
    assert answer.headers["location"].startswith("/auth/login")


async def test_the_hubs_own_session_is_left_alone(on: Stage) -> None:
    browser = hub_staff(on)
    hubs = browser.cookies["sm_client"]
    await view_as(browser)
    assert browser.cookies["sm_client"] == hubs
    assert BANNER in (await browser.get("/")).text
    preview = browser.cookies["sm_session_mode"]
    # Other portals, which read the shared cookie, are not previewed.
    assert (await carrying(on, sm_client=hubs).get("/staff")).status_code == 200
    await browser.post("/auth/exit-view-as")
    assert browser.cookies["sm_client"] == hubs
    assert "sm_session_mode" not in browser.cookies
    assert (await browser.get("/staff")).status_code == 200
    dead = await carrying(on, sm_session_mode=preview).get("/")
    assert dead.headers["location"].startswith("/auth/login")


async def test_exit_without_a_preview_changes_nothing(on: Stage) -> None:
    browser = await by_google(on)
    token = browser.cookies["sm_client"]
    assert (await browser.post("/auth/exit-view-as")).headers["location"] == "/staff"
    assert browser.cookies["sm_client"] == token
    jane = await on.signed_in("jane@acme.com")
    await jane.post("/auth/exit-view-as")
    assert (await jane.get("/staff")).status_code == 403
    nobody = await on.browser().post("/auth/exit-view-as")
    assert nobody.headers["location"].startswith("/auth/login")
    assert await on.activities("portal_preview_ended") == []


async def test_after_half_an_hour_the_page_says_so_and_offers_the_way_back(on: Stage) -> None:
    browser = await previewing(on)
    on.clock.forward(minutes=29, seconds=59)
    assert (await browser.get("/")).status_code == 200
    on.clock.forward(seconds=1)
    for path in ("/", "/invoices", "/staff", "/account"):
        answer = await browser.get(path)
        assert answer.status_code == 403
        assert "The preview has ended" in answer.text
        assert 'action="/auth/exit-view-as"' in answer.text
        assert "Back to clients" in answer.text
        assert AVA not in answer.text
    assert (await browser.get("/api/invoices")).status_code == 403
    assert (await browser.get("/auth/me")).status_code == 403
    await browser.post("/auth/exit-view-as")
    assert (await browser.get("/staff")).status_code == 200


async def test_after_half_an_hour_a_change_is_refused_too(on: Stage) -> None:
    browser = await previewing(on)
    await on.activities("portal_preview_started")
    on.clock.forward(minutes=31)
    before = len(on.wire.calls)
    for method, path in REFUSED:
        answer = await browser.request(method, path, data={"contact_id": "ct_def456"})
        assert answer.status_code == 403, (method, path)
    assert crm_writes(on, before) == []


async def test_a_preview_over_the_hubs_session_never_turns_into_it_by_itself(on: Stage) -> None:
    browser = hub_staff(on)
    await view_as(browser)
    on.clock.forward(minutes=31)
    assert "The preview has ended" in (await browser.get("/")).text
    assert (await browser.get("/staff")).status_code == 403


async def test_a_preview_whose_token_expires_first_never_turns_into_the_hubs_session(
    on: Stage,
) -> None:
    claims = hub_claims(on)
    short = msgspec.structs.replace(claims, exp=claims.iat + 600)
    browser = carrying(on, sm_client=sign(claims, SECRET), sm_session_mode=hub_preview(on, short))
    assert BANNER in (await browser.get("/")).text
    on.clock.forward(minutes=11)
    answer = await browser.get("/staff")
    assert answer.status_code != 200, "a staff session, without anybody having left the preview"
    changed = await browser.post("/staff/contacts/ct_def456/access", data={"role": "client_admin"})
    assert changed.headers.get("location", "/auth/login").startswith("/auth/login")
    assert (await on.sandbox.get("/api/contacts/ct_def456")).json()["data"][
        "portal_role"
    ] == "client_viewer"


@pytest.mark.parametrize(
    "change",
    [{"portal_access": 0}, {"product": "signal", "products": ["signal"]}, {"is_sm_team": 1}],
    ids=["access taken away", "another product's now", "one of our own now"],
)
async def test_it_ends_when_the_client_may_not_be_looked_at_any_more(
    on: Stage, change: dict[str, Any]
) -> None:
    browser = await previewing(on)
    await on.patch("/api/contacts/ct_abc123", **change)
    on.clock.forward(seconds=59)
    answer = await browser.get("/invoices")
    assert answer.status_code == 403
    assert "The preview has ended" in answer.text
    assert "INV-" not in answer.text
    await browser.post("/auth/exit-view-as")
    assert (await browser.get("/staff")).status_code == 200


async def test_it_ends_when_the_staff_person_is_none_any_more(on: Stage) -> None:
    browser = await previewing(on)
    await on.patch("/api/contacts/ct_avator1", is_sm_team=0)
    on.clock.forward(seconds=59)
    for path in ("/", "/invoices", "/api/invoices", "/staff", "/auth/me"):
        answer = await browser.get(path)
        assert answer.status_code == 403
        assert "Acme" not in answer.text
    left = await browser.post("/auth/exit-view-as")
    assert left.status_code == 403
    assert (await browser.get("/staff")).status_code == 403


async def test_signing_out_in_a_preview_ends_staffs_session_and_not_the_clients(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    for browser in (await previewing(on), hub_staff(on)):
        if "sm_session_mode" not in browser.cookies:
            await view_as(browser)
        tokens = dict(browser.cookies)
        answer = await browser.post("/auth/logout")
        assert answer.headers["location"] == "/auth/login"
        for name in ("sm_client", "sm_session_mode"):
            assert name not in browser.cookies
            again = await carrying(on, **{name: tokens[name]}).get("/")
            assert again.headers["location"].startswith("/auth/login")
    assert (await jane.get("/")).status_code == 200
    assert len(await SignIns(on.env.state).of("ct_abc123")) == 1
    assert {a["contact_id"] for a in await on.activities("portal_logout")} == {"ct_avator1"}


# Signing in as somebody else meanwhile


async def by_link(on: Stage, browser: httpx.AsyncClient) -> httpx.Response:
    return await on.sign_in(browser, "sam@acme.com")


async def by_code(on: Stage, browser: httpx.AsyncClient) -> httpx.Response:
    await on.ask_for_link(browser, "sam@acme.com")
    fields = {"email": "sam@acme.com", "code": on.last_code()}
    return await browser.post("/auth/verify-code", data=fields)


async def by_clients_google(on: Stage, browser: httpx.AsyncClient) -> httpx.Response:
    return await on.sign_in_with_google(browser, "sam@acme.com")


async def by_choice(on: Stage, browser: httpx.AsyncClient) -> httpx.Response:
    offered = await on.sign_in(browser, "robin@parkadvisory.example")
    assert offered.status_code == 200
    return await browser.post("/auth/choose-company", data={"contact_id": "ct_robin01"})


@pytest.mark.parametrize("way", [by_link, by_code, by_clients_google, by_choice])
@pytest.mark.parametrize("start", ["google", "hub"])
async def test_signing_in_as_a_client_in_a_preview_ends_in_that_clients_session(
    on: Stage, way: Any, start: str
) -> None:
    browser = hub_staff(on) if start == "hub" else await by_google(on)
    await view_as(browser)
    before = dict(browser.cookies)
    answer = await way(on, browser)
    assert answer.status_code == 303, answer.text
    assert "sm_session_mode" not in browser.cookies
    me = (await browser.get("/auth/me")).json()
    assert me["email"] in ("sam@acme.com", "robin@parkadvisory.example")
    assert "viewing_as" not in me
    assert me["is_sm_team"] is False
    assert (await browser.get("/staff")).status_code == 403
    assert "read-only" not in (await browser.get("/")).text
    for name in ("sm_client", "sm_session_mode"):
        left = await carrying(on, **{name: before[name]}).get("/staff")
        assert left.headers["location"].startswith("/auth/login")


# Previews that the platform's hub opened


@pytest.mark.parametrize("cookie", ["sm_client", "sm_session_mode"])
@pytest.mark.parametrize("kind", [None, "user", "customer"])
async def test_the_hubs_own_preview_opens_the_same_lens(
    on: Stage, cookie: str, kind: str | None
) -> None:
    browser = carrying(on, **{cookie: hub_preview(on, lens=kind)})
    page = await browser.get("/")
    assert BANNER in page.text
    assert "by Ava Torres" in page.text
    assert (await browser.post("/team/requests")).status_code == 403
    assert (await browser.get("/staff")).status_code == 403


async def test_the_hubs_preview_is_on_record_once(on: Stage) -> None:
    browser = carrying(on, sm_client=hub_preview(on))
    for path in ("/", "/invoices", "/api/invoices", "/auth/me"):
        assert (await browser.get(path)).status_code == 200
        on.clock.forward(minutes=5)
    [activity] = await on.activities("portal_preview_started")
    assert activity["metadata"]["staff_id"] == "ct_avator1"
    assert activity["metadata"]["viewed_contact_id"] == "ct_abc123"
    another = carrying(on, sm_client=hub_preview(on))
    await another.get("/")
    assert len(await on.activities("portal_preview_started")) == 2


@pytest.mark.parametrize("until", [None, 10**12, float(10**12), "tomorrow", True, [], {}])
async def test_the_hubs_preview_lasts_half_an_hour_whatever_it_says(on: Stage, until: Any) -> None:
    browser = carrying(on, sm_client=hub_preview(on, until=until))
    on.clock.forward(minutes=29, seconds=59)
    assert (await browser.get("/")).status_code == 200
    on.clock.forward(seconds=1)
    assert "The preview has ended" in (await browser.get("/")).text


async def test_the_hubs_preview_may_be_shorter(on: Stage) -> None:
    until = on.clock().timestamp() + 60
    browser = carrying(on, sm_client=hub_preview(on, until=until))
    assert (await browser.get("/")).status_code == 200
    on.clock.forward(minutes=1)
    assert (await browser.get("/")).status_code == 403


async def test_the_hubs_preview_whose_token_expired_can_be_left(on: Stage) -> None:
    claims = hub_claims(on)
    short = msgspec.structs.replace(claims, exp=claims.iat + 600)
    browser = carrying(on, sm_client=hub_preview(on, short))
    await browser.get("/")
    on.clock.forward(minutes=11)
    await browser.get("/")
    left = await browser.post("/auth/exit-view-as")
    assert left.status_code == 303
    # Nothing lies beneath it, so the way leads to the sign-in page and not in a circle.
    answer = await browser.get("/staff")
    assert answer.headers.get("location", "").startswith("/auth/login"), answer.text[:2000]


async def test_the_way_back_from_the_hubs_preview_is_a_staff_session(on: Stage) -> None:
    browser = carrying(on, sm_client=hub_preview(on))
    await browser.get("/")
    on.clock.forward(minutes=40)
    answer = await browser.post("/auth/exit-view-as")
    assert answer.headers["location"] == "/staff"
    assert (await browser.get("/staff")).status_code == 200
    assert (await browser.get("/auth/me")).json()["email"] == AVA


@pytest.mark.parametrize(
    "lens",
    [
        {"lens": "team"},
        {"lens": "both"},
        {"lens": ["user"]},
        {"contact_id": None},
        {"contact_id": 5},
        {"contact_id": "ct_nadiar1"},
        {"contact_id": "ct_patdoy1"},
        {"contact_id": "ct_avator1"},
        {"contact_id": "ct_nobody1"},
        {"contact_id": "../companies/co_abc123"},
    ],
    ids=str,
)
async def test_a_lens_on_anybody_else_shows_nothing(on: Stage, lens: dict[str, Any]) -> None:
    browser = carrying(on, sm_client=hub_preview(on, **lens))
    for path in ("/", "/invoices", "/staff", "/api/contacts"):
        answer = await browser.get(path)
        assert answer.status_code == 403
        assert "Acme" not in answer.text
    assert (await browser.post("/api/companies", json={"name": "New"})).status_code == 403
    assert await on.activities("portal_preview_started") == []


@pytest.mark.parametrize("viewing_as", ["ct_abc123", ["ct_abc123"], True, 5, {}])
async def test_a_lens_that_cannot_be_read_is_no_staff_session(on: Stage, viewing_as: Any) -> None:
    claims = msgspec.structs.replace(hub_claims(on), viewing_as=viewing_as)
    browser = carrying(on, sm_client=sign(claims, SECRET))
    assert (await browser.get("/staff")).status_code == 403
    assert (await browser.get("/")).status_code == 403


async def test_a_lens_in_a_clients_own_token_opens_nothing(on: Stage) -> None:
    token = hub_preview(on, hub_claims(on, "ct_def456", "sam@acme.com"))
    for name in ("sm_client", "sm_session_mode"):
        browser = carrying(on, **{name: token})
        for path in ("/", "/invoices", "/staff", "/auth/me"):
            answer = await browser.get(path)
            assert answer.status_code == 403
            assert "Jane" not in answer.text
        assert (await browser.post("/auth/exit-view-as")).status_code == 403
        assert (await browser.get("/staff")).status_code == 403
    assert await on.activities("portal_preview_started") == []


async def test_a_preview_signed_with_another_secret_is_no_session(on: Stage) -> None:
    claims = msgspec.structs.replace(hub_claims(on), viewing_as={"contact_id": "ct_abc123"})
    browser = carrying(on, sm_client=sign(claims, "another-secret-that-is-long-enough-too"))
    assert (await browser.get("/")).headers["location"].startswith("/auth/login")


async def test_a_hub_preview_that_was_left_is_over_for_its_copies(on: Stage) -> None:
    token = hub_preview(on)
    browser = carrying(on, sm_client=token)
    await browser.get("/")
    await browser.post("/auth/exit-view-as")
    assert (
        (await carrying(on, sm_client=token).get("/")).headers["location"].startswith("/auth/login")
    )


async def test_another_sites_page_starts_and_ends_no_preview(on: Stage) -> None:
    browser = await by_google(on)
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    fields = {"contact_id": "ct_abc123", "reason": REASON}
    answer = await browser.post("/auth/view-as", data=fields, headers=elsewhere)
    assert answer.status_code == 403
    await view_as(browser)
    assert (await browser.post("/auth/exit-view-as", headers=elsewhere)).status_code == 403
    assert BANNER in (await browser.get("/")).text
