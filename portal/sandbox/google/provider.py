"""The provider itself, without HTTP: who may ask, what a code is exchanged for, which keys sign."""

from __future__ import annotations

import hmac
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any, Final
from urllib.parse import unquote_plus

import anyio
from joserfc.jwk import RSAKey

from portal.sandbox.config import SandboxConfig
from portal.sandbox.google.authorization import CALLBACK, Asked, read_request
from portal.sandbox.google.codes import Grant, keep_grant, take_grant
from portal.sandbox.google.id_token import LIFETIME, WRONG_CLAIMS, sign, true_claims
from portal.sandbox.google.keys import SigningKeys, new_key
from portal.sandbox.google.misbehaviour import Misbehaviour
from portal.sandbox.google.tables import create_tables
from portal.sandbox.store import Store

HUB_CLIENT: Final = "sm-api.sandbox"
MARKUP: Final = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
BROKEN: Final = "<!doctype html><title>Error 500</title><h1>Server error</h1>"
SLOW_SECONDS: Final = 10.0
CLAIMS: Final = (
    "aud",
    "azp",
    "email",
    "email_verified",
    "exp",
    "hd",
    "iat",
    "iss",
    "name",
    "nonce",
    "sub",
)


@dataclass(frozen=True)
class TokenAnswer:
    """What the token endpoint says: JSON, or a page where it is broken."""

    status: int
    content: dict[str, Any] | str


@dataclass(frozen=True)
class Client:
    """Who exchanges a code."""

    id: str
    secret: str


class GoogleStandIn:
    """One provider on one store. `mode` and `seconds` say what is wrong with it, if anything.

    The portal's client is the configured one, or any when none is configured. The hub itself is
    the client `sm-api.sandbox`, whose secret nobody else knows.
    """

    def __init__(
        self,
        config: SandboxConfig,
        store: Store,
        *,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        make_key: Callable[[], RSAKey] = new_key,
    ) -> None:
        create_tables(store)
        self._config = config
        self._store = store
        self._sleep = sleep
        self.keys = SigningKeys(store, make_key)
        self.hub = Client(HUB_CLIENT, token_urlsafe(32))
        self.mode = Misbehaviour(config.google_misbehaviour)
        self.seconds = SLOW_SECONDS

    @property
    def issuer(self) -> str:
        """The `iss` of its tokens, and the address that all its endpoints start with."""
        return f"{self._config.origin}/google"

    def discovery(self) -> dict[str, Any]:
        """The provider's description of itself (OpenID Connect Discovery §3)."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/certs",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "email", "profile"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            "claims_supported": list(CLAIMS),
        }

    def read(self, query: Mapping[str, str]) -> Asked:
        """An authorization request. Raises NotShowable or SentBack."""
        origins = (self._config.origin, *self._config.portals)
        redirects = frozenset(origin + CALLBACK for origin in origins)
        return read_request(query, redirects, self._is_client)

    def choose(self, asked: Asked, email: str) -> str:
        """Where to send the person who chose an account: with a code, or as `mode` wants it."""
        if self.mode is Misbehaviour.MARKUP_IN_REDIRECT:
            return asked.refusal("server_error", MARKUP)
        grant = Grant(asked.client_id, asked.redirect_uri, email, asked.nonce, asked.challenge)
        return asked.answer(code=keep_grant(self._store, grant), scope="openid email profile")

    async def exchange(self, form: Mapping[str, str], authorization: str | None) -> TokenAnswer:
        """Answer a token request (RFC 6749 §4.1.3); the client is in `authorization` or `form`."""
        if self.mode is Misbehaviour.SLOW:
            await self._sleep(self.seconds)
        if self.mode is Misbehaviour.HTTP_500:
            return TokenAnswer(500, BROKEN)
        if self.mode is Misbehaviour.MARKUP_IN_TOKEN_ERROR:
            return _refused(400, "invalid_grant", MARKUP)
        client = _client(form, authorization)
        if client is None or not self._is_known(client):
            return _refused(401, "invalid_client", "Unknown client or wrong secret")
        if form.get("grant_type") != "authorization_code":
            return _refused(400, "unsupported_grant_type", "Only authorization_code")
        grant = take_grant(self._store, form.get("code", ""))
        if grant is None or not _fits(grant, client, form):
            return _refused(400, "invalid_grant", "The code cannot be used")
        return TokenAnswer(200, self._tokens(grant, client))

    def _tokens(self, grant: Grant, client: Client) -> dict[str, Any]:
        claims = true_claims(self.issuer, grant, self._store.clock())
        if self.mode in WRONG_CLAIMS:
            claims = WRONG_CLAIMS[self.mode](claims)
        answer = {
            "access_token": f"ya29.{token_urlsafe(32)}",
            "expires_in": LIFETIME,
            "scope": "openid email profile",
            "token_type": "Bearer",
        }
        if self.mode is not Misbehaviour.MISSING_ID_TOKEN:
            answer["id_token"] = sign(claims, self.keys, client.secret, self.mode)
        return answer

    def _is_client(self, client_id: str) -> bool:
        configured = self._config.google_client_id
        return client_id in (HUB_CLIENT, configured) or not configured

    def _is_known(self, client: Client) -> bool:
        if client.id == HUB_CLIENT:
            return _same(client.secret, self.hub.secret)
        if not self._config.google_client_id:
            return bool(client.secret)
        return _same(client.id, self._config.google_client_id) and _same(
            client.secret, self._config.google_client_secret
        )


def _fits(grant: Grant, client: Client, form: Mapping[str, str]) -> bool:
    return (
        grant.client_id == client.id
        and grant.redirect_uri == form.get("redirect_uri")
        and grant.is_proved_by(form.get("code_verifier"))
    )


def _client(form: Mapping[str, str], authorization: str | None) -> Client | None:
    """The client by HTTP Basic, whose halves are form-encoded (RFC 6749 §2.3.1), or by form."""
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return Client(form.get("client_id", ""), form.get("client_secret", ""))
    try:
        client_id, colon, secret = b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        return None
    return Client(unquote_plus(client_id), unquote_plus(secret)) if colon else None


def _same(sent: str, expected: str) -> bool:
    return bool(expected) and hmac.compare_digest(
        sent.encode("utf-8", "replace"), expected.encode()
    )


def _refused(status: int, error: str, description: str) -> TokenAnswer:
    return TokenAnswer(status, {"error": error, "error_description": description})
