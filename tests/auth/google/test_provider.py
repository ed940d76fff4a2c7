"""Google as we reach it: what is fetched and how often, and faults that are ours to explain."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest

from portal.auth.google.attempts import new_attempt
from portal.auth.google.provider import REFETCH_EVERY
from tests.stage import Stage, stage


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def fetched(on: Stage, path: str) -> int:
    """How often something was fetched from Google."""
    return sum(call.url.path.endswith(path) for call in on.google_wire.calls)


async def test_the_person_is_sent_with_state_nonce_and_a_challenge(on: Stage) -> None:
    assert on.env.google
    attempt = new_attempt()
    sent = parse_qs(urlsplit(await on.env.google.authorization_url(attempt)).query)
    assert sent["state"] == [attempt.state]
    assert sent["nonce"] == [attempt.nonce]
    assert sent["code_challenge_method"] == ["S256"]
    assert sent["response_type"] == ["code"]
    assert sent["scope"] == ["openid email profile"]
    assert sent["redirect_uri"] == [f"{on.settings.portal_origin}/auth/sso/google/callback"]
    assert attempt.code_verifier not in str(sent)
    assert 43 <= len(attempt.code_verifier) <= 128


async def test_description_and_keys_are_fetched_once_an_hour(on: Stage) -> None:
    for _ in range(3):
        assert (await on.sign_in_with_google(on.browser(), "jane@acme.com")).status_code == 303
    assert (fetched(on, "/openid-configuration"), fetched(on, "/certs")) == (1, 1)
    on.clock.forward(hours=1)
    await on.sign_in_with_google(on.browser(), "jane@acme.com")
    assert (fetched(on, "/openid-configuration"), fetched(on, "/certs")) == (2, 2)


async def test_a_rotated_key_is_fetched_and_works(on: Stage) -> None:
    await on.sign_in_with_google(on.browser(), "jane@acme.com")
    await on.sandbox.post("/google/rotate")
    answer = await on.sign_in_with_google(on.browser(), "jane@acme.com")
    assert answer.status_code == 303
    assert fetched(on, "/certs") == 2


async def test_made_up_key_ids_make_us_fetch_the_keys_only_so_often(on: Stage) -> None:
    await on.sign_in_with_google(on.browser(), "jane@acme.com")
    await on.misbehave("unknown_key")
    for _ in range(20):
        answer = await on.sign_in_with_google(on.browser(), "jane@acme.com")
        assert answer.status_code == 403
    assert fetched(on, "/certs") == 2
    on.clock.forward(seconds=REFETCH_EVERY.total_seconds())
    await on.sign_in_with_google(on.browser(), "jane@acme.com")
    assert fetched(on, "/certs") == 3


async def test_without_an_id_token_nobody_is_asked_instead(on: Stage) -> None:
    await on.misbehave("missing_id_token")
    answer = await on.sign_in_with_google(on.browser(), "jane@acme.com")
    assert answer.status_code == 403
    paths = {call.url.path for call in on.google_wire.calls}
    assert paths == {"/google/.well-known/openid-configuration", "/google/token"}


FAULTS = {
    "error": httpx.Response(500),
    "not found": httpx.Response(404),
    "a page": httpx.Response(200, text="<html>"),
    "half a JSON": httpx.Response(200, text='{"issuer": "x'),
    "a list": httpx.Response(200, json=[]),
    "an empty object": httpx.Response(200, json={}),
    "a redirect": httpx.Response(302, headers={"Location": "https://evil.example/"}),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", ["/openid-configuration", "/token", "/certs"])
async def test_a_google_that_is_broken_is_said_and_signs_nobody_in(
    on: Stage, path: str, fault: str
) -> None:
    browser = on.browser()
    on.google_wire.fault = lambda request: (
        FAULTS[fault] if request.url.path.endswith(path) else None
    )
    start = await browser.get("/auth/sso/google")
    if start.status_code == 302:
        start = await browser.get(await on.at_google(start, "jane@acme.com"))
    assert start.status_code in (403, 503)
    assert "sm_client" not in browser.cookies
    on.google_wire.fault = None
    assert (await on.sign_in_with_google(browser, "jane@acme.com")).status_code == 303


async def test_a_google_that_cannot_be_reached_leaves_the_way_by_mail(on: Stage) -> None:
    def unreachable(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    on.google_wire.fault = unreachable
    answer = await on.browser().get("/auth/sso/google")
    assert answer.status_code == 503
    assert "sign in by e-mail instead" in answer.text


async def test_nothing_of_the_exchange_is_in_the_log(on: Stage, log_lines: io.StringIO) -> None:
    await on.sign_in_with_google(on.browser(), "jane@acme.com")
    [exchange] = [c for c in on.google_wire.calls if c.url.path.endswith("/token")]
    sent = parse_qs(exchange.content.decode())
    assert sent["code_verifier"][0] not in log_lines.getvalue()
    assert sent["code"][0] not in log_lines.getvalue()
