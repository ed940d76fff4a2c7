"""The way in by Google, over HTTP: who gets in, who does not, and what is left on record."""

from __future__ import annotations

import asyncio
import html
import io
import json
from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple

import httpx2 as httpx
import pytest

from portal.sandbox.google.misbehaviour import Misbehaviour
from portal.sandbox.google.provider import MARKUP
from tests.stage import ORIGIN, Stage, stage

START: Final = "/auth/sso/google"
CALLBACK: Final = "/auth/sso/google/callback"
JANE: Final = "jane@acme.com"
JANES_ID: Final = "ct_abc123"

UNTRUSTED: Final = "Google's answer could not be trusted, so nobody was signed in."
UNVERIFIED: Final = "Google has not verified this account's e-mail address."
HANDED_ON: Final = "This address belonged to another Google account before."
ELSEWHERE: Final = "This sign-in was started elsewhere, or too long ago."
NO_ACCESS: Final = "This Google account has no access to this portal."
BY_MAIL: Final = "You can sign in by e-mail instead"


class Outcome(NamedTuple):
    """What a misbehaviour leads to; without a cause nobody was refused."""

    status: int
    words: str = ""
    cause: str | None = None
    contact_id: str | None = None


OUTCOMES: Final = {
    Misbehaviour.NONE: Outcome(303),
    Misbehaviour.WRONG_ISSUER: Outcome(403, UNTRUSTED, "wrong_issuer"),
    Misbehaviour.WRONG_AUDIENCE: Outcome(403, UNTRUSTED, "wrong_audience"),
    Misbehaviour.EXPIRED: Outcome(403, UNTRUSTED, "expired"),
    Misbehaviour.NOT_YET_VALID: Outcome(403, UNTRUSTED, "not_yet_valid"),
    Misbehaviour.EMAIL_UNVERIFIED: Outcome(403, UNVERIFIED, "email_not_verified"),
    Misbehaviour.EMAIL_VERIFIED_MISSING: Outcome(403, UNVERIFIED, "email_not_verified"),
    Misbehaviour.EMAIL_VERIFIED_TEXT: Outcome(403, UNVERIFIED, "email_not_verified"),
    Misbehaviour.WRONG_NONCE: Outcome(403, UNTRUSTED, "wrong_nonce"),
    Misbehaviour.MISSING_NONCE: Outcome(403, UNTRUSTED, "wrong_nonce"),
    Misbehaviour.ALG_NONE: Outcome(403, UNTRUSTED, "bad_signature"),
    Misbehaviour.HS256_CLIENT_SECRET: Outcome(403, UNTRUSTED, "bad_signature"),
    Misbehaviour.UNKNOWN_KEY: Outcome(403, UNTRUSTED, "unknown_key"),
    Misbehaviour.ROTATED_KEY: Outcome(303),
    Misbehaviour.MISSING_ID_TOKEN: Outcome(403, UNTRUSTED, "no_id_token"),
    Misbehaviour.MARKUP_IN_REDIRECT: Outcome(403, f"Google said: {MARKUP}", "provider_error"),
    Misbehaviour.MARKUP_IN_TOKEN_ERROR: Outcome(403, f"Google said: {MARKUP}", "exchange_refused"),
    Misbehaviour.ANOTHER_SUBJECT: Outcome(403, HANDED_ON, "another_subject", JANES_ID),
    Misbehaviour.MISSING_EMAIL: Outcome(403, UNTRUSTED, "no_email"),
    Misbehaviour.SLOW: Outcome(303),
    Misbehaviour.HTTP_500: Outcome(503, BY_MAIL),
}


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def logged(lines: io.StringIO, event: str) -> list[dict[str, Any]]:
    """The log lines of one event, oldest first."""
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [line for line in found if line["event"] == event]


