"""The platform's session token: which ones are believed, and which never are."""

from __future__ import annotations

import base64
import json
import time
from hashlib import sha256 as digest_of
from secrets import token_urlsafe
from typing import Any

import pytest

from tests.blackbox.browser import Browser, query_of
from tests.blackbox.stand import NEWER_SESSION_SECRET, SECRETS, Person, Stand
from tests.blackbox.tokens import (
    HOUR,
    HS256,
    claims_of,
    decoded,
    encoded,
    forged,
    signature,
)

SECRET = SECRETS["SESSION_SECRET"]
NEVER = 10**12


def status_with(stand: Stand, token: str) -> int:
    """What `/auth/me` answers to a token: 200 signed in, 401 not, 403 not for this portal."""
    browser = stand.browser(session=token)
    page = browser.get("/account")
    status: int = browser.me().status_code
    assert page.status_code == {200: 200, 401: 302, 403: 403}[status]
    return status


def resigned(token: str, secret: str, digest: str = "sha256") -> str:
    """The same header and payload under another signature."""
    signed = token.rpartition(".")[0]
    return f"{signed}.{signature(signed, secret, digest)}"


def test_a_token_of_another_portal_signs_in(stand: Stand, person: Person) -> None:
    browser = stand.browser(session=stand.token(person))
    assert browser.get("/account").status_code == 200
    said = browser.me().json()
    assert (said["contact_id"], said["email"]) == (person.id, person.email)
    assert said["name"] == "Anna Example"


def test_a_token_whose_id_is_another_systems_signs_in_by_its_address(
    stand: Stand, person: Person
) -> None:
    token = stand.token(person, id="usr_0123456789abcdef", email=person.email.upper())
    assert stand.browser(session=token).me().json()["contact_id"] == person.id


def test_what_another_portal_says_of_role_and_company_is_not_believed(stand: Stand) -> None:
    person = stand.person(portal_role="client_viewer")
    token = stand.token(
        person, role="super_admin", portal_role="client_admin", company_id="co_globex1"
    )
    said = stand.browser(session=token).me().json()
    assert (said["portal_role"], said["company_id"]) == ("client_viewer", "co_abc123")


def test_an_id_whose_address_is_anothers_is_not_believed(stand: Stand, person: Person) -> None:
    assert status_with(stand, stand.token(person, email="nobody.at.all@acme.com")) == 403


def test_ours_has_the_platforms_header_and_claims_in_ascii(stand: Stand) -> None:
    person = stand.person(full_name="Zoë Łukasiewicz")
    header, payload, signed = stand.signed_in(person).session.split(".")
    assert decoded(header) == HS256
    assert base64.urlsafe_b64decode(payload + "==").isascii()
    claims = decoded(payload)
    assert claims.keys() == {"id", "email", "name", "avatar", "products", "iat", "exp", "jti"}
    assert (claims["id"], claims["name"]) == (person.id, "Zoë Łukasiewicz")
    assert claims["products"] == ["mode"]
    assert claims["exp"] - claims["iat"] == 7 * 24 * HOUR
    assert signed == signature(f"{header}.{payload}", SECRET)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None", "typ": "JWT"},
        {"alg": ""},
        {"alg": None},
        {"alg": ["HS256"]},
        {"typ": "JWT"},
        {"alg": "RS256", "typ": "JWT"},
        {"alg": "ES256", "typ": "JWT"},
        {"alg": "hs256", "typ": "JWT"},
        {**HS256, "jwk": {"kty": "oct", "k": encoded(SECRET.encode())}},
        {**HS256, "jku": "https://evil.example/jwks.json"},
        {**HS256, "x5u": "https://evil.example/cert.pem"},
        {**HS256, "crit": ["exp"]},
        {**HS256, "b64": False, "crit": ["b64"]},
        {**HS256, "zip": "DEF"},
        [],
        "HS256",
        b"not json",
    ],
    # Not the values: one of them is a secret, and another in each process.
    ids=lambda header: " ".join(header) if isinstance(header, dict) else type(header).__name__,
)
def test_another_algorithm_or_a_header_that_brings_its_key_is_refused(
    stand: Stand, person: Person, header: Any
) -> None:
    assert status_with(stand, forged(header, claims_of(person.id, person.email), SECRET)) == 401


