"""A Google that is slow, broken or in the middle of a rotation, met by the provider alone."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest
from anyio.lowlevel import checkpoint
from joserfc import jwt
from joserfc.jwk import RSAKey

from portal.auth.google.attempts import new_attempt
from portal.auth.google.provider import KEPT, REFETCH_EVERY, TIMEOUT, Attempt, GoogleProvider
from portal.errors import GoogleRefused, GoogleUnavailable
from tests.stage import SECRETS_USED, TestClock

ISSUER: Final = "https://accounts.example"
DISCOVERY: Final = "/.well-known/openid-configuration"
DOCUMENT: Final[Mapping[str, Any]] = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/certs",
    "userinfo_endpoint": f"{ISSUER}/userinfo",
}
OLD: Final = RSAKey.generate_key(2048, {"kid": "old"})
NEW: Final = RSAKey.generate_key(2048, {"kid": "new"})
UNKNOWN: Final = RSAKey.generate_key(2048, {"kid": "never-published"})

Answer = Callable[[httpx.Request], Awaitable[httpx.Response]]


@dataclass
class Google(httpx.AsyncBaseTransport):
    """A provider whose every endpoint can be replaced; `calls` are the paths that were asked."""

    clock: TestClock = field(default_factory=TestClock)
    key: RSAKey = field(default_factory=lambda: OLD)
    published: list[RSAKey] = field(default_factory=lambda: [OLD])
    instead: dict[str, Answer] = field(default_factory=dict)
    nonce: str = ""
    calls: list[str] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as Google would, or as a test wants it."""
        path = request.url.path
        self.calls.append(path)
        self.requests.append(request)
        answer = self.instead.get(path)
        return await answer(request) if answer else self.right(path)

    def right(self, path: str) -> httpx.Response:
        """What the endpoint answers when nothing is wrong."""
        match path:
            case "/.well-known/openid-configuration":
                return httpx.Response(200, json=dict(DOCUMENT))
            case "/certs":
                keys = [key.as_dict(private=False) for key in self.published]
                return httpx.Response(200, json={"keys": keys})
            case "/token":
                return httpx.Response(200, json=self.tokens())
        return httpx.Response(404)

    def tokens(self, **changes: Any) -> dict[str, Any]:
        """A right answer to the exchange, but for the changes."""
        now = int(self.clock().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": "our-client",
            "sub": "1",
            "email": "jane@acme.com",
            "email_verified": True,
            "nonce": self.nonce,
            "iat": now,
            "exp": now + 3600,
        }
        signed = jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)
        right = {"access_token": "an-access-token-of-the-tests", "token_type": "Bearer"}
        return {**right, "expires_in": 3600, "id_token": signed, **changes}

    def count(self, path: str) -> int:
        """How often an endpoint was asked."""
        return self.calls.count(path)

    def provider(self) -> GoogleProvider:
        """The portal's side of it, which has fetched nothing yet."""
        return GoogleProvider(
            ISSUER + DISCOVERY,
            client_id="our-client",
            client_secret="our-secret-of-the-tests",
            redirect_uri="https://portal.example/auth/sso/google/callback",
            clock=self.clock,
            transport=self,
        )


@pytest.fixture
def google() -> Google:
    return Google()


@pytest.fixture
def attempt(google: Google) -> Attempt:
    made = new_attempt()
    google.nonce = made.nonce
    return made


def always(**answer: Any) -> Answer:
    """An endpoint that answers so, whatever is asked."""
    status = answer.pop("status", 200)

    async def respond(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, **answer)

    return respond


def failing(error: type[httpx.TransportError]) -> Answer:
    """An endpoint that cannot be reached in this way."""

    async def respond(request: httpx.Request) -> httpx.Response:
        raise error("the tests cut the wire", request=request)

    return respond