async def refusals(on: Stage) -> list[dict[str, Any]]:
    """What the CRM has of refused sign-ins, newest first."""
    found = await on.activities("portal_login_refused")
    return [
        {
            "method": activity["metadata"]["method"],
            "cause": activity["metadata"]["cause"],
            "contact_id": activity["contact_id"],
        }
        for activity in found
    ]


async def to_google(browser: httpx.AsyncClient, redirect: str = "/") -> httpx.Response:
    """Press the button."""
    start = await browser.get(START, params={"redirect": redirect})
    assert start.status_code == 302, start.text
    return start


def is_signed_in(browser: httpx.AsyncClient) -> bool:
    return bool(browser.cookies.get("sm_client"))


async def who(browser: httpx.AsyncClient) -> str | None:
    """The contact whose session the browser has, if that counts."""
    answer = await browser.get("/auth/me", headers={"Accept": "application/json"})
    if answer.status_code == 401:
        return None
    assert answer.status_code == 200, answer.text
    return str(answer.json()["contact_id"])


async def assert_refused(
    on: Stage, browser: httpx.AsyncClient, answer: httpx.Response, cause: str, words: str
) -> None:
    """A page that says so and leads on, no session, and one more refusal on record."""
    assert answer.status_code == 403
    assert words in html.unescape(answer.text)
    assert 'href="/auth/login"' in answer.text
    assert not is_signed_in(browser)
    latest = (await refusals(on))[0]
    assert (latest["method"], latest["cause"]) == ("google", cause)


@pytest.mark.parametrize("mode", Misbehaviour)
async def test_google_signs_in_only_when_all_of_its_answer_is_right(
    on: Stage, mode: Misbehaviour, log_lines: io.StringIO
) -> None:
    expected = OUTCOMES[mode]
    assert (await on.sign_in_with_google(on.browser(), JANE)).status_code == 303
    await on.misbehave(mode, seconds=0)
    browser = on.browser()
    answer = await on.sign_in_with_google(browser, JANE, "/invoices")

    assert answer.status_code == expected.status
    assert is_signed_in(browser) == (expected.status == 303)
    if expected.status == 303:
        assert answer.headers["location"] == "/invoices"
        assert await who(browser) == JANES_ID
    else:
        assert await who(browser) is None
        assert expected.words in html.unescape(answer.text)
        assert 'href="/auth/login"' in answer.text
        for raw in ("<img src=x", "<script>alert", "Server error", "http_500"):
            assert raw not in answer.text

    trace = {"method": "google", "cause": expected.cause, "contact_id": expected.contact_id}
    assert await refusals(on) == ([trace] if expected.cause else [])
    lines = logged(log_lines, "sign_in_refused")
    assert [{name: line[name] for name in trace} for line in lines] == (
        [trace] if expected.cause else []
    )
    signed_in = logged(log_lines, "signed_in")
    assert len(signed_in) == (2 if expected.status == 303 else 1)
    assert logged(log_lines, "unforeseen_error") == []

    await on.misbehave(Misbehaviour.NONE)
    assert (await on.sign_in_with_google(browser, JANE)).status_code == 303


async def test_a_sign_in_is_on_record_as_googles(on: Stage, log_lines: io.StringIO) -> None:
    await on.sign_in_with_google(on.browser(), JANE)
    login = (await on.activities("portal_login"))[0]
    assert (login["metadata"]["method"], login["contact_id"]) == ("google", JANES_ID)
    [line] = logged(log_lines, "signed_in")
    assert (line["method"], line["contact_id"]) == ("google", JANES_ID)


async def test_the_address_of_whoever_is_refused_is_in_neither_log_nor_crm(
    on: Stage, log_lines: io.StringIO
) -> None:
    await on.sign_in_with_google(on.browser(), "nobody@nowhere.example")
    [refused] = await on.activities("portal_login_refused")
    assert "nobody@nowhere" not in json.dumps(refused)
    assert "nobody@nowhere" not in log_lines.getvalue()


