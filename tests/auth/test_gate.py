"""The gate: the token says who, `products` says where, the CRM says whether and what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2 as httpx
import pytest

from portal.auth.gate import PUBLIC_PATHS
from portal.auth.session import new_claims, sign
from tests.stage import SECRET, Stage, stage


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def token(on: Stage, secret: str = SECRET, **changes: Any) -> str:
    """A token as another portal of the platform would sign it."""
    claims = new_claims(
        subject=changes.pop("id", "ct_abc123"),
        email=changes.pop("email", "jane@acme.com"),
        name="Jane Smith",
        avatar=None,
        products=changes.pop("products", ["mode"]),
        now=changes.pop("now", on.clock()),
        lifetime=timedelta(days=7),
    )
    return sign(claims, secret)


async def opens(on: Stage, cookie: str, path: str = "/") -> httpx.Response:
    return await on.browser(Cookie=cookie).get(path)


async def test_a_token_that_another_portal_signed_signs_in_here(on: Stage) -> None:
    for name in ("sm_client", "sm_session_mode"):
        assert (await opens(on, f"{name}={token(on)}")).status_code == 200


async def test_a_user_id_of_another_portal_is_matched_by_its_whole_address(on: Stage) -> None:
    answer = await opens(on, f"sm_client={token(on, id='usr_1234')}", "/auth/me")
    assert answer.json()["contact_id"] == "ct_abc123"


async def test_the_portals_own_cookie_is_read_before_the_shared_one(on: Stage) -> None:
    sam = token(on, id="ct_def456", email="sam@acme.com")
    cookie = f"sm_client={token(on)}; sm_session_mode={sam}"
    assert (await opens(on, cookie, "/auth/me")).json()["email"] == "sam@acme.com"


@pytest.mark.parametrize(
    "products",
    [[], ["signal"], ["modeling"], "mode", {"mode": True}, None],
    ids=["none", "another", "longer word", "a string", "an object", "null"],
)
async def test_without_the_product_in_a_real_list_there_is_a_403_page(
    on: Stage, products: Any
) -> None:
    made = new_claims(
        subject="ct_abc123",
        email="jane@acme.com",
        name="Jane",
        avatar=None,
        products=[],
        now=on.clock(),
        lifetime=timedelta(days=1),
    )
    import msgspec

    claims = msgspec.structs.replace(made, products=products)
    answer = await opens(on, f"sm_client={sign(claims, SECRET)}")
    assert answer.status_code == 403
    assert "jane@acme.com" in answer.text
    assert "Sign out and use another account" in answer.text


async def test_access_taken_away_in_the_crm_is_gone_within_sixty_seconds(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    assert (await browser.get("/")).status_code == 200
    await on.patch("/api/contacts/ct_abc123", portal_access=0)
    on.clock.forward(seconds=59)
    answer = await browser.get("/")
    assert answer.status_code == 403
    assert "Your access has ended" in answer.text


async def test_a_role_lowered_in_the_crm_is_lowered_here_within_sixty_seconds(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    assert (await browser.get("/invoices")).status_code == 200
    await on.patch("/api/contacts/ct_abc123", portal_role="client_viewer")
    on.clock.forward(seconds=59)
    assert (await browser.get("/invoices")).status_code == 403


async def test_a_contact_moved_to_another_company_sees_only_that_one(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    globex = (await on.sandbox.get("/api/companies", params={"search": "Globex"})).json()
    other = globex["data"]["items"][0]["id"]
    await on.patch("/api/contacts/ct_abc123", company_id=other)
    on.clock.forward(seconds=59)
    page = await browser.get("/")
    assert "Globex" in page.text
    assert "Acme" not in page.text


async def test_a_token_of_a_person_the_crm_does_not_know_opens_nothing(on: Stage) -> None:
    cookie = f"sm_client={token(on, id='ct_gone', email='gone@acme.com')}"
    assert (await opens(on, cookie)).status_code == 403


async def test_an_id_with_anothers_address_is_not_trusted(on: Stage) -> None:
    cookie = f"sm_client={token(on, id='ct_abc123', email='stranger@evil.example')}"
    assert (await opens(on, cookie)).status_code == 403


@pytest.mark.parametrize("case", ["wrong secret", "expired", "twice", "garbage", "none"])
async def test_a_session_that_does_not_count_is_sent_to_sign_in(on: Stage, case: str) -> None:
    cookies = {
        "wrong secret": f"sm_client={token(on, secret='another-secret-that-is-long-enough-too')}",
        "expired": f"sm_client={token(on, now=on.clock() - timedelta(days=8))}",
        "twice": f"sm_client={token(on)}; sm_client={token(on)}",
        "garbage": "sm_client=a.b.c",
        "none": "xsm_client=" + token(on),
    }
    answer = await opens(on, cookies[case], "/invoices?year=2026")
    assert answer.status_code == 302
    assert answer.headers["location"] == "/auth/login?redirect=%2Finvoices%3Fyear%3D2026"
    assert any(c.startswith("sm_client=") for c in answer.headers.get_list("set-cookie"))


async def test_a_client_viewer_cannot_open_invoices_and_sees_no_amount(on: Stage) -> None:
    browser = await on.signed_in("sam@acme.com")
    refused = await browser.get("/invoices")
    assert refused.status_code == 403
    assert "account administrators" in refused.text
    home = (await browser.get("/")).text
    for sign_of_money in ("$", "€", "Owed", "INV-", "/invoices", "overdue"):
        assert sign_of_money not in home


async def test_every_page_but_the_public_ones_needs_a_session(on: Stage) -> None:
    from tests.pages.test_isolation import READABLE

    public = ("/auth/", "/api/auth/", "/static", "/calendar/feed/", *PUBLIC_PATHS)
    private = [path for path in READABLE if not path.startswith(public)]
    assert len(private) >= 5
    for path in private:
        answer = await on.browser().get(path.replace("{id}", "x"))
        assert answer.status_code in (302, 401), path


def test_what_is_public_is_this_and_nothing_more() -> None:
    # A new name here is a decision to serve a page to anyone.
    assert {
        *("/favicon.ico", "/robots.txt", "/healthz", "/readyz", "/.well-known/security.txt"),
        *("/speculation-rules.json", "/api/portal/config", "/accent.css"),
        "/notices/unsubscribe",
        "/verify",
        "/metrics",
    } == PUBLIC_PATHS


async def test_api_callers_without_a_session_get_the_envelope(on: Stage) -> None:
    answer = await on.browser(Accept="application/json").get("/api/auth/me")
    assert answer.status_code == 401
    assert answer.json() == {"ok": False, "error": "Your session has ended. Please sign in again."}


async def test_me_answers_flat_and_as_user(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    for path in ("/auth/me", "/api/auth/me"):
        body = (await browser.get(path)).json()
        assert body["ok"] is True
        assert body["user"]["id"] == body["contact_id"] == "ct_abc123"
        assert body["company_id"] == body["user"]["company_id"] == "co_abc123"
        assert body["portal_role"] == "client_admin"
        assert body["products"] == ["mode"]


async def test_when_the_crm_is_down_a_page_says_so_and_shows_no_empty_lists(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    on.wire.fault = lambda _request: httpx.Response(500)
    on.clock.forward(minutes=5)
    answer = await browser.get("/invoices")
    assert answer.status_code == 503
    assert "No invoices yet" not in answer.text
    assert answer.headers["retry-after"]
