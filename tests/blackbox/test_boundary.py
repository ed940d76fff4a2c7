"""What is turned away before any page is asked: other sites, other hosts, large bodies."""

from __future__ import annotations

import re

import pytest

from tests.blackbox.browser import Browser, set_cookies, status_of
from tests.blackbox.stand import Person, Stand

UNSAFE = [
    ("POST", "/auth/magic"),
    ("POST", "/api/auth/magic"),
    ("POST", "/auth/magic/verify"),
    ("POST", "/auth/verify-code"),
    ("POST", "/auth/choose-company"),
    ("POST", "/auth/logout"),
    ("POST", "/api/auth/logout"),
    ("POST", "/auth/logout-everywhere"),
    ("POST", "/account/end-sign-in"),
    ("POST", "/api/activities"),
    ("POST", "/api/companies"),
    ("PATCH", "/api/profile"),
    ("PATCH", "/api/contacts/ct_abc123"),
    ("PUT", "/"),
    ("DELETE", "/invoices"),
    ("POST", "/no/such/page"),
]
OTHER_SITES = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "cross-site", "Origin": "OURS"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "OURS.evil.example"},
    {"Origin": ""},
]
ELSEWHERE = [
    "",
    "invoices",
    "//evil.example",
    "//evil.example/invoices",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%5cevil.example",
    "/%255cevil.example",
    "/%09/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/%2f/evil.example",
    "/%2fevil.example",
    "https:evil.example",
    "https://evil.example",
    "HTTPS://evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/invoices\r\nSet-Cookie: x=1",
    "/invoices%0d%0aSet-Cookie:%20x=1",
    "/invoices\x00",
    "/invoices\x7f",
    "/invoices\u2028",
    "/../auth/logout",
    "/./auth/logout",
    "/auth/logout",
    "/auth/logout?x=1",
    "/AUTH/../auth/logout",
    "/auth",
    "/api/auth/logout",
    "/%61uth/logout",
    " /invoices",
    "/" + "x" * 3000,
    "?x=1",
    "#x",
    "@evil.example",
    ".evil.example",
]
HERE = ["/", "/invoices", "/invoices?status=open&page=2", "/engagements/eng_1#top", "/authors"]


def send(browser: Browser, method: str, path: str, headers: dict[str, str]) -> int:
    """The status of a request that carries these alone of the two headers that tell whence."""
    portal = browser.portal
    sent = {"Host": portal.host, "Content-Type": "application/x-www-form-urlencoded", **headers}
    if browser.session:
        sent["Cookie"] = f"sm_client={browser.session}"
    lines = "".join(
        f"{name}: {value.replace('OURS', portal.origin)}\r\n" for name, value in sent.items()
    )
    body = "email=jane%40acme.com"
    request = f"{method} {path} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n"
    answer = portal.raw(f"{request}Connection: close\r\n\r\n{body}".encode())
    assert b"sm_client=ey" not in answer
    return status_of(answer)


@pytest.mark.parametrize(("method", "path"), UNSAFE, ids=lambda part: str(part))
def test_an_unsafe_request_of_another_site_is_refused_signed_in_or_not(
    stand: Stand, person: Person, method: str, path: str
) -> None:
    for browser in (stand.browser(), stand.browser(session=stand.token(person))):
        for headers in OTHER_SITES:
            assert send(browser, method, path, headers) == 403, headers
    assert stand.browser(session=stand.token(person)).me().status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "OURS"},
        {},
    ],
    ids=str,
)
def test_our_own_pages_and_programs_without_cookies_pass(
    stand: Stand, browser: Browser, headers: dict[str, str]
) -> None:
    assert send(browser, "POST", "/auth/magic", headers) == 303
    assert send(browser, "POST", "/auth/logout", headers) == 303


def test_in_production_only_its_own_origin_passes(stand: Stand) -> None:
    browser = stand.browser(stand.production)
    assert send(browser, "POST", "/auth/logout", {"Origin": "OURS"}) == 303
    for origin in ("http://mode.portal.example", "https://other.portal.example"):
        assert send(browser, "POST", "/auth/logout", {"Origin": origin}) == 403


