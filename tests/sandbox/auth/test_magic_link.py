"""Signing in by mail: who gets a link, and that it works once."""

from __future__ import annotations

import re
from typing import Any

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from portal.sandbox.auth.tables import HUB_LINKS
from portal.sandbox.resources import CONTACTS
from portal.sandbox.scope import EVERYTHING
from portal.sandbox.store import Store
from portal.sandbox.write import change_record
from tests.sandbox.auth.setup import JANE, PORTAL, cookies_of
from tests.sandbox.setup import Clock, refused

WRONG_LINKS = ("", "x", "é", "a" * 5000)


async def ask(browser: httpx.AsyncClient, email: str, **more: str) -> httpx.Response:
    body = {"email": email, "redirect": f"{PORTAL}/invoices", **more}
    return await browser.post("/auth/magic", json=body)


async def letters(browser: httpx.AsyncClient, to: str) -> list[dict[str, Any]]:
    found = (await browser.get("/mailbox/messages", params={"to": to})).json()
    assert isinstance(found, list)
    return found


async def mailed(browser: httpx.AsyncClient, email: str) -> tuple[str, str]:
    """Ask for a link; its token and code."""
    assert (await ask(browser, email)).status_code == 200
    return read(await letters(browser, email))


def read(found: list[dict[str, Any]]) -> tuple[str, str]:
    text = found[0]["text"]
    token = re.search(r"token=([\w-]{43})\n", text)
    code = re.search(r"code: (\d{6})\n", text)
    assert token
    assert code
    return token[1], code[1]


@pytest.mark.parametrize("path", ["/auth/magic", "/auth/magic-link"])
async def test_a_link_signs_in_and_leads_on(browser: httpx.AsyncClient, path: str) -> None:
    await browser.post(path, json={"email": "JANE@acme.com", "redirect": f"{PORTAL}/invoices"})
    token, _ = read(await letters(browser, "jane@acme.com"))
    page = await browser.get("/auth/magic/verify", params={"token": token})
    assert page.status_code == 200
    assert "jane@acme.com" in page.text
    assert f"form-action 'self' {PORTAL};" in page.headers["Content-Security-Policy"]
    assert page.headers["Referrer-Policy"] == "no-referrer"
    response = await browser.post("/auth/magic/verify", data={"token": token})
    assert (response.status_code, response.headers["Location"]) == (303, f"{PORTAL}/invoices")
    assert (await browser.get("/auth/me")).json()["contact_id"] == JANE[0]


async def test_a_link_signs_in_only_once(browser: httpx.AsyncClient) -> None:
    token, code = await mailed(browser, "jane@acme.com")
    first = await browser.post("/auth/magic/verify", json={"token": token})
    assert first.json() == {"ok": True, "redirect_url": f"{PORTAL}/invoices"}
    again = await browser.post("/auth/magic/verify", json={"token": token})
    refused(again, 410)
    assert "set-cookie" not in again.headers
    sent = {"email": "jane@acme.com", "code": code, "portal": "mode"}
    refused(await browser.post("/auth/verify-code", json=sent), 403)
    assert (await browser.get("/auth/magic/verify", params={"token": token})).status_code == 410


async def test_looking_at_a_link_uses_nothing_up(browser: httpx.AsyncClient) -> None:
    token, _ = await mailed(browser, "jane@acme.com")
    for method in ("GET", "HEAD", "GET"):
        seen = await browser.request(method, "/auth/magic/verify", params={"token": token})
        assert seen.status_code == 200
        assert "set-cookie" not in seen.headers
    assert (await browser.post("/auth/magic/verify", data={"token": token})).status_code == 303


async def test_a_link_ends_after_ten_minutes(browser: httpx.AsyncClient, clock: Clock) -> None:
    token, code = await mailed(browser, "jane@acme.com")
    clock.advance(minutes=10)
    refused(await browser.post("/auth/magic/verify", json={"token": token}), 410)
    sent = {"email": "jane@acme.com", "code": code}
    refused(await browser.post("/auth/verify-code", json=sent), 403)


@pytest.mark.parametrize("token", WRONG_LINKS)
async def test_what_is_no_link_signs_nobody_in(browser: httpx.AsyncClient, token: str) -> None:
    await mailed(browser, "jane@acme.com")
    page = await browser.get("/auth/magic/verify", params={"token": token})
    pressed = await browser.post("/auth/magic/verify", data={"token": token})
    assert (page.status_code, pressed.status_code) == (410, 410)
    assert "set-cookie" not in pressed.headers


@pytest.mark.parametrize(
    "email",
    [
        "nobody@nowhere.example",
        "pat@acme.com",
        "ava@sprintmode.ai",
        "ane@acme.com",
        "jane@acme.co",
        "%",
    ],
)
async def test_whoever_asks_hears_the_same_and_only_who_may_enter_gets_mail(
    browser: httpx.AsyncClient, email: str
) -> None:
    known = await ask(browser, "jane@acme.com")
    other = await ask(browser, email) if "@" in email else known
    assert (
        (other.status_code, other.json())
        == (known.status_code, known.json())
        == (200, {"ok": True})
    )
    assert set(other.headers) == set(known.headers)
    everything = (await browser.get("/mailbox/messages")).json()
    assert [letter["to"] for letter in everything] == ["jane@acme.com"]


async def test_the_form_answers_everybody_alike_too(browser: httpx.AsyncClient) -> None:
    pages = [
        (await browser.post("/auth/magic", data={"email": email, "redirect": ""})).text
        for email in ("jane@acme.com", "none@acme.com")
    ]
    assert pages[0].replace("jane@acme.com", "none@acme.com") == pages[1]
    assert 'role="status"' in pages[0]


