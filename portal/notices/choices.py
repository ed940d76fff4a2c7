"""Who chose to be told of what: kept in the STATE store, one entry for each who chose anything."""

from __future__ import annotations

from typing import Final

import msgspec

from portal.domain.notices import Choice
from portal.edge.kv import KV

PREFIX: Final = "notices:choice:"


class Choices:
    """The choices of all contacts. One who has chosen nothing, or no more, has no entry."""

    def __init__(self, state: KV) -> None:
        self._state = state

    async def of(self, contact_id: str) -> Choice:
        """The contact's choice."""
        kept = await self._state.get(PREFIX + contact_id)
        return Choice() if kept is None else msgspec.json.decode(kept, type=Choice)

    async def keep(self, contact_id: str, choice: Choice) -> None:
        """Keep a choice in place of the one before."""
        if choice.kinds:
            await self._state.put(PREFIX + contact_id, msgspec.json.encode(choice))
        else:
            await self.forget(contact_id)

    async def forget(self, contact_id: str) -> None:
        """The contact is told nothing more."""
        await self._state.delete(PREFIX + contact_id)

    async def subscribers(self) -> list[str]:
        """The ids of the contacts that chose something, sorted."""
        return [key.removeprefix(PREFIX) for key in await self._state.list(PREFIX)]
