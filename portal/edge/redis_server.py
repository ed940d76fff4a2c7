"""One Redis or Valkey server, as the store and the queue of a worker ask it.

Every question is one Lua script or one command, so it happens whole or not at all, and none is
asked twice: whether a lost answer was to something done, nobody here can know.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.maint_notifications import MaintNotificationsConfig

from portal.edge.engine import Unavailable, redis_address
from portal.edge.values import without_credentials

ANSWER_SECONDS: Final = 1.0
"""How long a connection or an answer is waited for."""

REST_SECONDS: Final = 1.0
"""How long a server that did not answer is not asked: a page asks several times, and waits once."""

MOST_CONNECTIONS: Final = 50

Value = str | bytes | int | float
log = structlog.get_logger(__name__)


class RedisServer:
    """A server and what our keys on it begin with. Connects when first asked, and again by itself.

    Needs Redis 7, or Valkey. Every question raises `unavailable` while there is no answer.
    """

    def __init__(self, url: str, unavailable: Unavailable) -> None:
        address = redis_address(url)
        self.prefix = address.prefix
        self._shown = without_credentials(address.url)
        self._unavailable = unavailable
        self._rests_until = 0.0
        pool = BlockingConnectionPool.from_url(
            address.url,
            max_connections=MOST_CONNECTIONS,
            timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
            # With them, the pool does not see that a server which was restarted has hung up.
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        self._redis = Redis.from_pool(pool)

    async def command(self, *words: Value) -> Any:
        """The answer to one command."""
        return await self._asked(partial(self._redis.execute_command, *words))

    async def script(self, text: str, keys: Sequence[str], *values: Value) -> Any:
        """What a Lua script returns, given the keys it begins from and more values."""
        return await self._asked(partial(self._redis.register_script(text), keys, values))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _asked(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        if time.monotonic() < self._rests_until:
            raise self._unavailable("Redis did not answer just now")
        try:
            return await ask()
        except (RedisError, OSError) as error:
            if not isinstance(error, ResponseError):
                self._rests_until = time.monotonic() + REST_SECONDS
            log.warning("redis_unavailable", server=self._shown, error=type(error).__name__)
            raise self._unavailable(f"Redis: {error}") from error