def test_a_safe_request_of_another_site_is_answered(stand: Stand, person: Person) -> None:
    browser = stand.browser(session=stand.token(person), Sec_Fetch_Site="cross-site")
    assert browser.get("/").status_code == 200


# Where people are sent to


@pytest.mark.parametrize("wanted", ELSEWHERE, ids=lambda wanted: repr(wanted)[:40])
def test_a_redirect_to_anywhere_else_falls_back_to_the_start_page(
    stand: Stand, person: Person, wanted: str
) -> None:
    signed_in = stand.browser(session=stand.token(person))
    answer = signed_in.get("/auth/login", params={"redirect": wanted})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    page = stand.browser().get("/auth/login", params={"redirect": wanted}).text
    assert re.findall(r'name="redirect" value="([^"]*)"', page) == ["/"]


@pytest.mark.parametrize("wanted", HERE)
def test_a_redirect_to_a_page_of_ours_is_kept(stand: Stand, person: Person, wanted: str) -> None:
    signed_in = stand.browser(session=stand.token(person))
    answer = signed_in.get("/auth/login", params={"redirect": wanted})
    assert (answer.status_code, answer.headers["location"]) == (303, wanted)


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "/\\evil.example", "https:evil.example", "/auth/logout", "/\x01"]
)
def test_a_redirect_elsewhere_does_not_survive_the_mail(
    stand: Stand, browser: Browser, person: Person, wanted: str
) -> None:
    answer = stand.press(browser, stand.mailed(browser, person, wanted))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    "path",
    ["/auth/magic/verify/?token=x", "/auth/login/", "/invoices/", "/static/", "//evil.example/"],
)
def test_a_path_that_is_nearly_right_leads_to_no_other_origin_or_scheme(
    stand: Stand, person: Person, path: str
) -> None:
    session = stand.token(person)
    for portal in (stand.main, stand.production):
        sent = (
            f"GET {path} HTTP/1.1\r\nHost: {portal.host}\r\nCookie: sm_client={session}\r\n"
            "Connection: close\r\n\r\n"
        )
        head = portal.raw(sent.encode()).partition(b"\r\n\r\n")[0].decode()
        (location,) = re.findall(r"\r\nlocation: (\S*)", head) or ["/"]
        assert re.match(rf"/(?![/\\])|{re.escape(portal.origin)}/", location), location


# Hosts


@pytest.mark.parametrize(
    "lines",
    [
        "Host: evil.example\r\n",
        "Host: OURS.evil.example\r\n",
        "Host: OURS@evil.example\r\n",
        "Host: OURS\r\nHost: evil.example\r\n",
        "Host: evil.example\r\nHost: OURS\r\n",
        "Host: OURS, evil.example\r\n",
        "Host: \r\n",
        "Host: OURS:99\r\n",
        "",
        "Host: evil.example\r\nX-Forwarded-Host: OURS\r\n",
        "Host: evil.example\r\nForwarded: host=OURS\r\n",
    ],
)
def test_another_host_is_refused(stand: Stand, lines: str) -> None:
    for portal in (stand.main, stand.production):
        named = lines.replace("OURS", portal.host)
        answer = portal.raw(
            f"GET /auth/login HTTP/1.1\r\n{named}Connection: close\r\n\r\n".encode()
        )
        assert status_of(answer) == 400
        assert b"evil.example" not in answer


def test_the_hosts_own_name_is_read_without_regard_to_case(stand: Stand) -> None:
    sent = f"GET /auth/login HTTP/1.1\r\nHost: {stand.production.host.upper()}\r\n"
    assert status_of(stand.production.raw(f"{sent}Connection: close\r\n\r\n".encode())) == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_may_use_any_name(stand: Stand, path: str) -> None:
    sent = f"GET {path} HTTP/1.1\r\nHost: 10.0.0.7\r\nConnection: close\r\n\r\n"
    assert status_of(stand.production.raw(sent.encode())) == 200


