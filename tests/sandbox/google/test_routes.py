"""The Google stand-in over HTTP, as a relying party and a person meet it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

import httpx2 as httpx
import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey
from starlette.applications import Starlette

from portal.sandbox.app import create_sandbox
from portal.sandbox.demo import DEMO_PEOPLE
from portal.sandbox.google.codes import s256
from portal.sandbox.google.keys import SigningKeys
from portal.sandbox.google.misbehaviour import Misbehaviour
from portal.sandbox.google.tables import CODES
from portal.sandbox.store import Store
from tests.sandbox.auth.setup import HUB, ORIGIN, PORTAL, SIBLING, google_of, query_of
from tests.sandbox.setup import Clock, refused

CLIENT = ("portal-client", "portal-client-secret")
CALLBACK = f"{PORTAL}/auth/sso/google/callback"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-x"
ASKED = {
    "client_id": CLIENT[0],
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "openid email profile",
    "state": "the state",
    "nonce": "the-nonce",
    "code_challenge": s256(VERIFIER),
    "code_challenge_method": "S256",
}


async def code_for(browser: httpx.AsyncClient, email: str = "jane@acme.com", **asked: str) -> str:
    """Ask, choose the account; the code that comes back."""
    query = {name: value for name, value in {**ASKED, **asked}.items() if value}
    chosen = await browser.post("/google/auth", params=query, data={"email": email})
    assert chosen.status_code == 303, chosen.text
    return query_of(chosen.headers["Location"])["code"]


async def exchange(browser: httpx.AsyncClient, code: str, /, **form: str) -> httpx.Response:
    sent = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "client_id": CLIENT[0],
        "client_secret": CLIENT[1],
        "code_verifier": VERIFIER,
        **form,
    }
    return await browser.post("/google/token", data={k: v for k, v in sent.items() if v})


async def published(browser: httpx.AsyncClient) -> KeySet:
    keys = (await browser.get("/google/certs")).json()
    return KeySet.import_key_set(keys)


async def claims_for(browser: httpx.AsyncClient, email: str = "jane@acme.com") -> dict[str, Any]:
    """The claims of a token that the published keys verify."""
    answer = await exchange(browser, await code_for(browser, email))
    assert answer.status_code == 200, answer.text
    token = answer.json()["id_token"]
    return dict(jwt.decode(token, await published(browser), algorithms=["RS256"]).claims)


async def misbehave(browser: httpx.AsyncClient, mode: Misbehaviour) -> None:
    answer = await browser.post("/google/misbehave", json={"mode": mode.value})
    assert answer.json()["data"]["mode"] == mode


async def test_the_discovery_document_names_reachable_endpoints(
    browser: httpx.AsyncClient,
) -> None:
    found = (await browser.get("/google/.well-known/openid-configuration")).json()
    assert found["issuer"] == f"{ORIGIN}/google"
    assert (await browser.get(found["jwks_uri"])).status_code == 200
    assert (await browser.get(found["authorization_endpoint"], params=ASKED)).status_code == 200
    refusal = await browser.post(found["token_endpoint"], data={"grant_type": "x"})
    assert refusal.json()["error"] == "invalid_client"
    assert found["id_token_signing_alg_values_supported"] == ["RS256"]
    assert found["code_challenge_methods_supported"] == ["S256"]


async def test_every_account_is_a_button_named_by_its_address(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/google/auth", params=ASKED)
    names = re.findall(r'<button class="account" [^>]*aria-label="([^"]+)"', page.text)
    assert names == [person.email for person in DEMO_PEOPLE]
    assert re.search(r'<label for="email">Another address</label>', page.text)
    assert re.search(r'<button class="quiet" name="cancel"[^>]*>Cancel</button>', page.text)


async def test_the_chooser_may_lead_to_the_portals_and_nowhere_else(
    browser: httpx.AsyncClient,
) -> None:
    policy = (await browser.get("/google/auth", params=ASKED)).headers["Content-Security-Policy"]
    form_action = re.search(r"form-action ([^;]*)", policy)
    assert form_action
    assert set(form_action[1].split()) == {"'self'", ORIGIN, PORTAL, SIBLING}


async def test_a_choice_comes_back_with_code_and_state(browser: httpx.AsyncClient) -> None:
    chosen = await browser.post("/google/auth", params=ASKED, data={"email": "jane@acme.com"})
    location = chosen.headers["Location"]
    assert location.startswith(f"{CALLBACK}?")
    assert query_of(location)["state"] == "the state"


async def test_cancelling_comes_back_as_access_denied(browser: httpx.AsyncClient) -> None:
    cancelled = await browser.post("/google/auth", params=ASKED, data={"cancel": "1"})
    query = query_of(cancelled.headers["Location"])
    assert (query["error"], query["state"]) == ("access_denied", "the state")
    assert "code" not in query


@pytest.mark.parametrize("email", ["", "x", "a b@c.d", "x" * 300 + "@a.b"])
async def test_what_is_no_address_is_asked_again(browser: httpx.AsyncClient, email: str) -> None:
    page = await browser.post("/google/auth", params=ASKED, data={"email": email})
    assert page.status_code in (200, 422)
    assert "Choose an account" in page.text


async def test_any_other_address_is_an_account_too(browser: httpx.AsyncClient) -> None:
    claims = await claims_for(browser, "some.body@else.example")
    assert (claims["email"], claims["name"]) == ("some.body@else.example", "Some Body")


async def test_the_token_says_who_for_whom_and_how_long(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    claims = await claims_for(browser)
    now = int(clock().timestamp())
    assert claims.pop("sub").isdigit()
    assert claims == {
        "iss": f"{ORIGIN}/google",
        "aud": CLIENT[0],
        "azp": CLIENT[0],
        "email": "jane@acme.com",
        "email_verified": True,
        "name": "Jane Smith",
        "nonce": "the-nonce",
        "iat": now,
        "exp": now + 3600,
    }


async def test_the_workspace_is_named_for_staff_alone(browser: httpx.AsyncClient) -> None:
    assert (await claims_for(browser, "ava@sprintmode.ai"))["hd"] == "sprintmode.ai"
    for email in ("jane@acme.com", "ava@sprintmode.ai.evil.example", "ava@notsprintmode.ai"):
        assert "hd" not in await claims_for(browser, email)


async def test_the_subject_stays_with_the_address(browser: httpx.AsyncClient) -> None:
    first = await claims_for(browser, "jane@acme.com")
    assert (await claims_for(browser, "Jane@ACME.com"))["sub"] == first["sub"]
    assert (await claims_for(browser, "sam@acme.com"))["sub"] != first["sub"]


@pytest.mark.parametrize("origin", [PORTAL, SIBLING, ORIGIN])
async def test_the_portals_callbacks_are_allowed(browser: httpx.AsyncClient, origin: str) -> None:
    asked = ASKED | {"redirect_uri": f"{origin}/auth/sso/google/callback"}
    assert (await browser.get("/google/auth", params=asked)).status_code == 200


@pytest.mark.parametrize(
    "redirect",
    [
        "",
        "https://evil.example/auth/sso/google/callback",
        f"{PORTAL}/",
        f"{CALLBACK}/",
        f"{CALLBACK}?a=b",
        f"{PORTAL}.evil.example/auth/sso/google/callback",
    ],
)
async def test_no_other_address_is_redirected_to(browser: httpx.AsyncClient, redirect: str) -> None:
    for method in ("GET", "POST"):
        answer = await browser.request(
            method, "/google/auth", params=ASKED | {"redirect_uri": redirect}
        )
        assert answer.status_code == 400
        assert "redirect_uri_mismatch" in answer.text


@pytest.mark.parametrize("client_id", ["", "another-client"])
async def test_an_unknown_client_is_told_so(browser: httpx.AsyncClient, client_id: str) -> None:
    answer = await browser.get("/google/auth", params=ASKED | {"client_id": client_id})
    assert answer.status_code == 400
    assert "invalid_client" in answer.text


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "email"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
    ],
)
async def test_what_the_client_got_wrong_comes_back_to_it(
    browser: httpx.AsyncClient, wrong: dict[str, str], error: str
) -> None:
    answer = await browser.get("/google/auth", params=ASKED | wrong)
    query = query_of(answer.headers["Location"])
    assert (answer.status_code, query["error"], query["state"]) == (303, error, "the state")


async def test_a_code_is_exchanged_once(browser: httpx.AsyncClient) -> None:
    code = await code_for(browser)
    first = await exchange(browser, code)
    assert first.status_code == 200
    assert first.headers["Cache-Control"] == "no-store"
    assert first.json()["token_type"] == "Bearer"
    again = await exchange(browser, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


async def test_a_code_ends_after_a_minute(browser: httpx.AsyncClient, clock: Clock) -> None:
    in_time, too_late = await code_for(browser), await code_for(browser)
    clock.advance(seconds=59)
    assert (await exchange(browser, in_time)).status_code == 200
    clock.advance(seconds=1)
    assert (await exchange(browser, too_late)).status_code == 400


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"client_id": "another"}, 401, "invalid_client"),
        ({"client_id": "sm-api.sandbox"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"redirect_uri": f"{SIBLING}/auth/sso/google/callback"}, 400, "invalid_grant"),
        ({"code_verifier": VERIFIER + "x"}, 400, "invalid_grant"),
        ({"code_verifier": ""}, 400, "invalid_grant"),
        ({"code": "4/guessed"}, 400, "invalid_grant"),
    ],
)
async def test_an_exchange_that_does_not_fit_is_refused(
    browser: httpx.AsyncClient, form: dict[str, str], status: int, error: str
) -> None:
    answer = await exchange(browser, await code_for(browser), **form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert "id_token" not in answer.json()


async def test_a_verifier_without_a_challenge_is_refused(browser: httpx.AsyncClient) -> None:
    none = {"code_challenge": "", "code_challenge_method": ""}
    refusal = await exchange(browser, await code_for(browser, **none))
    assert refusal.json()["error"] == "invalid_grant"
    plain = await exchange(browser, await code_for(browser, **none), code_verifier="")
    assert plain.status_code == 200


async def test_a_client_may_name_itself_by_basic(browser: httpx.AsyncClient) -> None:
    async def by_basic(credentials: bytes) -> int:
        form = {
            "grant_type": "authorization_code",
            "code": await code_for(browser),
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        headers = {"Authorization": f"Basic {b64encode(credentials).decode()}"}
        return (await browser.post("/google/token", data=form, headers=headers)).status_code

    assert await by_basic(f"{CLIENT[0]}:{quote_plus(CLIENT[1])}".encode()) == 200
    assert await by_basic(f"{CLIENT[0]}:wrong".encode()) == 401
    assert await by_basic(b"no-colon") == 401
    assert await by_basic(b"\xff\xfe") == 401


async def test_without_a_configured_client_any_is_taken(demo_store: Store, clock: Clock) -> None:
    config = replace(HUB, google_client_id="", google_client_secret="")
    app = create_sandbox(config, demo_store, clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as browser:
        code = await code_for(browser, client_id="whoever")
        answer = await exchange(browser, code, client_id="whoever", client_secret="whatever")
        assert answer.status_code == 200
        code = await code_for(browser, client_id="whoever")
        other = await exchange(browser, code, client_id="somebody", client_secret="whatever")
        assert other.json()["error"] == "invalid_grant"


async def test_codes_are_kept_as_hashes(browser: httpx.AsyncClient, demo_store: Store) -> None:
    code = await code_for(browser)
    with demo_store.reading() as connection:
        assert code not in str(connection.execute(CODES.select()).all())


async def test_keys_outlive_a_restart(demo_store: Store, clock: Clock) -> None:
    kids = []
    for _ in range(2):
        app = create_sandbox(HUB, demo_store, clock)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=ORIGIN
        ) as browser:
            kids.append([key.kid for key in (await published(browser)).keys])
    assert kids[0] == kids[1]
    assert len(kids[0]) == 1


async def test_keys_are_rotated_on_request(browser: httpx.AsyncClient, hub: Starlette) -> None:
    google = google_of(hub)
    google.keys = SigningKeys(hub.state.store)
    before = await claims_for(browser)
    old = (await browser.get("/google/certs")).json()["keys"]
    rotated = (await browser.post("/google/rotate")).json()["data"]["kid"]
    now = (await browser.get("/google/certs")).json()["keys"]
    assert [key["kid"] for key in now] == [rotated, old[0]["kid"]]
    assert await claims_for(browser) == before
    await browser.post("/google/rotate")
    assert old[0] not in (await browser.get("/google/certs")).json()["keys"]


async def test_only_the_public_half_of_a_key_is_published(browser: httpx.AsyncClient) -> None:
    for key in (await browser.get("/google/certs")).json()["keys"]:
        assert set(key) == {"kty", "n", "e", "use", "alg", "kid"}


WRONG: dict[Misbehaviour, Callable[[dict[str, Any], float], bool]] = {
    Misbehaviour.NONE: lambda c, _: c["email_verified"] is True,
    Misbehaviour.WRONG_ISSUER: lambda c, _: c["iss"] == "https://accounts.evil.example",
    Misbehaviour.WRONG_AUDIENCE: lambda c, _: c["aud"] != CLIENT[0] == c["azp"],
    Misbehaviour.EXPIRED: lambda c, now: c["exp"] < now - 600,
    Misbehaviour.NOT_YET_VALID: lambda c, now: c["nbf"] == c["iat"] > now + 600,
    Misbehaviour.EMAIL_UNVERIFIED: lambda c, _: c["email_verified"] is False,
    Misbehaviour.EMAIL_VERIFIED_MISSING: lambda c, _: "email_verified" not in c,
    Misbehaviour.EMAIL_VERIFIED_TEXT: lambda c, _: c["email_verified"] == "true",
    Misbehaviour.WRONG_NONCE: lambda c, _: c["nonce"] != "the-nonce",
    Misbehaviour.MISSING_NONCE: lambda c, _: "nonce" not in c,
    Misbehaviour.MISSING_EMAIL: lambda c, _: "email" not in c,
    Misbehaviour.ROTATED_KEY: lambda c, _: c["email"] == "jane@acme.com",
}


@pytest.mark.parametrize("mode", WRONG)
async def test_one_claim_is_wrong_and_the_signature_right(
    browser: httpx.AsyncClient, hub: Starlette, clock: Clock, mode: Misbehaviour
) -> None:
    if mode is Misbehaviour.ROTATED_KEY:
        google_of(hub).keys = SigningKeys(hub.state.store)
    await misbehave(browser, mode)
    before = {key.kid for key in (await published(browser)).keys}
    assert WRONG[mode](await claims_for(browser), clock().timestamp())
    after = {key.kid for key in (await published(browser)).keys}
    assert (before != after) is (mode is Misbehaviour.ROTATED_KEY)


async def test_another_subject_comes_with_the_same_address(browser: httpx.AsyncClient) -> None:
    first = await claims_for(browser)
    await misbehave(browser, Misbehaviour.ANOTHER_SUBJECT)
    second, third = await claims_for(browser), await claims_for(browser)
    assert first["sub"] != second["sub"] == third["sub"]
    assert first["email"] == second["email"]


@pytest.mark.parametrize(
    "mode",
    [Misbehaviour.ALG_NONE, Misbehaviour.HS256_CLIENT_SECRET, Misbehaviour.UNKNOWN_KEY],
)
async def test_the_published_keys_do_not_verify_a_token_signed_otherwise(
    browser: httpx.AsyncClient, mode: Misbehaviour
) -> None:
    await misbehave(browser, mode)
    token = (await exchange(browser, await code_for(browser))).json()["id_token"]
    keys = await published(browser)
    with pytest.raises((JoseError, ValueError)):
        jwt.decode(token, keys, algorithms=["RS256"])
    if mode is Misbehaviour.HS256_CLIENT_SECRET:
        secret = OctKey.import_key(CLIENT[1])
        assert jwt.decode(token, secret, algorithms=["HS256"]).claims["aud"] == CLIENT[0]
    if mode is Misbehaviour.ALG_NONE:
        assert token.endswith(".")


async def test_the_answers_themselves_can_be_wrong(browser: httpx.AsyncClient) -> None:
    await misbehave(browser, Misbehaviour.MISSING_ID_TOKEN)
    answer = await exchange(browser, await code_for(browser))
    assert answer.status_code == 200
    assert "access_token" in answer.json()
    assert "id_token" not in answer.json()
    await misbehave(browser, Misbehaviour.MARKUP_IN_TOKEN_ERROR)
    answer = await exchange(browser, await code_for(browser))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "<script>" in answer.json()["error_description"]
    await misbehave(browser, Misbehaviour.HTTP_500)
    answer = await exchange(browser, await code_for(browser))
    assert answer.status_code == 500
    assert answer.headers["Content-Type"].startswith("text/html")
    await misbehave(browser, Misbehaviour.MARKUP_IN_REDIRECT)
    chosen = await browser.post("/google/auth", params=ASKED, data={"email": "jane@acme.com"})
    assert "<script>" in query_of(chosen.headers["Location"])["error_description"]


async def test_slow_answers_rightly_after_the_seconds_asked_for(
    browser: httpx.AsyncClient, hub: Starlette
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    google_of(hub)._sleep = sleep
    await browser.post("/google/misbehave", json={"mode": "slow", "seconds": 7.5})
    assert (await claims_for(browser))["email"] == "jane@acme.com"
    await misbehave(browser, Misbehaviour.NONE)
    await claims_for(browser)
    assert slept == [7.5]


async def test_the_way_to_misbehave_can_be_configured(demo_store: Store, clock: Clock) -> None:
    app = create_sandbox(replace(HUB, google_misbehaviour="http_500"), demo_store, clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as browser:
        told = (await browser.get("/google/misbehave")).json()["data"]
        assert told["mode"] == "http_500"
        assert told["modes"] == [mode.value for mode in Misbehaviour]
        assert (await exchange(browser, "x")).status_code == 500


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mode": "made_up"}, "mode"),
        ({}, "mode"),
        ({"mode": ["none"]}, "mode"),
        ({"mode": "slow", "seconds": "soon"}, "seconds"),
        ({"mode": "slow", "seconds": -1}, "seconds"),
        ({"mode": "slow", "seconds": 10_000}, "seconds"),
    ],
)
async def test_unknown_ways_are_refused(
    browser: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    refused(await browser.post("/google/misbehave", json=body), 422, field)
    assert (await browser.get("/google/misbehave")).json()["data"]["mode"] == "none"
