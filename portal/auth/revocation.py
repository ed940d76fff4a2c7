"""Sessions that were ended before they expired, in the STATE store, asked on every request."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from portal.auth.session import Session
from portal.edge.kv import KV

REVOKED: Final = "revoked:"
ENDED_BEFORE: Final = "ended-before:"

LONGEST_SESSION: Final = timedelta(days=400)
"""How long browsers keep a cookie at most, whichever portal of the platform set it."""


class Revocations:
    """Ends one session, or all of a contact's. Copies of a token share its fate."""

    def __init__(self, state: KV) -> None:
        self._state = state

    async def end(self, session: Session, now: datetime) -> None:
        """End this one session wherever its token was copied to."""
        left = session.claims.exp - now.timestamp()
        if left > 0:
            await self.end_id(session.id, timedelta(seconds=left))

    async def end_id(self, session_id: str, lifetime: timedelta) -> None:
        """End the session of this id, of which nothing is known but how long it can last."""
        await self._state.put(REVOKED + session_id, b"1", ttl=lifetime.total_seconds())

    async def end_all(self, contact_id: str, now: datetime) -> None:
        """End every session of the contact that was issued up to now, by us or another portal.

        One of ours that began in the second of an earlier sign-out is dated a second later.
        """
        cutoff = max(int(now.timestamp()), await self.first_valid_second(contact_id))
        kept, lasts = str(cutoff).encode(), LONGEST_SESSION.total_seconds()
        await self._state.put(ENDED_BEFORE + contact_id, kept, ttl=lasts)

    async def is_ended(self, session: Session, contact_id: str) -> bool:
        """Whether the session was ended, alone or with all of the contact's."""
        revoked, cutoff = await self._state.get_many(
            (REVOKED + session.id, ENDED_BEFORE + contact_id)
        )
        return is_ended_by(session, revoked, cutoff)

    async def first_valid_second(self, contact_id: str) -> int:
        """The earliest `iat` that still counts; 0 when the contact never signed out everywhere."""
        return _first_valid_second(await self._state.get(ENDED_BEFORE + contact_id))


def is_ended_by(session: Session, revoked: bytes | None, cutoff: bytes | None) -> bool:
    """Whether what is kept under REVOKED and ENDED_BEFORE ends a session."""
    return revoked is not None or session.claims.iat < _first_valid_second(cutoff)


def _first_valid_second(cutoff: bytes | None) -> int:
    return int(cutoff) + 1 if cutoff else 0