BROKEN: Final[dict[str, Answer]] = {
    "refused": failing(httpx.ConnectError),
    "no answer": failing(httpx.ReadTimeout),
    "no connection in time": failing(httpx.ConnectTimeout),
    "cut off": failing(httpx.RemoteProtocolError),
    "cannot be read": failing(httpx.ReadError),
    "500": always(status=500, text="<h1>Server error</h1>"),
    "503 in JSON": always(status=503, json={"error": "unavailable"}),
    "429": always(status=429, text="slow down"),
    "404": always(status=404),
    "redirect": always(status=302, headers={"Location": "https://evil.example/"}),
    "HTML": always(html="<!doctype html><title>Sign in to the Wi-Fi</title>"),
    "half JSON": always(text='{"issuer": "https://acc'),
    "empty": always(text=""),
    "no UTF-8": always(content=b"\xff\xfe\x00"),
    "list": always(json=[]),
    "null": always(json=None),
    "text": always(json="keys"),
    "wrong gzip": always(content=b"{}", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/certs"])
async def test_every_fault_of_every_endpoint_is_google_being_unavailable(
    google: Google, attempt: Attempt, path: str, fault: str
) -> None:
    provider = google.provider()
    google.instead[path] = BROKEN[fault]
    with pytest.raises(GoogleUnavailable) as raised:
        await provider.identity("code", attempt)
    assert raised.value.detail
    assert "evil.example" not in {request.url.host for request in google.requests}
    google.instead.clear()
    assert (await provider.identity("code", attempt)).email == "jane@acme.com"


@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/certs"])
async def test_json_that_is_nested_too_deep_is_google_being_unavailable(
    google: Google, attempt: Attempt, path: str
) -> None:
    google.instead[path] = always(text="[" * 100_000)
    with pytest.raises(GoogleUnavailable):
        await google.provider().identity("code", attempt)


@pytest.mark.parametrize(
    "value",
    [
        "absent",
        None,
        5,
        "",
        [],
        "not an address",
        "javascript:alert(1)",
        "https://",
        "https://[",
        "https://a:b/",
    ],
    ids=repr,
)
@pytest.mark.parametrize("name", ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"])
async def test_a_description_without_what_we_need_is_not_kept(
    google: Google, attempt: Attempt, name: str, value: Any
) -> None:
    provider = google.provider()
    document = {**DOCUMENT, name: value}
    if value == "absent":
        del document[name]
    google.instead[DISCOVERY] = always(json=document)
    with pytest.raises(GoogleUnavailable):
        await provider.authorization_url(attempt)
    google.instead.clear()
    assert (await provider.authorization_url(attempt)).startswith(f"{ISSUER}/auth?")


@pytest.mark.parametrize(
    "keys",
    [
        None,
        5,
        {"one": 1},
        [1],
        [{}],
        [],
        [{"kty": "XX", "kid": "old"}],
        [{"kty": "RSA", "kid": "old"}],
        [{"kty": "RSA", "kid": "old", "e": "AQAB", "n": 5}],
        [{"kty": "RSA", "kid": "old", "e": "AQAB", "n": "!!"}],
    ],
    ids=json.dumps,
)
async def test_keys_that_are_none_are_google_being_unavailable_and_are_not_kept(
    google: Google, attempt: Attempt, keys: Any
) -> None:
    provider = google.provider()
    google.instead["/certs"] = always(json={"keys": keys})
    with pytest.raises(GoogleUnavailable):
        await provider.identity("code", attempt)
    google.instead.clear()
    assert (await provider.identity("code", attempt)).email == "jane@acme.com"


@pytest.mark.parametrize("value", ["absent", None, 5, "", [], {"a": 1}, "garbage", "a.b.c"])
async def test_without_an_id_token_nobody_is_asked_instead(
    google: Google, attempt: Attempt, value: Any
) -> None:
    answer = google.tokens(id_token=value)
    if value == "absent":
        del answer["id_token"]
    google.instead["/token"] = always(json=answer)
    with pytest.raises(GoogleRefused) as raised:
        await google.provider().identity("code", attempt)
    is_sent = isinstance(value, str) and value != "absent"
    assert raised.value.cause == ("bad_signature" if is_sent else "no_id_token")
    assert google.count("/userinfo") == 0


async def test_a_right_sign_in_asks_the_three_endpoints_and_not_who_it_is(
    google: Google, attempt: Attempt
) -> None:
    await google.provider().identity("code", attempt)
    assert sorted(google.calls) == [DISCOVERY, "/certs", "/token"]


async def test_google_is_not_waited_for_longer_than_the_timeout(
    google: Google, attempt: Attempt
) -> None:
    await google.provider().identity("code", attempt)
    for request in google.requests:
        assert set(request.extensions["timeout"].values()) == {TIMEOUT}


async def test_the_address_carries_the_challenge_of_the_verifier_and_asks_which_account(
    google: Google, attempt: Attempt
) -> None:
    url = urlsplit(await google.provider().authorization_url(attempt))
    digest = hashlib.sha256(attempt.code_verifier.encode()).digest()
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{ISSUER}/auth"
    assert parse_qs(url.query) == {
        "response_type": ["code"],
        "client_id": ["our-client"],
        "redirect_uri": ["https://portal.example/auth/sso/google/callback"],
        "scope": ["openid email profile"],
        "state": [attempt.state],
        "nonce": [attempt.nonce],
        "code_challenge": [base64.urlsafe_b64encode(digest).rstrip(b"=").decode()],
        "code_challenge_method": ["S256"],
        "prompt": ["select_account"],
    }


async def test_the_exchange_proves_the_verifier_and_who_we_are(
    google: Google, attempt: Attempt
) -> None:
    await google.provider().identity("the-code", attempt)
    [exchange] = [r for r in google.requests if r.url.path == "/token"]
    assert exchange.method == "POST"
    assert parse_qs(exchange.content.decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["the-code"],
        "code_verifier": [attempt.code_verifier],
        "redirect_uri": ["https://portal.example/auth/sso/google/callback"],
    }
    scheme, _, credentials = exchange.headers["authorization"].partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(credentials) == b"our-client:our-secret-of-the-tests"
    assert exchange.url.query == b""


def test_no_two_attempts_have_a_value_in_common() -> None:
    made = [new_attempt() for _ in range(50)]
    values = [v for one in made for v in (one.state, one.nonce, one.code_verifier)]
    assert len(set(values)) == len(values)
    assert {len(value) for value in values} == {43}


async def test_description_and_keys_are_fetched_again_after_an_hour_and_not_before(
    google: Google, attempt: Attempt
) -> None:
    provider = google.provider()
    await provider.identity("code", attempt)
    google.clock.now += KEPT - timedelta(seconds=1)
    await provider.identity("code", attempt)
    assert (google.count(DISCOVERY), google.count("/certs")) == (1, 1)
    google.clock.now += timedelta(seconds=1)
    await provider.identity("code", attempt)
    assert (google.count(DISCOVERY), google.count("/certs")) == (2, 2)


async def test_a_key_that_is_no_longer_published_counts_no_longer_than_an_hour(
    google: Google, attempt: Attempt
) -> None:
    provider = google.provider()
    await provider.identity("code", attempt)
    google.published = [NEW]
    google.clock.now += KEPT
    with pytest.raises(GoogleRefused) as raised:
        await provider.identity("code", attempt)
    assert raised.value.cause == "unknown_key"


async def test_a_rotated_key_works_after_one_refetch(google: Google, attempt: Attempt) -> None:
    provider = google.provider()
    await provider.identity("code", attempt)
    google.key, google.published = NEW, [NEW, OLD]
    for _ in range(3):
        assert (await provider.identity("code", attempt)).email == "jane@acme.com"
    assert google.count("/certs") == 2


async def test_made_up_keys_cause_one_refetch_in_each_interval(
    google: Google, attempt: Attempt
) -> None:
    provider = google.provider()
    await provider.identity("code", attempt)
    google.key = UNKNOWN
    for refetches in (1, 2, 3):
        for _ in range(20):
            with pytest.raises(GoogleRefused) as raised:
                await provider.identity("code", attempt)
            assert raised.value.cause == "unknown_key"
        assert google.count("/certs") == 1 + refetches
        google.clock.now += REFETCH_EVERY - timedelta(seconds=1)
        with pytest.raises(GoogleRefused):
            await provider.identity("code", attempt)
        assert google.count("/certs") == 1 + refetches
        google.clock.now += timedelta(seconds=1)


async def test_while_made_up_keys_are_refused_the_right_one_works(
    google: Google, attempt: Attempt
) -> None:
    provider = google.provider()
    google.key = UNKNOWN
    for _ in range(3):
        with pytest.raises(GoogleRefused):
            await provider.identity("code", attempt)
    google.key = OLD
    assert (await provider.identity("code", attempt)).email == "jane@acme.com"


async def test_made_up_keys_at_the_same_moment_cause_one_refetch(
    google: Google, attempt: Attempt
) -> None:
    provider = google.provider()
    await provider.identity("code", attempt)
    google.key = UNKNOWN
    google.instead["/certs"] = _slowly(google, "/certs")
    tries = [provider.identity("code", attempt) for _ in range(20)]
    refused = await asyncio.gather(*tries, return_exceptions=True)
    assert {type(error) for error in refused} == {GoogleRefused}
    assert google.count("/certs") == 2


async def test_everybody_who_returns_at_the_moment_of_a_rotation_gets_in(
    google: Google, attempt: Attempt
) -> None:
    provider = google.provider()
    await provider.identity("code", attempt)
    google.key, google.published = NEW, [NEW, OLD]
    google.instead["/certs"] = _slowly(google, "/certs")
    identities = await asyncio.gather(*(provider.identity("code", attempt) for _ in range(5)))
    assert [identity.email for identity in identities] == ["jane@acme.com"] * 5
    assert google.count("/certs") == 2


async def test_a_refetch_that_failed_keeps_nobody_out_who_comes_after_it(
    google: Google, attempt: Attempt
) -> None:
    provider = google.provider()
    await provider.identity("code", attempt)
    google.key, google.published = NEW, [NEW, OLD]
    google.instead["/certs"] = always(status=500)
    with pytest.raises(GoogleUnavailable):
        await provider.identity("code", attempt)
    google.instead.clear()
    google.clock.now += REFETCH_EVERY
    assert (await provider.identity("code", attempt)).email == "jane@acme.com"


async def test_a_right_key_survives_a_refetch_that_failed(google: Google, attempt: Attempt) -> None:
    provider = google.provider()
    await provider.identity("code", attempt)
    google.instead["/certs"] = always(status=500)
    google.key = UNKNOWN
    with pytest.raises(GoogleUnavailable):
        await provider.identity("code", attempt)
    google.key = OLD
    assert (await provider.identity("code", attempt)).email == "jane@acme.com"


async def test_nothing_of_the_exchange_is_logged_however_it_ends(
    google: Google, attempt: Attempt, log_lines: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    SECRETS_USED.update({attempt.code_verifier, attempt.nonce, attempt.state})
    ends: list[Answer | None] = [None, *BROKEN.values(), always(status=400, json={"error": "no"})]
    for end in ends:
        google.instead = {"/token": end} if end else {}
        provider = google.provider()
        if end is None:
            await provider.identity("the-code-of-the-tests", attempt)
            continue
        with pytest.raises((GoogleRefused, GoogleUnavailable)) as raised:
            await provider.identity("the-code-of-the-tests", attempt)
        assert attempt.code_verifier not in str(vars(raised.value))
    for secret in (
        attempt.code_verifier,
        "the-code-of-the-tests",
        "an-access-token-of-the-tests",
        "our-secret-of-the-tests",
        google.tokens()["id_token"][:40],
    ):
        assert secret not in log_lines.getvalue() + caplog.text


def _slowly(google: Google, path: str) -> Answer:
    """The right answer, after everybody else who can run has run."""

    async def respond(_request: httpx.Request) -> httpx.Response:
        for _ in range(100):
            await checkpoint()
        return google.right(path)

    return respond
