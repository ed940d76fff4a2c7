"""Which sign-ins a person has open: kept in the STATE store, shown on the account page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from portal.edge.kv import KV

PREFIX: Final = "sign-in:"
SESSION_ID: Final = re.compile(r"[0-9a-f]{64}")


class SignInNote(Struct, frozen=True, kw_only=True):
    """What is kept of one sign-in: when, by which method, from which kind of browser."""

    at: datetime
    method: str
    browser: str


@dataclass(frozen=True)
class OpenSignIn:
    """One sign-in that has not ended. `id` names it in the revocation list."""

    id: str
    note: SignInNote


class SignIns:
    """Remembers sign-ins as long as their sessions can last."""

    def __init__(self, state: KV) -> None:
        self._state = state

    async def remember(
        self, contact_id: str, session_id: str, note: SignInNote, lifetime: timedelta
    ) -> None:
        """Note a fresh sign-in of the contact."""
        key = _key(contact_id, session_id)
        await self._state.put(key, msgspec.json.encode(note), ttl=lifetime.total_seconds())

    async def of(self, contact_id: str) -> list[OpenSignIn]:
        """The contact's open sign-ins, the newest first."""
        prefix = _key(contact_id, "")
        found = []
        for key in await self._state.list(prefix):
            kept = await self._state.get(key)
            if kept is not None:
                note = msgspec.json.decode(kept, type=SignInNote)
                found.append(OpenSignIn(key.removeprefix(prefix), note))
        return sorted(found, key=lambda open_one: open_one.note.at, reverse=True)

    async def has(self, contact_id: str, session_id: str) -> bool:
        """Whether this sign-in is one of the contact's."""
        if not SESSION_ID.fullmatch(session_id):
            return False
        return await self._state.get(_key(contact_id, session_id)) is not None

    async def forget(self, contact_id: str, session_id: str) -> None:
        """The sign-in has ended."""
        await self._state.delete(_key(contact_id, session_id))

    async def forget_all(self, contact_id: str) -> None:
        """Every one of the contact's has ended."""
        for key in await self._state.list(_key(contact_id, "")):
            await self._state.delete(key)


def _key(contact_id: str, session_id: str) -> str:
    return f"{PREFIX}{contact_id}:{session_id}"
