"""What is told once: claims in the STATE store, taken before a mail is sent.

Two kinds of entry, both taken by `KV.add`, of whose simultaneous calls exactly one succeeds:

- a *turn* of a contact: whoever has it looks what is due and sends one mail; others pass by;
- a *claim* of one notice, (contact, kind, invoice): at first a lease, then for good.

Both leases end by themselves after ten minutes, so that a process that dies holding them takes no
notice with it. A refused mail gives its claims back at once; an accepted one makes them permanent.

What remains: a process that dies, or a connection that breaks, after the mail server has taken the
mail and before the claims are permanent. Nobody can tell that from a mail that was never taken, so
it is sent once more after the lease. It then carries the same Message-ID, if it is about the same
notices, by which mail servers and programs that look for copies drop it; one that does not look
shows it twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from typing import Final
from uuid import uuid4

from portal.crm.models import Invoice
from portal.domain.notices import Kind, Notice, remembered_until
from portal.edge.kv import KV

TURN: Final = "notices:turn:"
TOLD: Final = "notices:told:"
LEASE_SECONDS: Final = 600.0
"""Longer than a turn can last, and no longer than a client may wait for the mail of a dead one."""

DAY_SECONDS: Final = 86_400
SENT: Final = b"sent"


class Claims:
    """The claims of one contact, in one turn."""

    def __init__(self, state: KV, contact_id: str, holder: bytes) -> None:
        self._state = state
        self._prefix = f"{TOLD}{contact_id}:"
        self._holder = holder

    async def told(self) -> frozenset[tuple[str, Kind]]:
        """The invoice and kind of each notice that was sent, or is being sent by another."""
        found = set()
        for key in await self._state.list(self._prefix):
            kind, _, invoice_id = key.removeprefix(self._prefix).partition(":")
            found.add((invoice_id, Kind(kind)))
        return frozenset(found)

    async def take(self, notices: Iterable[Notice[Invoice]]) -> list[Notice[Invoice]]:
        """Those of the notices that could be claimed, each for the kinds that could."""
        taken = []
        for notice in notices:
            won = [
                kind
                for kind in Kind
                if kind in notice.kinds
                and await self._state.add(self._key(notice, kind), self._holder, LEASE_SECONDS)
            ]
            if won:
                taken.append(replace(notice, kind=won[0], kinds=frozenset(won)))
        return taken

    async def settle(self, notices: Iterable[Notice[Invoice]], today: date) -> None:
        """The mail is with the mail server: never again."""
        for notice in notices:
            days = (remembered_until(notice.invoice, today) - today).days
            for kind in notice.kinds:
                await self._state.put(self._key(notice, kind), SENT, ttl=days * DAY_SECONDS)

    async def give_back(self, notices: Iterable[Notice[Invoice]]) -> None:
        """The mail was not taken: whoever comes next may try."""
        for notice in notices:
            for kind in notice.kinds:
                await release(self._state, self._key(notice, kind), self._holder)

    def _key(self, notice: Notice[Invoice], kind: Kind) -> str:
        return f"{self._prefix}{kind.value}:{notice.invoice.id}"


@asynccontextmanager
async def turn(state: KV, contact_id: str) -> AsyncIterator[Claims | None]:
    """The contact's claims, for the one who has the turn; None for everybody else."""
    holder, key = uuid4().hex.encode(), f"{TURN}{contact_id}"
    if not await state.add(key, holder, LEASE_SECONDS):
        yield None
        return
    try:
        yield Claims(state, contact_id, holder)
    finally:
        await release(state, key, holder)


async def release(state: KV, key: str, holder: bytes) -> None:
    """Let go of a lease, unless it has run out and is another's by now."""
    if await state.get(key) == holder:
        await state.delete(key)
