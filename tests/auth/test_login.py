"""Signing in by mail: who gets in, who does not, and what everybody is told."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest

from tests.stage import Stage, stage


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def test_known_and_unknown_addresses_get_the_same_answer(on: Stage) -> None:
    answers = []
    for email in ("jane@acme.com", "nobody@nowhere.example"):
        answer = await on.browser().post("/auth/magic", data={"email": email, "redirect": "/"})
        headers = {
            k: v for k, v in answer.headers.items() if k not in ("set-cookie", "x-request-id")
        }
        answers.append((answer.status_code, headers, answer.content))
        cookies = answer.headers.get_list("set-cookie")
        assert [c.partition("=")[0] for c in cookies] == ["portal_prelogin"]
    assert answers[0] == answers[1]


async def test_json_callers_get_the_platforms_envelope(on: Stage) -> None:
    answer = await on.browser().post(
        "/auth/magic", json={"email": "jane@acme.com", "redirect": "/"}
    )
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    await on.settle()
    assert len(on.post.letters) == 1


async def _without_access(on: Stage, case: str) -> str:
    found = (await on.sandbox.get("/api/contacts", params={"limit": 100})).json()["data"]["items"]
    if case == "no access":
        return next(str(c["email"]) for c in found if not c["portal_access"] and c["email"])
    contacts = [
        (await on.sandbox.get(f"/api/contacts/{c['id']}")).json()["data"]
        for c in found
        if c["portal_access"]
    ]
    return next(str(c["email"]) for c in contacts if "mode" not in c["products"] and c["products"])


@pytest.mark.parametrize("case", ["unknown", "no access", "another product"])
async def test_whoever_may_not_enter_gets_no_mail(on: Stage, case: str) -> None:
    email = "nobody@nowhere.example" if case == "unknown" else await _without_access(on, case)
    await on.ask_for_link(on.browser(), email)
    assert on.post.letters == []


async def test_mail_goes_to_the_address_in_the_crm_not_to_the_one_typed(on: Stage) -> None:
    await on.ask_for_link(on.browser(), "JANE@ACME.COM")
    assert [letter.to for letter in on.post.letters] == ["jane@acme.com"]


async def test_an_address_that_contains_another_is_not_the_other(on: Stage) -> None:
    browser = await on.signed_in("mary-jane@acme.com")
    page = await browser.get("/")
    assert page.status_code == 200
    assert "Acme Corp" not in page.text


async def test_a_link_signs_in_only_once(on: Stage) -> None:
    browser = on.browser()
    await on.ask_for_link(browser, "jane@acme.com")
    presses = [
        browser.post("/auth/magic/verify", data={"token": on.last_token()}) for _ in range(20)
    ]
    statuses = sorted(answer.status_code for answer in await asyncio.gather(*presses))
    assert statuses == [303] + [410] * 19


async def test_opening_a_link_uses_nothing_up(on: Stage) -> None:
    asking, scanner = on.browser(), on.browser()
    await on.ask_for_link(asking, "jane@acme.com")
    token = on.last_token()
    for _ in range(3):
        assert (await scanner.get(f"/auth/magic/verify?token={token}")).status_code == 200
        assert (await scanner.head(f"/auth/magic/verify?token={token}")).status_code == 200
    pressed = await asking.post("/auth/magic/verify", data={"token": token})
    assert pressed.status_code == 303


async def test_a_link_opened_elsewhere_names_the_account_and_asks_first(on: Stage) -> None:
    await on.ask_for_link(on.browser(), "jane@acme.com")
    elsewhere, token = on.browser(), on.last_token()
    asked = await elsewhere.post("/auth/magic/verify", data={"token": token})
    assert asked.status_code == 200
    assert "sm_client" not in elsewhere.cookies
    assert "j•••@a•••.com" in asked.text
    assert "jane@acme.com" not in asked.text
    agreed = await elsewhere.post("/auth/magic/verify", data={"token": token, "confirm": "1"})
    assert agreed.status_code == 303


async def test_a_code_works_only_in_the_browser_that_asked(on: Stage) -> None:
    asking, elsewhere = on.browser(), on.browser()
    await on.ask_for_link(asking, "jane@acme.com")
    proof = {"email": "jane@acme.com", "code": on.last_code()}
    assert (await elsewhere.post("/auth/verify-code", data=proof)).status_code == 410
    await elsewhere.post("/auth/magic", data={"email": "nobody@nowhere.example"})
    assert (await elsewhere.post("/auth/verify-code", data=proof)).status_code in (403, 410)
    assert (await asking.post("/auth/verify-code", data=proof)).status_code == 303


async def test_after_five_wrong_codes_the_right_one_is_refused_too(on: Stage) -> None:
    browser = on.browser()
    await on.ask_for_link(browser, "jane@acme.com")
    right = on.last_code()
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    for _ in range(5):
        answer = await browser.post("/auth/verify-code", data={"code": wrong})
        assert answer.status_code in (403, 410)
    assert (await browser.post("/auth/verify-code", data={"code": right})).status_code == 410
    token = on.last_token()
    assert (await browser.post("/auth/magic/verify", data={"token": token})).status_code == 410


async def test_a_link_lives_ten_minutes(on: Stage) -> None:
    browser = on.browser()
    await on.ask_for_link(browser, "jane@acme.com")
    on.clock.forward(minutes=10, seconds=1)
    answer = await browser.post("/auth/magic/verify", data={"token": on.last_token()})
    assert answer.status_code == 410
    assert "expired" in answer.text


async def test_a_new_link_kills_the_older_one(on: Stage) -> None:
    browser = on.browser()
    await on.ask_for_link(browser, "jane@acme.com")
    older = on.last_token()
    on.clock.forward(minutes=1)
    await on.ask_for_link(browser, "jane@acme.com")
    assert (await browser.post("/auth/magic/verify", data={"token": older})).status_code == 410
    newer = on.last_token()
    assert (await browser.post("/auth/magic/verify", data={"token": newer})).status_code == 303


@pytest.mark.parametrize(
    "token",
    [
        "",
        "short",
        "A" * 43,
        "A" * 42,
        "%00" * 10,
        "é" * 43,
        "../" * 14,
        "<script>alert(1)</script>",
    ],
)
async def test_a_token_that_is_none_gets_the_friendly_page_with_a_way_on(
    on: Stage, token: str
) -> None:
    for answer in (
        await on.browser().get("/auth/magic/verify", params={"token": token}),
        await on.browser().post("/auth/magic/verify", data={"token": token}),
    ):
        assert answer.status_code == 410
        assert 'href="/auth/login"' in answer.text
        assert "<script>alert" not in answer.text


async def test_a_token_of_a_megabyte_and_one_full_of_nuls_are_refused(on: Stage) -> None:
    browser = on.browser()
    huge = await browser.post("/auth/magic/verify", data={"token": "A" * 1_000_000})
    assert huge.status_code == 413
    long = await browser.get("/auth/magic/verify", params={"token": "A" * 20_000})
    assert long.status_code == 410
    nuls = await browser.post("/auth/magic/verify", data={"token": "\0" * 43})
    assert nuls.status_code == 410


async def test_access_taken_away_between_mail_and_button_refuses(on: Stage) -> None:
    browser = on.browser()
    await on.ask_for_link(browser, "jane@acme.com")
    await on.patch("/api/contacts/ct_abc123", portal_access=0)
    answer = await browser.post("/auth/magic/verify", data={"token": on.last_token()})
    assert answer.status_code == 403
    assert "sm_client" not in browser.cookies
    refused = (await on.activities("portal_login_refused"))[0]
    assert refused["metadata"]["cause"] == "no_access"


async def test_an_address_at_two_companies_lets_the_person_choose(on: Stage) -> None:
    email = await _shared_address(on)
    browser = on.browser()
    offered = await on.sign_in(browser, email)
    assert offered.status_code == 200
    assert "sm_client" not in browser.cookies
    chosen = (await on.env.contacts.allowed_with_address(email))[1]
    entered = await browser.post("/auth/choose-company", data={"contact_id": chosen.id})
    assert entered.status_code == 303
    assert (await browser.get("/auth/me")).json()["contact_id"] == chosen.id
    again = await browser.post("/auth/choose-company", data={"contact_id": chosen.id})
    assert again.headers["location"] == "/auth/login"


async def test_nobody_chooses_a_contact_that_was_not_offered(on: Stage) -> None:
    browser = on.browser()
    await on.sign_in(browser, await _shared_address(on))
    answer = await browser.post("/auth/choose-company", data={"contact_id": "ct_abc123"})
    assert answer.headers["location"] == "/auth/login"
    assert not browser.cookies.get("sm_client")


async def _shared_address(on: Stage) -> str:
    items = (await on.sandbox.get("/api/contacts", params={"limit": 100})).json()["data"]["items"]
    emails = [str(c["email"]).casefold() for c in items if c["email"]]
    return next(e for e in emails if emails.count(e) == 2)


async def test_when_sm_api_is_down_sign_in_says_so_and_makes_no_session(on: Stage) -> None:
    browser = on.browser()
    await on.ask_for_link(browser, "jane@acme.com")
    token = on.last_token()
    on.wire.fault = lambda _request: httpx.Response(500)
    asked = await browser.post("/auth/magic", data={"email": "jane@acme.com"})
    pressed = await browser.post("/auth/magic/verify", data={"token": token})
    for answer in (asked, pressed):
        assert answer.status_code == 503
        assert "cannot reach our records right now" in answer.text
    assert "sm_client" not in browser.cookies
    on.wire.fault = None
    on.clock.forward(seconds=5)
    assert (await browser.post("/auth/magic/verify", data={"token": token})).status_code == 303


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            (302, {"Location": "https://sm.example/cdn-cgi/access/login"}, b""), id="login"
        ),
        pytest.param((200, {"Content-Type": "text/html"}, b"<html>"), id="html"),
    ],
)
async def test_a_refused_service_token_is_our_503_and_named_in_the_log(
    on: Stage, answer: tuple[int, dict[str, str], bytes], log_lines: io.StringIO
) -> None:
    status, headers, body = answer
    on.wire.fault = lambda _request: httpx.Response(status, headers=headers, content=body)
    asked = await on.browser().post("/auth/magic", data={"email": "jane@acme.com"})
    assert asked.status_code == 503
    assert "service token" not in asked.text
    assert "service token" in log_lines.getvalue()


@pytest.mark.parametrize(
    "redirect", ["//evil.example", "/\\evil.example", "https://evil.example/", "/auth/logout"]
)
async def test_nobody_is_sent_elsewhere_after_signing_in(on: Stage, redirect: str) -> None:
    browser = on.browser()
    await on.ask_for_link(browser, "jane@acme.com", redirect=redirect)
    answer = await browser.post("/auth/magic/verify", data={"token": on.last_token()})
    assert answer.headers["location"] == "/"


async def test_an_address_that_is_none_is_shown_again_with_what_is_wrong(on: Stage) -> None:
    answer = await on.browser().post("/auth/magic", data={"email": "Jane <jane@acme.com>"})
    assert answer.status_code == 422
    assert "Please enter one e-mail address." in answer.text
    assert "Jane &lt;jane@acme.com&gt;" in answer.text
    as_json = await on.browser().post("/auth/magic", json={"email": "a@b.c, d@e.f"})
    assert (as_json.status_code, as_json.json()["field"]) == (422, "email")


async def test_a_mail_server_that_is_away_changes_nothing_about_the_answer(on: Stage) -> None:
    on.post.is_down = True
    await on.ask_for_link(on.browser(), "jane@acme.com")
    assert on.post.letters == []


async def test_token_pages_are_neither_stored_nor_named_to_others(on: Stage) -> None:
    browser = on.browser()
    await on.ask_for_link(browser, "jane@acme.com")
    page = await browser.get(f"/auth/magic/verify?token={on.last_token()}")
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"


async def test_the_token_is_stored_nowhere_only_its_hash(on: Stage) -> None:
    await on.ask_for_link(on.browser(), "jane@acme.com")
    token, code = on.last_token(), on.last_code()
    for call in on.wire.calls:
        sent = str(call.url) + call.content.decode()
        assert token not in sent
        assert f'"{code}"' not in sent


async def test_whoever_is_signed_in_goes_straight_on(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    answer = await browser.get("/auth/login?redirect=/invoices")
    assert (answer.status_code, answer.headers["location"]) == (303, "/invoices")