async def test_an_answer_counts_once_even_in_its_own_browser(on: Stage) -> None:
    browser, copy = on.browser(), on.browser()
    start = await to_google(browser)
    back = await on.at_google(start, JANE)
    copy.cookies.update(browser.cookies)
    assert (await browser.get(back)).status_code == 303
    exchanges = _exchanges(on)
    await assert_refused(on, copy, await copy.get(back), "state", ELSEWHERE)
    assert _exchanges(on) == exchanges


async def test_an_answer_used_twice_at_the_same_moment_counts_once(on: Stage) -> None:
    browser = on.browser()
    back = await on.at_google(await to_google(browser), JANE)
    copies = [on.browser() for _ in range(10)]
    for copy in copies:
        copy.cookies.update(browser.cookies)
    answers = await asyncio.gather(*(copy.get(back) for copy in copies))
    assert sorted(answer.status_code for answer in answers) == [303] + [403] * 9


async def test_an_answer_is_nothing_in_another_browser_and_stays_good_in_its_own(
    on: Stage,
) -> None:
    attacker, victim = on.browser(), on.browser()
    back = await on.at_google(await to_google(attacker), "sam@acme.com")
    await to_google(victim)
    await assert_refused(on, victim, await victim.get(back), "state", ELSEWHERE)
    assert (await attacker.get(back)).status_code == 303
    assert await who(attacker) == "ct_def456"


async def test_an_answer_under_the_state_of_another_attempt_is_refused(on: Stage) -> None:
    attacker, victim = on.browser(), on.browser()
    theirs = httpx.URL(await on.at_google(await to_google(attacker), "sam@acme.com"))
    own = httpx.URL((await to_google(victim)).headers["location"])
    mixed = theirs.copy_set_param("state", own.params["state"])
    # The verifier of the victim's attempt does not fit the code of the attacker's.
    await assert_refused(on, victim, await victim.get(str(mixed)), "exchange_refused", UNTRUSTED)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?code=x",
        "?state=",
        "?code=x&state=",
        "?code=x&state=x",
        "?state=%00&code=%00",
        "?state=%F0%9F%98%80&code=x",
        "?error=access_denied",
        "?error=access_denied&state=x&error_description=<script>alert(1)</script>",
        f"?code=x&state={'x' * 5000}",
    ],
)
async def test_a_callback_that_nobody_started_is_refused_and_google_is_not_asked(
    on: Stage, query: str
) -> None:
    browser = on.browser()
    answer = await browser.get(CALLBACK + query)
    await assert_refused(on, browser, answer, "state", ELSEWHERE)
    assert "<script>alert" not in answer.text
    assert _exchanges(on) == 0


async def test_an_answer_without_its_state_is_refused(on: Stage) -> None:
    browser = on.browser()
    back = httpx.URL(await on.at_google(await to_google(browser), JANE))
    answer = await browser.get(str(back.copy_remove_param("state")))
    await assert_refused(on, browser, answer, "state", ELSEWHERE)
    assert _exchanges(on) == 0


async def test_without_the_cookie_of_the_attempt_nobody_is_signed_in(on: Stage) -> None:
    browser = on.browser()
    back = await on.at_google(await to_google(browser), JANE)
    browser.cookies.clear()
    await assert_refused(on, browser, await browser.get(back), "state", ELSEWHERE)


async def test_an_altered_cookie_of_the_attempt_is_none(on: Stage) -> None:
    browser = on.browser()
    back = await on.at_google(await to_google(browser), JANE)
    [name] = browser.cookies.keys()
    value = browser.cookies[name]
    browser.cookies.clear()
    browser.cookies.set(name, ("A" if value[0] != "A" else "B") + value[1:])
    await assert_refused(on, browser, await browser.get(back), "state", ELSEWHERE)


