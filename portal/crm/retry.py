"""When a call to SM API is tried again, and how long to wait first. Pure functions."""

from __future__ import annotations

from typing import Final

MAX_ATTEMPTS: Final = 3
FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 1.0
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


def may_repeat(method: str, *, has_idempotency_key: bool) -> bool:
    """Whether sending the call twice can do no harm: reads, and writes with a key."""
    return method in SAFE_METHODS or has_idempotency_key


def delay_before(attempt: int, *, retry_after: float | None, jitter: float) -> float | None:
    """Seconds to wait before `attempt` (2 is the first repeat); None means: give up.

    `jitter` is in [0, 1] and shortens the wait by up to a half, so that many portals that failed
    together do not come back together. A `Retry-After` longer than we may keep a page waiting
    ends the attempts: the caller answers from what it has.
    """
    if attempt > MAX_ATTEMPTS:
        return None
    if retry_after is not None:
        return retry_after if retry_after <= LONGEST_DELAY else None
    backoff: float = min(FIRST_DELAY * 2 ** (attempt - 2), LONGEST_DELAY)
    return backoff * (1 - jitter / 2)


def parse_retry_after(value: str | None) -> float | None:
    """Seconds from a `Retry-After` header; only the delay form is used here (RFC 9110 §10.2.3)."""
    if value is None or not value.strip().isascii() or not value.strip().isdigit():
        return None
    return float(value.strip())
