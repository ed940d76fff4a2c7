"""How often a sign-in may be asked for or refused: `limits`, counting in the STATE store."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Final

from limits import RateLimitItem
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter

from portal.edge.kv import KV

PREFIX: Final = "limit:"
TRIED: Final = "limits-tried"


class KvStorage(Storage):
    """Counters in a KV binding. A window runs from its first hit."""

    STORAGE_SCHEME = None

    def __init__(self, state: KV) -> None:
        super().__init__()
        self._state = state

    @property
    def base_exceptions(self) -> type[Exception]:
        """What a store may raise; none of it is wrapped."""
        return OSError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount` hits; the new count."""
        count = 0
        for _ in range(amount):
            count = await self._state.increment(PREFIX + key, ttl=expiry)
        return count

    async def get(self, key: str) -> int:
        """The current count."""
        kept = await self._state.get(PREFIX + key)
        return int(kept) if kept else 0

    async def get_expiry(self, key: str) -> float:
        """Not known to a KV store: now, so that nobody waits on it."""
        return time.time()

    async def check(self) -> bool:
        """Whether the store answers."""
        await self._state.get(PREFIX)
        return True

    async def reset(self) -> int | None:
        """Forget every counter."""
        keys = await self._state.list(PREFIX)
        for key in keys:
            await self._state.delete(key)
        return len(keys)

    async def clear(self, key: str) -> None:
        """Forget one counter."""
        await self._state.delete(PREFIX + key)


class AskLimits:
    """How often one address, and one client, may ask for a link."""

    def __init__(
        self, state: KV, per_address: Iterable[RateLimitItem], per_client: Iterable[RateLimitItem]
    ) -> None:
        self._state = state
        self._limiter = FixedWindowRateLimiter(KvStorage(state))
        self._per_address = tuple(per_address)
        self._per_client = tuple(per_client)

    async def check(self) -> None:
        """Find out that requests can be counted now. Raises StateUnavailable when they cannot."""
        await self._state.put(TRIED, b"1", ttl=1)

    async def allow(self, address: str, client: str) -> bool:
        """Count one request; False when either has had its share. Addresses are kept as digests.

        Whoever is over their own limit does not use up somebody else's address.
        """
        digest = hashlib.sha256(address.strip().casefold().encode()).hexdigest()
        return await _hit(
            self._limiter, self._per_client, "client", network_of(client)
        ) and await _hit(self._limiter, self._per_address, "address", digest)


class RefusalLimit:
    """How many refused sign-ins of one client go to the CRM: a flood of them stays in the log."""

    def __init__(self, state: KV, per_client: Iterable[RateLimitItem]) -> None:
        self._limiter = FixedWindowRateLimiter(KvStorage(state))
        self._per_client = tuple(per_client)

    async def allow(self, client: str) -> bool:
        """Count one refusal; False when the client has had its share."""
        return await _hit(self._limiter, self._per_client, "refusal", network_of(client))


def network_of(client: str) -> str:
    """What of a network address is counted: IPv4 whole, of IPv6 the /64 that one client has."""
    try:
        address = ip_address(client)
    except ValueError:
        return client
    return str(address) if address.version == 4 else str(ip_network(f"{address}/64", strict=False))


async def _hit(
    limiter: FixedWindowRateLimiter, limits: Iterable[RateLimitItem], kind: str, who: str
) -> bool:
    """Count one, the shortest window first: what it refuses does not use the longer ones up."""
    for limit in sorted(limits, key=lambda item: item.get_expiry()):
        if not await limiter.hit(limit, kind, who):
            return False
    return True