async def test_the_cookie_of_one_attempt_does_not_vouch_for_another(on: Stage) -> None:
    browser = on.browser()
    back = await on.at_google(await to_google(browser), JANE)
    [name] = browser.cookies.keys()
    browser.cookies.clear()
    await to_google(browser)
    [other] = browser.cookies.keys()
    renamed = browser.cookies[other]
    browser.cookies.clear()
    browser.cookies.set(name, renamed)
    await assert_refused(on, browser, await browser.get(back), "state", ELSEWHERE)


async def test_the_cookie_of_an_attempt_is_for_no_script_and_goes_once_it_served(
    on: Stage,
) -> None:
    browser = on.browser()
    start = await to_google(browser)
    [cookie] = start.headers.get_list("set-cookie")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    await browser.get(await on.at_google(start, JANE))
    assert list(browser.cookies.keys()) == ["sm_client"]


async def test_a_refused_attempt_leaves_no_cookie_either(on: Stage) -> None:
    browser = on.browser()
    await on.sign_in_with_google(browser, "pat@acme.com")
    assert list(browser.cookies.keys()) == []


async def test_two_tabs_at_once_both_lead_where_they_were_going(on: Stage) -> None:
    browser = on.browser()
    first, second = await to_google(browser, "/invoices"), await to_google(browser, "/activity")
    for start, wanted in ((second, "/activity"), (first, "/invoices")):
        answer = await browser.get(await on.at_google(start, JANE))
        assert (answer.status_code, answer.headers["location"]) == (303, wanted)
    assert await who(browser) == JANES_ID


async def test_google_may_send_the_person_back_from_its_own_site(on: Stage) -> None:
    browser = on.browser()
    back = await on.at_google(await to_google(browser), JANE)
    answer = await browser.get(back, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 303


async def test_whoever_takes_longer_than_ten_minutes_at_google_starts_again(on: Stage) -> None:
    browser = on.browser()
    in_time, late = await to_google(browser), await to_google(browser)
    on.clock.forward(minutes=9, seconds=59)
    assert (await browser.get(await on.at_google(in_time, JANE))).status_code == 303
    on.clock.forward(seconds=1)
    browser.cookies.delete("sm_client")
    answer = await browser.get(await on.at_google(late, JANE))
    await assert_refused(on, browser, answer, "state", ELSEWHERE)


async def test_cancelling_at_google_is_said_and_can_be_tried_again(on: Stage) -> None:
    browser = on.browser()
    start = await to_google(browser)
    cancelled = await on.sandbox.post(start.headers["location"], data={"cancel": "1"})
    answer = await browser.get(cancelled.headers["location"])
    await assert_refused(on, browser, answer, "access_denied", "You cancelled at Google")
    assert _exchanges(on) == 0
    assert (await on.sign_in_with_google(browser, JANE)).status_code == 303


async def test_an_error_counts_even_when_a_code_comes_with_it(on: Stage) -> None:
    browser = on.browser()
    back = await on.at_google(await to_google(browser), JANE)
    answer = await browser.get(f"{back}&error=server_error")
    await assert_refused(on, browser, answer, "provider_error", "Google said: server_error")
    assert _exchanges(on) == 0


async def test_however_much_google_says_little_of_it_is_shown(on: Stage) -> None:
    browser = on.browser()
    back = await on.at_google(await to_google(browser), JANE)
    answer = await browser.get(f"{back}&error=server_error&error_description={'x' * 4000}")
    await assert_refused(on, browser, answer, "provider_error", "Google said: xxx")
    assert "x" * 301 not in answer.text


@pytest.mark.parametrize(
    "redirect",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "/%09/evil.example",
        "javascript:alert(1)",
        "/auth/logout",
        "/api/contacts",
        "invoices",
        "/x\r\nSet-Cookie: a=b",
        "",
    ],
)
async def test_whoever_was_to_be_sent_elsewhere_lands_on_the_start_page(
    on: Stage, redirect: str
) -> None:
    answer = await on.sign_in_with_google(on.browser(), JANE, redirect)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_a_page_of_ours_is_where_the_person_lands(on: Stage) -> None:
    answer = await on.sign_in_with_google(on.browser(), JANE, "/invoices?status=open")
    assert answer.headers["location"] == "/invoices?status=open"