@pytest.mark.parametrize("email", ["", "jane", "jane@", "@acme.com", "a b@c.d", "x" * 300 + "@a.b"])
async def test_what_is_no_address_is_refused(browser: httpx.AsyncClient, email: str) -> None:
    refused(await ask(browser, email), 422, "email")
    page = await browser.post("/auth/magic", data={"email": email})
    assert page.status_code == 422
    assert 'role="alert"' in page.text


async def test_a_foreign_redirect_becomes_the_portals_start_page(
    browser: httpx.AsyncClient,
) -> None:
    await ask(browser, "jane@acme.com", redirect="https://evil.example/")
    token, _ = read(await letters(browser, "jane@acme.com"))
    response = await browser.post("/auth/magic/verify", data={"token": token})
    assert response.headers["Location"] == f"{PORTAL}/"


async def test_the_six_digits_sign_in_once(browser: httpx.AsyncClient) -> None:
    _, code = await mailed(browser, "jane@acme.com")
    sent = {"email": " Jane@Acme.com ", "code": code, "portal": "mode"}
    response = await browser.post("/auth/verify-code", json=sent)
    assert response.json() == {"ok": True, "redirect_url": f"{PORTAL}/invoices"}
    assert "sm_client" in cookies_of(response)
    refused(await browser.post("/auth/verify-code", json=sent), 403)


async def test_five_wrong_codes_end_the_link(browser: httpx.AsyncClient) -> None:
    token, code = await mailed(browser, "jane@acme.com")
    wrong = {"email": "jane@acme.com", "code": f"{(int(code) + 1) % 10**6:06d}"}
    answers = {(await browser.post("/auth/verify-code", json=wrong)).text for _ in range(5)}
    unknown = {**wrong, "email": "nobody@nowhere.example"}
    answers.add((await browser.post("/auth/verify-code", json=unknown)).text)
    assert len(answers) == 1
    refused(await browser.post("/auth/verify-code", json={**wrong, "code": code}), 403)
    assert (await browser.post("/auth/magic/verify", data={"token": token})).status_code == 303


async def test_an_address_gets_five_links_in_ten_minutes(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    for _ in range(8):
        assert (await ask(browser, "jane@acme.com")).json() == {"ok": True}
    assert len(await letters(browser, "jane@acme.com")) == 5
    assert (await ask(browser, "sam@acme.com")).json() == {"ok": True}
    assert len(await letters(browser, "sam@acme.com")) == 1
    clock.advance(minutes=10)
    await ask(browser, "jane@acme.com")
    assert len(await letters(browser, "jane@acme.com")) == 6


async def test_access_taken_away_ends_a_link(browser: httpx.AsyncClient, demo_store: Store) -> None:
    token, _ = await mailed(browser, "jane@acme.com")
    with demo_store.writing() as connection:
        gone = {"portal_access": 0}
        change_record(connection, CONTACTS, EVERYTHING, JANE[0], gone, demo_store.now())
    refused(await browser.post("/auth/magic/verify", json={"token": token}), 410)


async def test_secrets_are_kept_as_hashes(browser: httpx.AsyncClient, demo_store: Store) -> None:
    token, code = await mailed(browser, "jane@acme.com")
    with demo_store.reading() as connection:
        rows = str(
            [row.code_hash + row.token_hash for row in connection.execute(HUB_LINKS.select())]
        )
    assert token not in rows
    assert f"'{code}" not in rows
    assert len(token) == 43


async def test_a_login_is_noted_in_the_crm(
    browser: httpx.AsyncClient, hub: Starlette, clock: Clock
) -> None:
    token, _ = await mailed(browser, "jane@acme.com")
    clock.advance(seconds=30)
    await browser.post("/auth/magic/verify", data={"token": token})
    key = {"X-SM-Key": "an-unbound-key"}
    contact = (await browser.get(f"/api/contacts/{JANE[0]}", headers=key)).json()["data"]
    assert contact["portal_last_login"] == "2026-05-13T10:42:30.000000Z"
    asked = {"type": "portal_login", "contact_id": JANE[0], "limit": "1"}
    login = (await browser.get("/api/activities", params=asked, headers=key)).json()["data"][0]
    assert (login["company_id"], login["source"]) == ("co_abc123", "mode")


@pytest.mark.parametrize("path", ["/auth/magic", "/auth/verify-code", "/auth/magic/verify"])
async def test_bodies_of_another_kind_are_refused(browser: httpx.AsyncClient, path: str) -> None:
    refused(
        await browser.post(path, content=b"email=x", headers={"Content-Type": "text/plain"}), 415
    )
    refused(await browser.post(path, json=["x"]), 400)
    name = "token" if path.endswith("verify") else "email"
    refused(await browser.post(path, json={name: 7}), 422, name)
    refused(await browser.post(path, data={"email": "x" * 70_000}), 413)
    refused(await browser.post(path, data={f"f{n}": "x" for n in range(200)}), 400)


async def test_the_sign_in_page_offers_both_ways(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/auth/login", params={"redirect": f"{PORTAL}/invoices"})
    assert page.status_code == 200
    assert "/auth/sso/google?redirect=http%3A%2F%2Fportal.test%2Finvoices" in page.text
    assert '<label for="email">' in page.text
    assert f'value="{PORTAL}/invoices"' in page.text
    evil = await browser.get("/auth/login", params={"redirect": 'https://evil/"><script>'})
    assert "evil" not in evil.text
    sheet = await browser.get("/assets/sign-in.css")
    assert sheet.headers["Content-Type"].startswith("text/css")
