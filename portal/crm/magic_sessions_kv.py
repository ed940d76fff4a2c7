"""Magic links kept in the STATE store, for an SM API without `/api/magic_sessions`."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import msgspec
from msgspec import Struct

from portal.crm.magic_sessions import MagicSession, NewMagicSession, Redeemed
from portal.edge.kv import KV
from portal.errors import LinkRefused

MOST_CODE_TRIES: Final = 5
REMEMBERED: Final = 24 * 3600
"""Seconds for which a dead link can still say why it is dead."""

LINK: Final = "magic:"
NEWEST: Final = "magic-newest:"
BROWSER: Final = "magic-browser:"
SPENT: Final = "magic-spent:"
TRIES: Final = "magic-tries:"


class _Kept(Struct, frozen=True, kw_only=True):
    """A link as it lies in the store."""

    id: str
    contact_id: str
    email: str
    code_hash: str
    browser_hash: str
    redirect: str
    created_at: datetime
    expires_at: datetime


class KvMagicSessions:
    """The store of magic links with `MAGIC_SESSIONS = "kv"`; the same rules as SM API's.

    A link is live while it is its address's newest, unspent, untried five times and in time.
    """

    def __init__(self, state: KV, clock: Callable[[], datetime]) -> None:
        self._state = state
        self._clock = clock

    async def create(self, new: NewMagicSession) -> None:
        """Keep a new link; being the newest of its address, it kills the older ones."""
        now = self._clock()
        kept = _Kept(
            id=f"ms_{uuid4().hex[:16]}",
            contact_id=new.contact_id,
            email=new.email,
            code_hash=new.code_hash,
            browser_hash=new.browser_hash,
            redirect=new.redirect,
            created_at=now,
            expires_at=now + timedelta(seconds=new.expires_in),
        )
        token_hash = new.token_hash.encode()
        await self._state.put(LINK + new.token_hash, msgspec.json.encode(kept), ttl=REMEMBERED)
        await self._state.put(BROWSER + new.browser_hash, token_hash, ttl=REMEMBERED)
        await self._state.put(_newest_of(new.email), token_hash, ttl=REMEMBERED)

    async def find(self, token_hash: str) -> MagicSession | None:
        """Look at a link without using it up."""
        raw = await self._state.get(LINK + token_hash)
        if raw is None:
            return None
        kept = msgspec.json.decode(raw, type=_Kept)
        return MagicSession(
            id=kept.id,
            contact_id=kept.contact_id,
            email=kept.email,
            browser_hash=kept.browser_hash,
            redirect=kept.redirect,
            status=await self._status(token_hash, kept),
            created_at=kept.created_at,
            expires_at=kept.expires_at,
        )

    async def redeem_token(self, token_hash: str) -> Redeemed:
        """Use a link up. Of any number at once, the one whose `add` succeeds has it."""
        return await self._spend(token_hash, await self._live(token_hash))

    async def redeem_code(self, browser_hash: str, code_hash: str) -> Redeemed:
        """Use up the browser's link by its code; a try is counted before it is compared."""
        raw = await self._state.get(BROWSER + browser_hash)
        if raw is None:
            raise LinkRefused("unknown")
        token_hash = raw.decode()
        kept = await self._live(token_hash)
        tries = await self._state.increment(TRIES + token_hash, ttl=REMEMBERED)
        if tries > MOST_CODE_TRIES:
            raise LinkRefused("exhausted", tries_left=0)
        if not hmac.compare_digest(kept.code_hash, code_hash):
            left = MOST_CODE_TRIES - tries
            raise LinkRefused("wrong_code" if left else "exhausted", tries_left=left)
        return await self._spend(token_hash, kept)

    async def _live(self, token_hash: str) -> _Kept:
        raw = await self._state.get(LINK + token_hash)
        if raw is None:
            raise LinkRefused("unknown")
        kept = msgspec.json.decode(raw, type=_Kept)
        match await self._status(token_hash, kept):
            case "expired" | "redeemed" | "superseded" | "exhausted" as reason:
                raise LinkRefused(reason)
        return kept

    async def _status(self, token_hash: str, kept: _Kept) -> str:
        if await self._state.get(SPENT + token_hash) is not None:
            return "redeemed"
        if await self._state.get(_newest_of(kept.email)) != token_hash.encode():
            return "superseded"
        if kept.expires_at <= self._clock():
            return "expired"
        tries = await self._state.get(TRIES + token_hash)
        return "exhausted" if tries is not None and int(tries) >= MOST_CODE_TRIES else "live"

    async def _spend(self, token_hash: str, kept: _Kept) -> Redeemed:
        if not await self._state.add(SPENT + token_hash, b"1", ttl=REMEMBERED):
            raise LinkRefused("redeemed")
        return Redeemed(
            id=kept.id, contact_id=kept.contact_id, email=kept.email, redirect=kept.redirect
        )


def _newest_of(email: str) -> str:
    return NEWEST + email.strip().casefold()
