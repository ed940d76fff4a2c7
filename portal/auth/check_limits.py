"""How often invoices may be checked: by one network, and wrongly for one number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.strategies import FixedWindowRateLimiter

from portal.auth.limits import KvStorage, network_of
from portal.edge.kv import KV
from portal.errors import ChecksUnavailable, InvoiceLocked, PortalError, TooManyChecks

PER_NETWORK: Final = RateLimitItemPerMinute(20, 10)
WRONG_PER_NUMBER: Final = RateLimitItemPerHour(50)
"""A tag of 25 bits stands for some 76 years of guessing, from however many addresses."""

log = structlog.get_logger(__name__)


class CheckLimits:
    """The limits on checks, counted in STATE. Without it every check is refused."""

    def __init__(self, state: KV) -> None:
        self._limiter = FixedWindowRateLimiter(KvStorage(state))

    async def admit(self, client: str, number: str) -> None:
        """Count a check from a network address, before anything is compared.

        Raises TooManyChecks, InvoiceLocked, or ChecksUnavailable when it cannot be counted.
        """
        with _closed_on_failure():
            if not await self._limiter.hit(PER_NETWORK, "check", network_of(client)):
                raise TooManyChecks(retry_after=PER_NETWORK.get_expiry())
            if not await self._limiter.test(WRONG_PER_NUMBER, "wrong-check", _digest(number)):
                raise InvoiceLocked(retry_after=WRONG_PER_NUMBER.get_expiry())

    async def count_wrong(self, number: str) -> None:
        """Count a check that found a difference, before that is told.

        Raises InvoiceLocked when it is one too many, and ChecksUnavailable.
        """
        with _closed_on_failure():
            if not await self._limiter.hit(WRONG_PER_NUMBER, "wrong-check", _digest(number)):
                raise InvoiceLocked(retry_after=WRONG_PER_NUMBER.get_expiry())


@contextmanager
def _closed_on_failure() -> Iterator[None]:
    try:
        yield
    except PortalError:
        raise
    except Exception as error:  # whatever the engine raises
        log.warning("checks_unavailable", error=type(error).__name__)
        raise ChecksUnavailable from error


def _digest(number: str) -> str:
    return hashlib.sha256(number.encode("utf-8", "surrogatepass")).hexdigest()