async def test_an_address_at_two_companies_lets_the_person_choose(on: Stage) -> None:
    browser = on.browser()
    offered = await on.sign_in_with_google(browser, "robin@parkadvisory.example", "/activity")
    assert offered.status_code == 200
    assert "Initech" in offered.text
    assert "Hooli" in offered.text
    assert not is_signed_in(browser)
    chosen = await browser.post("/auth/choose-company", data={"contact_id": "ct_robin02"})
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/activity")
    assert await who(browser) == "ct_robin02"
    login = (await on.activities("portal_login"))[0]
    assert (login["metadata"]["method"], login["contact_id"]) == ("google", "ct_robin02")


async def test_a_company_without_access_is_not_offered(on: Stage) -> None:
    await on.patch("/api/contacts/ct_robin01", portal_access=0)
    browser = on.browser()
    answer = await on.sign_in_with_google(browser, "robin@parkadvisory.example")
    assert answer.status_code == 303
    assert await who(browser) == "ct_robin02"


@pytest.mark.parametrize(
    ("email", "contact_id"),
    [
        pytest.param("pat@acme.com", "ct_patdoy1", id="no access"),
        pytest.param("nadia@wayne.example", "ct_nadiar1", id="another product"),
        pytest.param("nobody@nowhere.example", None, id="unknown"),
        pytest.param("xjane@acme.com", None, id="longer in front"),
        pytest.param("jane@acme.com.evil.example", None, id="longer behind"),
        pytest.param("jane@acme.co", None, id="shorter"),
        pytest.param("jane+portal@acme.com", None, id="tagged"),
    ],
)
async def test_whoever_may_not_enter_is_told_which_account_it_was(
    on: Stage, email: str, contact_id: str | None
) -> None:
    browser = on.browser()
    answer = await on.sign_in_with_google(browser, email)
    await assert_refused(on, browser, answer, "no_access", NO_ACCESS)
    assert email in answer.text
    assert [refused["contact_id"] for refused in await refusals(on)] == [contact_id]


async def test_an_address_that_contains_janes_signs_in_as_itself(on: Stage) -> None:
    browser = on.browser()
    assert (await on.sign_in_with_google(browser, "mary-jane@acme.com")).status_code == 303
    assert await who(browser) == "ct_mjwats1"


async def test_the_case_of_an_address_does_not_matter(on: Stage) -> None:
    browser = on.browser()
    assert (await on.sign_in_with_google(browser, "JANE@Acme.COM")).status_code == 303
    assert await who(browser) == JANES_ID


@pytest.mark.parametrize(
    ("account", "contact"),
    [
        pytest.param("\u017fam@acme.com", "sam@acme.com", id="long s"),
        pytest.param("weiß@acme.com", "weiss@acme.com", id="sharp s"),
        pytest.param("sam@straße.example", "sam@strasse.example", id="another domain"),
        pytest.param("zoë@straße.example", "zoë@strasse.example", id="another, foreign in both"),
        pytest.param("sam@xn--strae-oqa.example", "sam@strasse.example", id="its ASCII form"),
    ],
)
async def test_an_address_that_is_alike_but_another_is_refused(
    on: Stage, account: str, contact: str
) -> None:
    await on.patch("/api/contacts/ct_def456", email=contact)
    browser = on.browser()
    answer = await on.sign_in_with_google(browser, account)
    await assert_refused(on, browser, answer, "no_access", NO_ACCESS)


async def test_access_counts_from_the_moment_it_is_given_and_until_it_is_taken(on: Stage) -> None:
    browser = on.browser()
    await on.patch("/api/contacts/ct_patdoy1", portal_access=1)
    assert (await on.sign_in_with_google(browser, "pat@acme.com")).status_code == 303
    await on.patch("/api/contacts/ct_patdoy1", portal_access=0)
    again = on.browser()
    answer = await on.sign_in_with_google(again, "pat@acme.com")
    await assert_refused(on, again, answer, "no_access", NO_ACCESS)


