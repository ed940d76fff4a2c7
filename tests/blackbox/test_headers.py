"""The headers that protect every kind of answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import httpx2 as httpx
import pytest

from tests.blackbox.browser import Portal
from tests.blackbox.stand import Person, Stand

JSON: Final = {"Accept": "application/json"}


def _static(stand: Stand, portal: Portal, session: str) -> httpx.Response:
    page = stand.browser(portal).get("/auth/login").text
    found = re.search(r'<link rel="stylesheet" href="([^"]+)"', page)
    assert found
    return stand.browser(portal).get(found[1])


Ask = Callable[[Stand, Portal, str], httpx.Response]
ANSWERS: Final[dict[str, tuple[int, Ask]]] = {
    "sign-in page": (200, lambda s, p, t: s.browser(p).get("/auth/login")),
    "page": (200, lambda s, p, t: s.browser(p, t).get("/")),
    "head of a page": (200, lambda s, p, t: s.browser(p, t).request("HEAD", "/")),
    "JSON": (200, lambda s, p, t: s.browser(p, t).me()),
    "JSON list": (200, lambda s, p, t: s.browser(p, t).get("/api/engagements")),
    "JSON error": (401, lambda s, p, t: s.browser(p).me()),
    "redirect to sign in": (302, lambda s, p, t: s.browser(p).get("/invoices")),
    "redirect after a form": (303, lambda s, p, t: s.browser(p).post("/auth/logout")),
    "static file": (200, _static),
    "static file that is not there": (404, lambda s, p, t: s.browser(p).get("/static/x.css")),
    "page that is not there": (404, lambda s, p, t: s.browser(p, t).get("/no/such/page")),
    "not for this product": (403, lambda s, p, t: s.browser(p, t).get("/staff")),
    "another site": (
        403,
        lambda s, p, t: s.browser(p).post("/auth/magic", headers={"Sec-Fetch-Site": "cross-site"}),
    ),
    "wrong method": (405, lambda s, p, t: s.browser(p).request("PUT", "/auth/login")),
    "other host": (400, lambda s, p, t: s.browser(p).get("/", headers={"Host": "evil.example"})),
    "dead link": (410, lambda s, p, t: s.browser(p).get("/auth/magic/verify?token=x")),
    "bad input": (422, lambda s, p, t: s.browser(p).post("/auth/magic", {"email": "x"})),
    "too large": (
        413,
        lambda s, p, t: s.browser(p).post("/auth/magic", {"email": "x" * 70_000}),
    ),
    "wrong kind": (
        415,
        lambda s, p, t: s.browser(p).request(
            "POST", "/auth/magic", content=b"x", headers={"Content-Type": "text/plain"}
        ),
    ),
    "probe": (200, lambda s, p, t: s.browser(p).get("/healthz")),
}


def answer_of(stand: Stand, portal: Portal, person: Person, kind: str) -> httpx.Response:
    status, ask = ANSWERS[kind]
    answer = ask(stand, portal, stand.token(person))
    assert answer.status_code == status
    return answer


@pytest.mark.parametrize("kind", ANSWERS)
def test_every_answer_is_protected(stand: Stand, person: Person, kind: str) -> None:
    for portal in (stand.main, stand.production):
        headers = answer_of(stand, portal, person, kind).headers
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "*" not in policy
        assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(
            policy.split("; ")
        )
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "camera=()" in headers["permissions-policy"]
        assert headers["referrer-policy"] in ("no-referrer", "same-origin")
        assert "x-request-id" in headers
        assert "server" not in headers
        hsts = headers.get("strict-transport-security", "")
        assert hsts.startswith("max-age=63072000") is (portal is stand.production)
        for name in ("content-security-policy", "referrer-policy", "cache-control"):
            assert len(headers.get_list(name)) == 1


@pytest.mark.parametrize(
    "kind",
    ["sign-in page", "JSON", "JSON error", "redirect after a form", "dead link", "bad input"],
)
def test_what_belongs_to_signing_in_is_neither_kept_nor_named_elsewhere(
    stand: Stand, person: Person, kind: str
) -> None:
    headers = answer_of(stand, stand.main, person, kind).headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_links_page_is_neither_kept_nor_named_elsewhere(stand: Stand, person: Person) -> None:
    browser = stand.browser()
    letter = stand.mailed(browser, person)
    answers = [
        browser.get(letter.link),
        browser.get("/auth/check-mail"),
        stand.press(stand.browser(), letter),
        stand.press(browser, letter),
        browser.get(f"/api{letter.link}"),
        browser.get("/auth/sso/google"),
        browser.get("/auth/sso/google/callback?code=x&state=y"),
    ]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_page_behind_sign_in_is_not_kept_by_others(stand: Stand, person: Person) -> None:
    for path in ("/", "/invoices", "/account"):
        answer = stand.browser(session=stand.token(person)).get(path)
        assert answer.status_code == 200
        assert {"private", "no-cache"} <= set(answer.headers["cache-control"].split(", ")) or (
            answer.headers["cache-control"] == "no-store"
        )


def test_the_only_inline_script_is_the_one_the_policy_names(stand: Stand, person: Person) -> None:
    answer = stand.browser(session=stand.token(person)).get("/")
    inline = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", answer.text)
    assert inline == ['<script type="importmap">']
    assert len(re.findall(r"'sha256-", answer.headers["content-security-policy"])) == 1
    assert re.search(r"<[^>]+\son[a-z]+\s*=", answer.text) is None
    assert re.search(r"<[^>]+\sstyle\s*=", answer.text) is None


def test_signing_out_clears_the_pages_that_were_kept(stand: Stand, person: Person) -> None:
    answer = stand.browser(session=stand.token(person)).post("/auth/logout")
    assert answer.headers["clear-site-data"] == '"cache"'


def test_another_origin_is_never_allowed_to_read(stand: Stand, person: Person) -> None:
    browser = stand.browser(session=stand.token(person), Origin="https://evil.example")
    for path in ("/auth/me", "/api/engagements", "/"):
        answer = browser.get(path)
        assert not [name for name in answer.headers if name.startswith("access-control-")]
