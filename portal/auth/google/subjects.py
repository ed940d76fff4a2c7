"""Which Google account an address belongs to: whoever came first with it keeps it.

Addresses are handed on when people leave; the account's `sub` is not. Staff let a new account in
by granting the contact access again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from portal.crm.contacts import folded_address
from portal.edge.kv import KV

if TYPE_CHECKING:
    from portal.auth.google.id_token import Identity

PREFIX: Final = "google-subject:"


class Subjects:
    """The (issuer, subject) pair of each address, in the STATE store."""

    def __init__(self, state: KV) -> None:
        self._state = state

    async def claim(self, email: str, identity: Identity) -> bool:
        """Remember the account if it is the first with this address; False if another was."""
        pair = f"{identity.issuer} {identity.subject}".encode()
        return await self._state.add(_key(email), pair) or (
            await self._state.get(_key(email)) == pair
        )

    async def forget(self, email: str) -> None:
        """Let the next account that proves the address have it."""
        await self._state.delete(_key(email))


def _key(email: str) -> str:
    return PREFIX + folded_address(email)