async def test_another_account_with_the_address_is_refused_and_the_first_still_works(
    on: Stage, log_lines: io.StringIO
) -> None:
    assert (await on.sign_in_with_google(on.browser(), JANE)).status_code == 303
    await on.misbehave("another_subject")
    heir = on.browser()
    for spelled in (JANE, "Jane@ACME.com"):
        answer = await on.sign_in_with_google(heir, spelled)
        await assert_refused(on, heir, answer, "another_subject", HANDED_ON)
    lines = logged(log_lines, "sign_in_refused")
    assert [(line["cause"], line["contact_id"]) for line in lines] == [
        ("another_subject", JANES_ID)
    ] * 2
    assert (await on.sign_in_with_google(heir, "sam@acme.com")).status_code == 303
    await on.misbehave("none")
    assert (await on.sign_in_with_google(on.browser(), JANE)).status_code == 303


async def test_an_account_is_remembered_for_longer_than_any_session(on: Stage) -> None:
    await on.sign_in_with_google(on.browser(), JANE)
    on.clock.forward(days=400)
    await on.misbehave("another_subject")
    browser = on.browser()
    answer = await on.sign_in_with_google(browser, JANE)
    await assert_refused(on, browser, answer, "another_subject", HANDED_ON)


async def test_an_account_that_was_refused_does_not_keep_the_address_from_its_owner(
    on: Stage,
) -> None:
    await on.misbehave("another_subject")
    assert (await on.sign_in_with_google(on.browser(), "pat@acme.com")).status_code == 403
    await on.misbehave("none")
    await on.patch("/api/contacts/ct_patdoy1", portal_access=1)
    assert (await on.sign_in_with_google(on.browser(), "pat@acme.com")).status_code == 303


async def test_whoever_signs_in_by_google_ends_the_session_that_was_there(on: Stage) -> None:
    browser, copy = await on.signed_in("sam@acme.com"), on.browser()
    copy.cookies.set("sm_client", browser.cookies["sm_client"])
    assert (await on.sign_in_with_google(browser, JANE)).status_code == 303
    assert await who(browser) == JANES_ID
    assert await who(copy) is None


async def test_a_refusal_leaves_the_session_that_was_there(on: Stage) -> None:
    browser = await on.signed_in("sam@acme.com")
    assert (await on.sign_in_with_google(browser, "pat@acme.com")).status_code == 403
    assert await who(browser) == "ct_def456"


async def test_asking_for_the_head_elsewhere_changes_nothing(on: Stage) -> None:
    browser, scanner = on.browser(), on.browser()
    back = await on.at_google(await to_google(browser), JANE)
    for looker in (scanner, browser, scanner):
        looked = await looker.head(back)
        assert (looked.status_code, looked.content) == (200, b"")
    assert list(scanner.cookies.keys()) == []
    assert _exchanges(on) == 0
    assert (await browser.get(back)).status_code == 303
    assert await who(browser) == JANES_ID


@pytest.mark.parametrize("path", [START, CALLBACK])
async def test_no_other_method_does_anything(on: Stage, path: str) -> None:
    browser = on.browser()
    back = await on.at_google(await to_google(browser), JANE)
    for method in ("POST", "PUT", "DELETE"):
        answer = await browser.request(method, back if path == CALLBACK else path)
        assert answer.status_code == 405
    assert (await browser.get(back)).status_code == 303


