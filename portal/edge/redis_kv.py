"""The key-value store on a Redis or Valkey server, whose own clock lets entries expire.

    PREFIX:kv:KEY      each value under a key of its own, with Redis' own time to live
    PREFIX:kv-names    a sorted set of the names, so that listing some does not walk through all
    PREFIX:kv-ends     a sorted set of names by the moment they expire, so that names go too

Each write is one script that keeps the three together, and throws a few dead names away.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from portal.edge.engine import EngineUnavailable, Unavailable
from portal.edge.redis_server import RedisServer

NAMED: Final = """
local base, names, ends, key, value, ttl = KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3]
local function remember()
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZADD', names, 0, key)
  if ttl == '' then
    redis.call('ZREM', ends, key)
  else
    redis.call('ZADD', ends, now + ttl, key)
  end
  for _, old in ipairs(redis.call('ZRANGE', ends, '-inf', now, 'BYSCORE', 'LIMIT', 0, 8)) do
    if redis.call('EXISTS', base .. old) == 0 then
      redis.call('ZREM', names, old)
      redis.call('ZREM', ends, old)
    end
  end
end
local function keep(...)
  if ttl == '' then
    return redis.call('SET', base .. key, value, ...)
  end
  return redis.call('SET', base .. key, value, 'PX', ttl, ...)
end
"""
PUT: Final = f"{NAMED} keep() remember()"
ADD: Final = f"{NAMED} if keep('NX') then remember() return 1 end return 0"
INCREMENT: Final = f"""{NAMED}
if redis.call('EXISTS', base .. key) == 1 then
  return redis.call('INCR', base .. key)
end
value = '1'
keep()
remember()
return 1
"""
DELETE: Final = """
redis.call('DEL', KEYS[1] .. ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
"""
LIST: Final = r"""
local found = {}
local first, past = '[' .. ARGV[1], '(' .. ARGV[1] .. '\255'
for _, key in ipairs(redis.call('ZRANGE', KEYS[2], first, past, 'BYLEX')) do
  if redis.call('EXISTS', KEYS[1] .. key) == 1 then
    found[#found + 1] = key
  end
end
return found
"""


class RedisKV:
    """A store of which all keys on the server begin with the URL's prefix."""

    def __init__(self, url: str, unavailable: Unavailable = EngineUnavailable) -> None:
        self._server = RedisServer(url, unavailable)
        base = f"{self._server.prefix}:kv"
        self._keys = (f"{base}:", f"{base}-names", f"{base}-ends")

    async def get(self, key: str) -> bytes | None:
        """See `KV`."""
        found: bytes | None = await self._server.command("GET", self._keys[0] + key)
        return found

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """See `KV`."""
        if not keys:
            return []
        named = (self._keys[0] + key for key in keys)
        found: list[bytes | None] = await self._server.command("MGET", *named)
        return found

    def mark(self) -> None:
        """None: only the server knows."""
        return

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """See `KV`."""
        await self._server.script(PUT, self._keys, key, value, _milliseconds(ttl))

    async def add(self, key: str, value: bytes, ttl: float | None = None) -> bool:
        """See `KV`."""
        return bool(await self._server.script(ADD, self._keys, key, value, _milliseconds(ttl)))

    async def increment(self, key: str, ttl: float) -> int:
        """See `KV`."""
        return int(await self._server.script(INCREMENT, self._keys, key, "", _milliseconds(ttl)))

    async def delete(self, key: str) -> None:
        """See `KV`."""
        await self._server.script(DELETE, self._keys, key)

    async def list(self, prefix: str = "") -> list[str]:
        """See `KV`."""
        return [key.decode() for key in await self._server.script(LIST, self._keys, prefix)]

    async def close(self) -> None:
        """See `KV`."""
        await self._server.close()


def _milliseconds(ttl: float | None) -> str:
    """A time to live as Redis takes it, "" for none."""
    return "" if ttl is None else str(max(1, int(ttl * 1000)))
