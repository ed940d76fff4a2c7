"""Which of our own sessions are staff's: noted in the STATE store, read again on every request.

A token of ours does not say so itself, because a magic link must never make a staff session.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Final, Literal

import msgspec
from msgspec import Struct

from portal.crm.contacts import folded_address
from portal.edge.kv import KV

PREFIX: Final = "staff:"
KNOWN: Final = "staff-known:"


class StaffMark(Struct, frozen=True, kw_only=True):
    """Why a session is staff's.

    `by` is `google` for an account of the Workspace `domain`, or `crm` where the platform's own
    token came first. `in_crm`: the CRM called them staff when they signed in.
    """

    by: Literal["google", "crm"]
    domain: str | None = None
    in_crm: bool = False

    def counts(self, is_staff_now: bool, domains: Collection[str]) -> bool:
        """Whether it still makes a staff session, by what the CRM and the settings say now.

        Somebody whom the CRM never knew as staff is staff by their Workspace alone; whoever it
        knew stops being so the moment it says otherwise.
        """
        if self.by == "crm":
            return is_staff_now
        return self.domain in domains and (is_staff_now or not self.in_crm)


class StaffMarks:
    """The marks of sessions, kept as long as the sessions can last."""

    def __init__(self, state: KV) -> None:
        self._state = state

    async def put(self, session_id: str, mark: StaffMark, lifetime: timedelta) -> None:
        """Mark a fresh session."""
        kept = msgspec.json.encode(mark)
        await self._state.put(PREFIX + session_id, kept, ttl=lifetime.total_seconds())

    async def of(self, session_id: str) -> StaffMark | None:
        """The session's mark, if it has one."""
        return read_mark(await self._state.get(PREFIX + session_id))

    async def was_known(self, email: str, is_staff_now: bool) -> bool:
        """Whether the CRM calls this address staff, or once did when it signed in here.

        Whoever it let go must not come back as somebody whom it never knew.
        """
        key = KNOWN + folded_address(email)
        if is_staff_now:
            await self._state.put(key, b"1")
            return True
        return await self._state.get(key) is not None


def read_mark(kept: bytes | None) -> StaffMark | None:
    """The mark that is kept, if one is."""
    return msgspec.json.decode(kept, type=StaffMark) if kept is not None else None