def test_an_unsigned_token_is_refused(stand: Stand, person: Person) -> None:
    good = stand.token(person)
    header, payload, _ = good.split(".")
    none = encoded(json.dumps({"alg": "none", "typ": "JWT"}).encode())
    for token in (f"{none}.{payload}.", f"{header}.{payload}.", f"{none}.{payload}.x"):
        assert status_with(stand, token) == 401


@pytest.mark.parametrize(("name", "digest"), [("HS512", "sha512"), ("HS384", "sha384")])
def test_a_longer_hmac_with_the_right_secret_is_refused(
    stand: Stand, person: Person, name: str, digest: str
) -> None:
    claims = claims_of(person.id, person.email)
    for said in (name, "HS256"):
        assert status_with(stand, forged({"alg": said}, claims, SECRET, digest)) == 401


@pytest.mark.parametrize(
    "secret",
    ["", "secret", SECRET + "x", SECRET[:-1], NEWER_SESSION_SECRET],
    ids=["none", "a word", "one more", "one less", "another portal's"],
)
def test_another_secret_is_refused(stand: Stand, person: Person, secret: str) -> None:
    assert status_with(stand, resigned(stand.token(person), secret)) == 401


def test_every_tampered_part_is_refused(stand: Stand, person: Person) -> None:
    header, payload, signed = stand.token(person).split(".")
    claims = decoded(payload)
    other = encoded(json.dumps(claims | {"id": "ct_abc123", "email": "jane@acme.com"}).encode())
    flipped = ("A" if signed[0] != "A" else "B") + signed[1:]
    for token in (
        f"{header}.{other}.{signed}",
        f"{header}.{payload}.{flipped}",
        f"{header}.{payload}.{signed[:-2]}",
        f"{header}.{payload}.{signed}{signed}",
        f"{header}.{payload[:-1]}.{signed}",
    ):
        assert status_with(stand, token) == 401
    assert status_with(stand, f"{header}.{payload}.{signed}") == 200


def test_anything_but_three_segments_is_refused(stand: Stand, person: Person) -> None:
    good = stand.token(person)
    header, payload, signed = good.split(".")
    for token in (
        f"{header}.{payload}",
        f"{good}.",
        f".{good}",
        f"{good}.{signed}",
        f"{header}..{signed}",
        "..",
        "x",
        good + "A" * 5000,
    ):
        assert status_with(stand, token) == 401


@pytest.mark.parametrize(
    "expiry",
    ["missing", None, True, "text", [NEVER], {}, 0, -1, "past", NEVER * 10**9],
    ids=str,
)
def test_an_expiry_that_is_no_number_in_the_future_is_refused(
    stand: Stand, person: Person, expiry: Any
) -> None:
    claims = claims_of(person.id, person.email, exp=expiry)
    if expiry == "missing":
        del claims["exp"]
    elif expiry == "text":
        claims["exp"] = str(int(time.time()) + HOUR)
    elif expiry == "past":
        claims["exp"] = int(time.time()) - 1
    assert status_with(stand, forged(HS256, claims, SECRET)) == 401


@pytest.mark.parametrize("number", [b"1e400", b"Infinity", b"NaN", b"-1e400"])
def test_an_expiry_beyond_all_numbers_is_refused(
    stand: Stand, person: Person, number: bytes
) -> None:
    payload = json.dumps(claims_of(person.id, person.email, exp="EXP")).encode()
    token = forged(HS256, payload.replace(b'"EXP"', number), SECRET)
    assert status_with(stand, token) == 401


def test_an_expiry_with_a_fraction_counts(stand: Stand, person: Person) -> None:
    assert status_with(stand, stand.token(person, exp=time.time() + HOUR + 0.5)) == 200


