"""The secret address of a person's calendar feed: made, renewed, revoked, and what it opens.

Whoever has the address reads the feed without signing in, so it says nothing but who and which:
the CRM decides on every fetch whether that person may still enter, and as what.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from secrets import token_urlsafe
from typing import Any, Final

import msgspec
from itsdangerous import BadData, URLSafeSerializer
from limits import RateLimitItem, parse_many
from limits.aio.strategies import FixedWindowRateLimiter
from msgspec import Struct
from starlette.requests import Request

from portal.auth.gate import access_for
from portal.auth.limits import KvStorage
from portal.auth.who import viewer_for
from portal.crm.access import ClientAccess
from portal.crm.cache import Patience
from portal.edge.kv import KV
from portal.env import Env, env_of
from portal.errors import NotFound, TooManyRequests
from portal.settings import Settings

PREFIX: Final = "calendar:"
SALT: Final = "portal.calendar-feed"
NONCE_BYTES: Final = 18
"""144 random bits: nobody guesses them, whatever they know."""

LIMITS: Final[tuple[RateLimitItem, ...]] = tuple(parse_many("10/minute; 120/hour"))
"""How often one address may be fetched, by all the programs that have it; shortest window first."""


class Made(Struct, frozen=True, kw_only=True):
    """What is kept of a person's address: its random part, and when it was made."""

    nonce: str
    at: datetime


class CalendarAddresses:
    """The addresses of one portal. A person has one at a time, or none.

    The STATE store alone does not tell an address, because it is signed; the signing secret alone
    does not, because of the random part.
    """

    def __init__(self, state: KV, settings: Settings) -> None:
        self._state = state
        self._secrets = settings.session_secrets
        self._origin = settings.portal_origin

    async def of(self, contact_id: str) -> Made | None:
        """What the contact's address is made of, if there is one."""
        kept = await self._state.get(PREFIX + contact_id)
        return msgspec.json.decode(kept, type=Made) if kept else None

    async def make(self, contact_id: str, now: datetime) -> bool:
        """Make an address unless there is one; True when it is new."""
        return await self._state.add(PREFIX + contact_id, _fresh(now))

    async def renew(self, contact_id: str, now: datetime) -> None:
        """Make another address: the one before stops working."""
        await self._state.put(PREFIX + contact_id, _fresh(now))

    async def revoke(self, contact_id: str) -> None:
        """No address works any more."""
        await self._state.delete(PREFIX + contact_id)

    def url(self, contact_id: str, made: Made) -> str:
        """The whole address, as calendar programs take it."""
        return f"{self._origin}/calendar/feed/{self._tokens(contact_id, made)[0]}.ics"

    async def holder(self, token: str) -> tuple[str, Made]:
        """Whose address the token is of. Raises NotFound for every token that counts no more."""
        contact_id = self._signed_contact(token)
        made = await self.of(contact_id)
        if made is None:
            raise NotFound
        sent = token.encode()
        # Compared whole: base64 has several spellings of one signature, and only ours counts.
        matches = [
            hmac.compare_digest(sent, known.encode()) for known in self._tokens(contact_id, made)
        ]
        if not any(matches):
            raise NotFound
        return contact_id, made

    def _signed_contact(self, token: str) -> str:
        try:
            # itsdangerous signs with the last key and accepts them all.
            contact_id, _nonce = _serializer(*reversed(self._secrets)).loads(token)
        except (BadData, TypeError, ValueError) as error:
            raise NotFound from error
        if not isinstance(contact_id, str):
            raise NotFound
        return contact_id

    def _tokens(self, contact_id: str, made: Made) -> list[str]:
        """The token under each secret that counts; the first is the one to give out."""
        return [_signed(_serializer(key), [contact_id, made.nonce]) for key in self._secrets]


async def feed_access(request: Request, token: str) -> ClientAccess:
    """What the holder of a feed's address may read now: what the CRM gives its owner.

    Raises NotFound for any token that opens nothing, TooManyRequests, and SMApiError when the CRM
    cannot be asked.
    """
    env = env_of(request)
    contact_id, made = await CalendarAddresses(env.state, env.settings).holder(token)
    await _count(env, made)
    contact = await env.contacts.by_id(contact_id)
    if contact is None or not env.contacts.may_enter(contact):
        raise NotFound
    return access_for(env, viewer_for(env, contact), Patience())


async def _count(env: Env, made: Made) -> None:
    limiter = FixedWindowRateLimiter(KvStorage(env.state))
    digest = hashlib.sha256(made.nonce.encode()).hexdigest()
    for limit in LIMITS:
        if not await limiter.hit(limit, "calendar", digest):
            raise TooManyRequests(retry_after=limit.get_expiry())


def _fresh(now: datetime) -> bytes:
    return msgspec.json.encode(Made(nonce=token_urlsafe(NONCE_BYTES), at=now))


def _serializer(*keys: str) -> URLSafeSerializer:
    signing = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(list(keys), salt=SALT, signer_kwargs=signing)


def _signed(serializer: URLSafeSerializer, value: Any) -> str:
    signed = serializer.dumps(value)
    return signed if isinstance(signed, str) else signed.decode()
