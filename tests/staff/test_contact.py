"""A contact's page: who they are, what may be done about them, and nothing of other products."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2 as httpx
import pytest
from starlette.routing import Route

from portal.routes import ROUTES
from tests.staff.stand import by_google
from tests.stage import Stage, stage

STAFF_ROUTES: Final = [
    (method, route.path)
    for route in ROUTES
    if isinstance(route, Route) and route.path.startswith("/staff")
    for method in sorted(route.methods or ())
]


def filled(path: str, **ids: str) -> str:
    """The address with an id of its own kind."""
    kind = "companies" if "/companies/" in path else "contacts"
    return path.replace("{id}", ids[kind])


OURS: Final = {"companies": "co_abc123", "contacts": "ct_patdoy1"}
OTHERS: Final = {"companies": "co_wayne01", "contacts": "ct_nadiar1"}
WITH_ID: Final = [(method, path) for method, path in STAFF_ROUTES if "{id}" in path]


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def query(path: str) -> dict[str, str]:
    return {"role": "client_admin"} if path.endswith("/access") else {}


@pytest.mark.parametrize("email", ["jane@acme.com", "sam@acme.com", "hank@globex.com"])
async def test_clients_are_refused_at_every_address_and_change_nothing(
    on: Stage, email: str
) -> None:
    browser = await on.signed_in(email)
    before = (await on.sandbox.get("/api/contacts/ct_patdoy1")).json()
    assert len(STAFF_ROUTES) >= 9
    for method, path in STAFF_ROUTES:
        for ids in (OURS, OTHERS):
            answer = await browser.request(
                method, filled(path, **ids), params=query(path), data={"role": "client_admin"}
            )
            assert answer.status_code == 403, (method, path)
            for secret in ("Pat Doyle", "Nadia", "Globex Corp"):
                assert secret not in answer.text or email == "hank@globex.com"
    assert (await on.sandbox.get("/api/contacts/ct_patdoy1")).json() == before
    assert await on.activities("portal_access_granted") == []


async def test_nobody_gets_in_without_a_session(on: Stage) -> None:
    for method, path in STAFF_ROUTES:
        answer = await on.browser().request(method, filled(path, **OURS), params=query(path))
        assert answer.status_code in (302, 303)
        assert answer.headers["location"].startswith("/auth/login")


@pytest.mark.parametrize(("method", "path"), WITH_ID)
async def test_anothers_record_a_missing_one_and_no_id_at_all_are_not_found_alike(
    on: Stage, method: str, path: str
) -> None:
    ava = await by_google(on)
    for one in (
        OTHERS["companies"],
        OTHERS["contacts"],
        "co_missing1",
        "a%2Fb",
        "-",
        "x" * 65,
    ):
        address = path.replace("{id}", one)
        answer = await ava.request(method, address, params=query(path), data=query(path))
        assert answer.status_code == 404, address
    assert (
        await ava.request(method, filled(path, **OURS), params=query(path), data=query(path))
    ).status_code < 400


@pytest.mark.parametrize(
    ("contact_id", "shown", "missing"),
    [
        ("ct_abc123", ["Administrator", "Preview for 30 minutes", "No access"], []),
        ("ct_def456", ["Viewer", "Preview for 30 minutes"], []),
        ("ct_patdoy1", ["No access", "Somebody without access sees nothing"], ["/auth/view-as"]),
    ],
)
async def test_it_offers_what_can_be_done(
    on: Stage, contact_id: str, shown: list[str], missing: list[str]
) -> None:
    ava = await by_google(on)
    page = (await ava.get(f"/staff/contacts/{contact_id}")).text
    for text in shown:
        assert text in page
    for text in missing:
        assert text not in page


async def test_one_of_our_own_and_one_without_address_are_offered_nothing(on: Stage) -> None:
    await on.patch("/api/contacts/ct_def456", is_sm_team=1)
    body = {"full_name": "No Address", "company_id": "co_abc123"}
    made = await on.sandbox.post("/api/contacts", json=body)
    ava = await by_google(on)
    own = (await ava.get("/staff/contacts/ct_def456")).text
    assert "one of our own people" in own
    without = (await ava.get(f"/staff/contacts/{made.json()['data']['id']}")).text
    assert "needs an e-mail address and a company" in without
    for page in (own, without):
        assert "/access" not in page
        assert "/auth/view-as" not in page


async def test_what_another_product_loses_by_it_is_said(on: Stage) -> None:
    await on.patch("/api/contacts/ct_abc123", products=["mode", "signal"])
    ava = await by_google(on)
    page = await ava.get("/staff/contacts/ct_abc123/access", params={"role": "none"})
    assert "this closes signal to them as well" in page.text


@pytest.mark.parametrize("done", ["granted", "invited", "mail_failed", "revoked"])
async def test_the_word_in_its_address_says_what_was_done(on: Stage, done: str) -> None:
    ava = await by_google(on)
    page = await ava.get("/staff/contacts/ct_abc123", params={"done": done})
    assert page.text.count('role="status"') == 1


async def test_any_other_word_in_its_address_says_nothing(on: Stage) -> None:
    ava = await by_google(on)
    page = await ava.get("/staff/contacts/ct_abc123", params={"done": "<b>promoted</b>"})
    assert 'role="status"' not in page.text
    assert "promoted" not in page.text


async def test_names_are_words_and_never_markup(on: Stage) -> None:
    hostile = '<script>alert("x")</script>'
    await on.patch("/api/contacts/ct_abc123", full_name=hostile, title=hostile)
    await on.patch("/api/companies/co_abc123", name=hostile)
    ava = await by_google(on)
    for path in (
        *("/staff", "/staff/companies/co_abc123", "/staff/contacts/ct_abc123"),
        "/staff/contacts/ct_abc123/access?role=client_viewer",
    ):
        page = (await ava.get(path)).text
        assert hostile not in page, path
        assert "&lt;script&gt;" in page, path


async def test_what_a_role_sees_is_counted_as_their_own_lists_are(on: Stage) -> None:
    ava = await by_google(on)
    before = (await ava.get("/staff/contacts/ct_patdoy1/access?role=client_admin")).text
    await ava.post("/staff/contacts/ct_patdoy1/access", data={"role": "client_admin"})
    pat = await on.signed_in("pat@acme.com")
    for label, name in (("Invoices", "invoices"), ("Activities", "activities")):
        data: list[dict[str, Any]] = (await pat.get(f"/api/{name}", params={"limit": 500})).json()[
            "data"
        ]
        assert f"<dt>{label}</dt><dd>{len(data)}</dd>" in before


async def test_taking_access_away_ends_a_preview_of_that_person(on: Stage) -> None:
    looking, granting = await by_google(on), await by_google(on)
    fields = {"contact_id": "ct_abc123", "reason": "A look"}
    await looking.post("/auth/view-as", data=fields)
    assert (await looking.get("/")).status_code == 200
    await granting.post("/staff/contacts/ct_abc123/access", data={"role": "none"})
    answer = await looking.get("/")
    assert answer.status_code == 403
    assert "The preview has ended" in answer.text


async def test_while_the_crm_is_away_the_page_says_so_and_nothing_is_changed(on: Stage) -> None:
    ava = await by_google(on)
    await ava.get("/staff/contacts/ct_patdoy1")

    on.wire.fault = lambda request: httpx.Response(500) if request.method == "PATCH" else None
    answer = await ava.post("/staff/contacts/ct_patdoy1/access", data={"role": "client_admin"})
    assert answer.status_code == 503
    on.wire.fault = None
    assert (await on.sandbox.get("/api/contacts/ct_patdoy1")).json()["data"]["portal_access"] == 0
    assert await on.activities("portal_access_granted") == []
    assert on.post.letters == []
