"""Google as we reach it: discovery, keys, the address to send people to, and the code exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import structlog

from portal.errors import GoogleRefused, GoogleUnavailable

if TYPE_CHECKING:
    import httpx2 as httpx
    from authlib.integrations.httpx_client import AsyncOAuth2Client
    from joserfc.jwk import KeySet

    from portal.auth.google.id_token import Identity

SCOPE: Final = "openid email profile"
KEPT: Final = timedelta(hours=1)
REFETCH_EVERY: Final = timedelta(seconds=30)
"""How often an unknown key id may make us fetch the keys again: made-up ids must not."""

TIMEOUT: Final = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Attempt:
    """One sign-in under way: what we sent along, to be compared with what comes back."""

    state: str
    nonce: str
    code_verifier: str


@dataclass(frozen=True)
class _Discovered:
    """The provider's own description and keys, and when each was fetched."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    fetched: datetime


class GoogleProvider:
    """An OpenID provider known by its discovery document. Network faults: GoogleUnavailable.

    What it needs is imported when somebody first signs in with it: Authlib, and joserfc with
    cryptography, take 100 ms of a start and 15 MB of a process.
    """

    def __init__(
        self,
        discovery_url: str,
        *,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        clock: Callable[[], datetime],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._discovery_url = discovery_url
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._transport = transport
        self._discovered: _Discovered | None = None
        self._keys: KeySet | None = None
        self._keys_fetched: datetime | None = None
        self._keys_refetched: datetime | None = None
        self._fetching_keys = asyncio.Lock()

    async def authorization_url(self, attempt: Attempt) -> str:
        """Where to send the person: with state, nonce and an S256 challenge (RFC 7636)."""
        found = await self._discover()
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                found.authorization_endpoint,
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.code_verifier,
                prompt="select_account",
            )
        return str(url)

    async def identity(self, code: str, attempt: Attempt) -> Identity:
        """Who the code stands for. Raises GoogleRefused when any check fails."""
        from joserfc.errors import InvalidKeyIdError

        from portal.auth.google.id_token import Expected, read_identity

        found = await self._discover()
        token = await self._exchange(found, code, attempt)
        id_token = token.get("id_token")
        if not isinstance(id_token, str):
            raise GoogleRefused("no_id_token")
        expected = Expected(found.issuer, self._client_id, attempt.nonce, self._clock())
        keys = await self._current_keys(found)
        try:
            return read_identity(id_token, keys, expected)
        except InvalidKeyIdError:
            newer = await self._newer_keys(found, keys)
        try:
            return read_identity(id_token, newer, expected)
        except InvalidKeyIdError as error:
            raise GoogleRefused("unknown_key") from error

    async def check(self) -> str:
        """Fetch the discovery document; the issuer's name."""
        return (await self._discover()).issuer

    async def _exchange(self, found: _Discovered, code: str, attempt: Attempt) -> dict[str, Any]:
        import httpx2 as httpx
        from authlib.integrations.base_client import OAuthError

        try:
            async with self._client() as client:
                token = await client.fetch_token(
                    found.token_endpoint, code=code, code_verifier=attempt.code_verifier
                )
        except OAuthError as error:
            said = error.description if isinstance(error.description, str) else None
            raise GoogleRefused("exchange_refused", said=said) from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
            raise GoogleUnavailable(f"token endpoint: {type(error).__name__}: {error}") from error
        return dict(token)

    async def _discover(self) -> _Discovered:
        now = self._clock()
        if self._discovered is None or now - self._discovered.fetched >= KEPT:
            document = await self._fetch(self._discovery_url)
            self._discovered = _Discovered(
                issuer=_address(document, "issuer"),
                authorization_endpoint=_address(document, "authorization_endpoint"),
                token_endpoint=_address(document, "token_endpoint"),
                jwks_uri=_address(document, "jwks_uri"),
                fetched=now,
            )
        return self._discovered

    async def _current_keys(self, found: _Discovered) -> KeySet:
        if self._keys is None or self._keys_fetched is None:
            return await self._fetch_keys(found)
        if self._clock() - self._keys_fetched >= KEPT:
            return await self._fetch_keys(found)
        return self._keys

    async def _newer_keys(self, found: _Discovered, than: KeySet) -> KeySet:
        """The keys fetched again, unless an unknown id made us do that a moment ago.

        Whoever waited while somebody else fetched them has theirs.
        """
        async with self._fetching_keys:
            if self._keys is not None and self._keys is not than:
                return self._keys
            now = self._clock()
            if self._keys_refetched and now - self._keys_refetched < REFETCH_EVERY:
                raise GoogleRefused("unknown_key")
            self._keys_refetched = now
            return await self._fetch_keys(found)

    async def _fetch_keys(self, found: _Discovered) -> KeySet:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        document: Any = await self._fetch(found.jwks_uri)
        try:
            self._keys = KeySet.import_key_set(document)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise GoogleUnavailable(f"keys: {error}") from error
        self._keys_fetched = self._clock()
        return self._keys

    async def _fetch(self, url: str) -> dict[str, Any]:
        import httpx2 as httpx

        try:
            async with httpx.AsyncClient(
                transport=self._transport, timeout=TIMEOUT, trust_env=False
            ) as client:
                answer = await client.get(url)
                answer.raise_for_status()
                document = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
            raise GoogleUnavailable(f"{url}: {type(error).__name__}: {error}") from error
        if not isinstance(document, dict):
            raise GoogleUnavailable(f"{url}: not a JSON object")
        return document

    def _client(self) -> AsyncOAuth2Client:
        from authlib.integrations.httpx_client import AsyncOAuth2Client

        return AsyncOAuth2Client(
            self._client_id,
            self._client_secret,
            scope=SCOPE,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            transport=self._transport,
            timeout=TIMEOUT,
            trust_env=False,
        )


def _address(document: Mapping[str, Any], name: str) -> str:
    """A web address out of the discovery document. Raises GoogleUnavailable for anything else."""
    value: Any = document.get(name)
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        if parts and parts.scheme in ("https", "http") and parts.hostname and parts.port != 0:
            return str(value)
    except ValueError:
        pass
    raise GoogleUnavailable(f"discovery document: {name} is no web address")