@pytest.mark.parametrize("path", [START, CALLBACK])
async def test_what_belongs_to_the_way_in_is_neither_kept_nor_named_to_others(
    on: Stage, path: str
) -> None:
    for answer in (await on.browser().get(path), await on.browser().get(f"{path}?code=x&state=y")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"


async def test_the_sign_in_page_offers_google_and_keeps_the_wanted_page(on: Stage) -> None:
    page = await on.browser().get("/auth/login", params={"redirect": "/invoices?status=open"})
    assert f'href="{START}?redirect=/invoices%3Fstatus%3Dopen"' in page.text


async def test_the_host_header_does_not_decide_where_google_sends_people_back_to(
    on: Stage,
) -> None:
    start = await on.browser(**{"X-Forwarded-Host": "evil.example"}).get(START)
    sent = httpx.URL(start.headers["location"])
    assert sent.params["redirect_uri"] == ORIGIN + CALLBACK


@pytest.mark.parametrize(
    "missing",
    [
        {"google_client_id": None, "google_client_secret": None},
        {"google_client_id": None},
        {"google_client_secret": None},
    ],
)
async def test_a_portal_without_google_has_neither_button_nor_route(
    missing: dict[str, Any],
) -> None:
    async with stage(**missing) as on:
        page = await on.browser().get("/auth/login")
        assert page.status_code == 200
        assert "Google" not in page.text
        assert START not in page.text
        for path in (START, CALLBACK, f"{CALLBACK}?code=x&state=x", f"/api{START}"):
            answer = await on.browser().get(path)
            assert answer.status_code == 404
            assert answer.headers.get_list("set-cookie") == []
        assert on.google_wire.calls == []
        assert (await on.sign_in(on.browser(), JANE)).status_code == 303


async def test_when_google_is_down_the_way_by_mail_is_offered_and_works(on: Stage) -> None:
    browser = on.browser()
    on.google_wire.fault = lambda _request: httpx.Response(502, text="<h1>Bad gateway</h1>")
    answer = await browser.get(START)
    assert answer.status_code == 503
    assert BY_MAIL in answer.text
    assert 'href="/auth/login"' in answer.text
    assert "Bad gateway" not in answer.text
    assert list(browser.cookies.keys()) == []
    assert (await on.sign_in(browser, JANE)).status_code == 303


@pytest.mark.parametrize("path", ["/openid-configuration", "/token", "/certs"])
async def test_the_log_says_what_of_google_is_down(
    on: Stage, path: str, log_lines: io.StringIO
) -> None:
    on.google_wire.fault = lambda request: (
        httpx.Response(500) if request.url.path.endswith(path) else None
    )
    browser = on.browser()
    answer = await browser.get(START)
    if answer.status_code == 302:
        answer = await browser.get(await on.at_google(answer, JANE))
    assert answer.status_code == 503
    what = "token endpoint" if path == "/token" else path
    assert what in log_lines.getvalue()
    assert "500" in log_lines.getvalue()


async def test_when_our_records_cannot_be_asked_nobody_is_signed_in(on: Stage) -> None:
    browser = on.browser()
    back = await on.at_google(await to_google(browser), JANE)
    on.wire.fault = lambda _request: httpx.Response(500)
    answer = await browser.get(back)
    assert answer.status_code == 503
    assert "cannot reach our records right now" in answer.text
    assert not is_signed_in(browser)
    on.wire.fault = None
    assert (await on.sign_in_with_google(browser, JANE)).status_code == 303


@pytest.mark.parametrize(
    "description", [{"a": 1}, ["x"], 5, True, None, ""], ids=lambda value: type(value).__name__
)
async def test_an_error_whose_description_is_no_text_is_a_refusal_like_any_other(
    on: Stage, description: Any
) -> None:
    browser = on.browser()
    refused = httpx.Response(400, json={"error": "odd", "error_description": description})
    on.google_wire.fault = lambda request: refused if request.url.path.endswith("/token") else None
    answer = await on.sign_in_with_google(browser, JANE)
    await assert_refused(on, browser, answer, "exchange_refused", UNTRUSTED)


def _exchanges(on: Stage) -> int:
    """How often a code was offered to Google."""
    return sum(call.url.path.endswith("/token") for call in on.google_wire.calls)