# Bodies

LIMIT = 64 * 1024
FORM = "Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\n"


def posted(stand: Stand, path: str, length: str, body: bytes) -> int:
    head = f"POST {path} HTTP/1.1\r\nHost: {stand.main.host}\r\n{FORM}{length}Connection: close"
    return status_of(stand.main.raw(f"{head}\r\n\r\n".encode() + body))


@pytest.mark.parametrize("path", ["/auth/magic", "/auth/magic/verify", "/auth/verify-code"])
def test_a_body_over_the_limit_is_refused(stand: Stand, path: str) -> None:
    body = b"email=" + b"x" * (LIMIT - 5)
    assert posted(stand, path, f"Content-Length: {len(body)}\r\n", body) == 413


def test_a_body_at_the_limit_is_read(stand: Stand) -> None:
    body = b"email=" + b"x" * (LIMIT - 6)
    assert posted(stand, "/auth/magic", f"Content-Length: {len(body)}\r\n", body) == 422


def test_a_body_is_refused_by_its_announcement_alone(stand: Stand) -> None:
    for announced in (LIMIT + 1, 10**12, 10**18):
        assert posted(stand, "/auth/magic", f"Content-Length: {announced}\r\n", b"email=x") == 413


def test_a_body_over_the_limit_is_refused_unannounced_too(stand: Stand) -> None:
    piece = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    body = piece * (LIMIT // 0x1000 + 1) + b"0\r\n\r\n"
    assert posted(stand, "/auth/magic", "Transfer-Encoding: chunked\r\n", body) == 413


@pytest.mark.parametrize(
    "lines",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
    ],
)
def test_two_lengths_are_refused(stand: Stand, lines: str) -> None:
    assert posted(stand, "/auth/magic", lines, b"0\r\n\r\n") == 400


@pytest.mark.parametrize("number", ["-1", "1e3", "+5", "5, 6", "9" * 40])
def test_an_announcement_that_is_no_number_is_refused(stand: Stand, number: str) -> None:
    status = posted(stand, "/auth/magic", f"Content-Length: {number}\r\n", b"email")
    assert status in (400, 413)


@pytest.mark.parametrize("name", ["X-Test", "Cookie", "User-Agent", "X-Request-Id"])
def test_control_characters_in_a_header_never_come_back(stand: Stand, name: str) -> None:
    for value in (b"abc\x00def12345", b"abc\x01def12345", b"abc\x7fdef12345", b"abc\rX-Evil: 1"):
        answer = stand.main.raw(
            b"GET /auth/login HTTP/1.1\r\nHost: "
            + stand.main.host.encode()
            + b"\r\n"
            + name.encode()
            + b": "
            + value
            + b"\r\nConnection: close\r\n\r\n"
        )
        assert status_of(answer) in (200, 400)
        assert b"\r\nX-Evil" not in answer
        assert value not in answer


def test_a_form_with_too_many_fields_is_refused(browser: Browser) -> None:
    fields = {f"field{number}": "x" for number in range(200)}
    assert browser.post("/auth/magic", fields).status_code in (400, 413, 422)


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{", 422),
        ("application/json", b"[]", 422),
        ("application/json", b"[" * 10_000, 422),
        ("application/json", b'{"email": ["jane@acme.com"]}', 422),
        ("application/json", b'{"email": {"a": 1}}', 422),
        ("application/json", b"\xff", 422),
        ("text/plain", b"email=jane@acme.com", 415),
        ("application/xml", b"<email/>", 415),
        ("multipart/form-data; boundary=x", b"rubbish", 400),
        ("multipart/form-data", b"rubbish", 400),
    ],
)
def test_a_body_of_the_wrong_kind_is_refused(
    browser: Browser, content_type: str, body: bytes, status: int
) -> None:
    answer = browser.request(
        "POST", "/auth/magic", content=body, headers={"Content-Type": content_type}
    )
    assert answer.status_code == status
    assert set_cookies(answer) == []