@pytest.mark.parametrize(
    "products",
    [
        "mode",
        "modern,mode",
        {"mode": 1},
        None,
        True,
        [],
        ["signal"],
        ["Mode"],
        [["mode"]],
        ["mode "],
    ],
    ids=str,
)
def test_products_must_be_a_list_that_names_this_one(
    stand: Stand, person: Person, products: Any
) -> None:
    assert status_with(stand, stand.token(person, products=products)) == 403


def test_missing_products_open_nothing(stand: Stand, person: Person) -> None:
    claims = claims_of(person.id, person.email)
    del claims["products"]
    assert status_with(stand, forged(HS256, claims, SECRET)) == 403


def test_the_page_for_another_product_says_who_is_signed_in(stand: Stand, person: Person) -> None:
    browser = stand.browser(session=stand.token(person, products=["signal"]))
    page = browser.get("/")
    assert page.status_code == 403
    assert person.email in page.text
    said = browser.me()
    assert (said.json()["ok"], said.json()["reason"]) == (False, "not_authorized")


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"null", b'"x"', b"{}", b"{" * 1000, b'{"id":1,"email":2,"exp":3}']
)
def test_a_payload_that_is_no_session_is_refused(stand: Stand, payload: bytes) -> None:
    assert status_with(stand, forged(HS256, payload, SECRET)) == 401


def test_an_id_token_of_google_is_no_session(
    stand: Stand, browser: Browser, person: Person
) -> None:
    verifier = token_urlsafe(32)
    callback = f"{stand.main.origin}/auth/sso/google/callback"
    asked = stand.crm.build_request(
        "GET",
        "/google/auth",
        params={
            "client_id": SECRETS["GOOGLE_CLIENT_ID"],
            "redirect_uri": callback,
            "response_type": "code",
            "scope": "openid email profile",
            "state": "s",
            "nonce": "n",
            "code_challenge": encoded(digest_of(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        },
    )
    chosen = stand.crm.post(str(asked.url), data={"email": person.email})
    exchanged = stand.crm.post(
        "/google/token",
        data={
            "grant_type": "authorization_code",
            "code": query_of(chosen.headers["location"])["code"],
            "redirect_uri": callback,
            "code_verifier": verifier,
            "client_id": SECRETS["GOOGLE_CLIENT_ID"],
            "client_secret": SECRETS["GOOGLE_CLIENT_SECRET"],
        },
    )
    token = exchanged.json()["id_token"]
    stand.seen.note(token)
    assert status_with(stand, token) == 401


def test_the_cookies_on_the_way_in_are_no_sessions(
    stand: Stand, browser: Browser, person: Person
) -> None:
    stand.mailed(browser, person)
    stand.to_google(browser)
    assert len(browser.cookies) == 2
    for value in browser.cookies.values():
        assert status_with(stand, value) == 401


def test_production_accepts_the_secret_before_and_signs_with_the_first(
    stand: Stand, person: Person
) -> None:
    before = stand.browser(stand.production, session=stand.token(person))
    assert before.me().status_code == 200
    made = stand.signed_in(person, stand.production).session
    assert made == resigned(made, NEWER_SESSION_SECRET)
    third = resigned(stand.token(person), token_urlsafe(32))
    assert stand.browser(stand.production, session=third).me().status_code == 401


def test_each_sign_in_is_a_session_of_its_own(
    stand: Stand, browser: Browser, person: Person
) -> None:
    sessions = []
    for _ in range(3):
        assert stand.press(browser, stand.mailed(browser, person)).status_code == 303
        sessions.append(browser.session)
    assert len({decoded(session.split(".")[1])["jti"] for session in sessions}) == 3
    assert [status_with(stand, session) for session in sessions] == [401, 401, 200]


def test_a_session_that_an_attacker_planted_does_not_become_the_victims(
    stand: Stand, person: Person
) -> None:
    planted = stand.token(stand.person())
    victim = stand.browser(session=planted)
    assert stand.press(victim, stand.mailed(victim, person)).status_code == 303
    assert victim.session != planted
    assert victim.me().json()["contact_id"] == person.id
    assert status_with(stand, planted) == 401
