"""The queue on Redis Streams: a stream holds the messages, a consumer group those handed out.

    PREFIX:queue:log       the stream: one entry for each message, numbered as it was sent (`7-1`)
    its group `portal`     the hand-outs: an entry is pending while a worker holds it, and says who
                           has it and how often it was tried (XPENDING)
    PREFIX:queue:lines     sorted by name: the waiting of each key in their order
    PREFIX:queue:ready     the first of each line that may be handed out now, by number
    PREFIX:queue:later     the first of each line that may not yet, by the moment when it may:
                           after its delay, or once its lease has ended
    PREFIX:queue:waiting   all that wait or are handed out, by number
    PREFIX:queue:dead      dead letters, by number
    PREFIX:queue:notes     of each number its attempts, lease, due moment and detail
    PREFIX:queue:ids       the number of each id that is held
    PREFIX:queue:count     the last number

A stream alone gives entries out in one order to whoever asks. Here a key's next message must wait
for the one before, and a delayed one for its time, so a hand-out is XCLAIM of exactly the entries
whose turn it is, from whichever worker held them last. Each method is one script: a worker that
is killed at any moment leaves either all of a step behind or nothing of it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Final

from portal.edge.engine import EngineUnavailable, Unavailable
from portal.edge.messages import DeadLetter, Depth, Message
from portal.edge.redis_server import RedisServer, Value

NAMES: Final = ("log", "lines", "ready", "later", "waiting", "dead", "notes", "ids", "count")

COMMON: Final = """
local log, lines, ready, later, waiting = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local dead, notes, ids, count = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local group = 'portal'

local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end

local function exact(number)
  return string.format('%.6f', number)
end
local function entry(sequence)
  return sequence .. '-1'
end
local function line(key)
  return redis.sha1hex(key) .. ':'
end
local function place(key, sequence)
  return line(key) .. string.format('%016d', sequence)
end
local function head(key)
  local first, past = '[' .. line(key), '(' .. line(key) .. '\\255'
  local found = redis.call('ZRANGE', lines, first, past, 'BYLEX', 'LIMIT', 0, 1)[1]
  return found and string.format('%d', string.sub(found, -16))
end
local function note_of(sequence)
  return cmsgpack.unpack(redis.call('HGET', notes, sequence))
end
local function note(sequence, kept)
  redis.call('HSET', notes, sequence, cmsgpack.pack(kept))
end
local function message(sequence)
  local fields = redis.call('XRANGE', log, entry(sequence), entry(sequence))[1][2]
  return {id = fields[2], key = fields[4], body = fields[6], sent = fields[8]}
end
local function unschedule(sequence)
  redis.call('ZREM', ready, sequence)
  redis.call('ZREM', later, sequence)
end
local function join(key, sequence)
  local before = head(key)
  redis.call('ZADD', lines, 0, place(key, sequence))
  redis.call('ZADD', waiting, sequence, sequence)
  if head(key) == sequence then
    if before then
      unschedule(before)
    end
    redis.call('ZADD', later, note_of(sequence).due, sequence)
  end
end
local function leave(key, sequence)
  local was_first = head(key) == sequence
  redis.call('ZREM', lines, place(key, sequence))
  redis.call('ZREM', waiting, sequence)
  unschedule(sequence)
  redis.call('XACK', log, group, entry(sequence))
  local first = head(key)
  if was_first and first then
    redis.call('ZADD', later, note_of(first).due, first)
  end
end
local function held(id, lease)
  local sequence = redis.call('HGET', ids, id)
  if not sequence or redis.call('ZSCORE', dead, sequence) then
    return nil
  end
  local kept = note_of(sequence)
  if kept.lease ~= tonumber(lease) then
    return nil
  end
  return sequence, kept
end
"""
SEND: Final = f"""{COMMON}
local id, key, body = ARGV[2], ARGV[3], ARGV[4]
if redis.call('HEXISTS', ids, id) == 1 then
  return
end
if redis.call('EXISTS', log) == 0 then
  redis.call('XGROUP', 'CREATE', log, group, '0', 'MKSTREAM')
end
local sequence = string.format('%d', redis.call('INCR', count))
redis.call('XADD', log, entry(sequence), 'id', id, 'key', key, 'body', body, 'sent', exact(now))
redis.call('HSET', ids, id, sequence)
note(sequence, {{attempts = 0, lease = 0, due = now, detail = ''}})
join(key, sequence)
"""
RECEIVE: Final = f"""{COMMON}
local batch, lease_seconds, consumer = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
for _, sequence in ipairs(redis.call('ZRANGE', later, '-inf', exact(now), 'BYSCORE')) do
  redis.call('ZREM', later, sequence)
  redis.call('ZADD', ready, sequence, sequence)
end
local given = {{}}
for _, sequence in ipairs(redis.call('ZRANGE', ready, 0, batch - 1)) do
  local kept, sent = note_of(sequence), message(sequence)
  kept.attempts, kept.lease, kept.due = kept.attempts + 1, kept.lease + 1, now + lease_seconds
  note(sequence, kept)
  redis.call('XCLAIM', log, group, consumer, 0, entry(sequence),
    'RETRYCOUNT', kept.attempts, 'FORCE', 'JUSTID')
  redis.call('ZREM', ready, sequence)
  redis.call('ZADD', later, exact(kept.due), sequence)
  given[#given + 1] = {{sent.id, sent.key, sent.body, kept.attempts, kept.lease}}
end
return given
"""
ACK: Final = f"""{COMMON}
local sequence = held(ARGV[2], ARGV[3])
if sequence then
  leave(message(sequence).key, sequence)
  redis.call('XDEL', log, entry(sequence))
  redis.call('HDEL', notes, sequence)
  redis.call('HDEL', ids, ARGV[2])
end
"""
RETRY: Final = f"""{COMMON}
local sequence, kept = held(ARGV[2], ARGV[3])
if sequence then
  kept.due, kept.detail, kept.lease = now + tonumber(ARGV[4]), ARGV[5], kept.lease + 1
  note(sequence, kept)
  redis.call('XACK', log, group, entry(sequence))
  if head(message(sequence).key) == sequence then
    unschedule(sequence)
    redis.call('ZADD', later, exact(kept.due), sequence)
  end
end
"""
BURY: Final = f"""{COMMON}
local sequence, kept = held(ARGV[2], ARGV[3])
if sequence then
  kept.detail, kept.lease, kept.buried = ARGV[4], kept.lease + 1, now
  note(sequence, kept)
  leave(message(sequence).key, sequence)
  redis.call('ZADD', dead, sequence, sequence)
end
"""
DEAD: Final = f"""{COMMON}
local letters = {{}}
for _, sequence in ipairs(redis.call('ZRANGE', dead, 0, -1)) do
  local kept, sent = note_of(sequence), message(sequence)
  letters[#letters + 1] = {{
    sent.id, sent.key, sent.body, kept.attempts, kept.detail, exact(kept.buried)
  }}
end
return letters
"""
REPLAY: Final = f"""{COMMON}
local sequence = redis.call('HGET', ids, ARGV[2])
if not sequence or redis.call('ZREM', dead, sequence) == 0 then
  return 0
end
local kept = note_of(sequence)
kept.attempts, kept.due, kept.buried = 0, now, nil
note(sequence, kept)
join(message(sequence).key, sequence)
return 1
"""
DEPTH: Final = f"""{COMMON}
local oldest = redis.call('ZRANGE', waiting, 0, 0)[1]
local age = oldest and math.max(0, now - message(oldest).sent) or 0
return {{redis.call('ZCARD', waiting), redis.call('ZCARD', dead), exact(age)}}
"""


class RedisQueue:
    """A queue of which all keys on the server begin with the URL's prefix.

    Moments are the server's own, which all machines share, unless a `clock` is given.
    """

    def __init__(
        self,
        url: str,
        unavailable: Unavailable = EngineUnavailable,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._server = RedisServer(url, unavailable)
        self._keys = tuple(f"{self._server.prefix}:queue:{name}" for name in NAMES)
        self._clock = clock
        self._consumer = socket.gethostname()

    async def send(self, body: bytes, *, key: str, id: str) -> None:  # noqa: A002
        """See `Queue`."""
        await self._run(SEND, id, key, body)

    async def receive(self, batch: int, lease_seconds: float) -> list[Message]:
        """See `Queue`."""
        rows = await self._run(RECEIVE, batch, lease_seconds, self._consumer)
        return [
            Message(id_.decode(), key.decode(), body, attempts, lease)
            for id_, key, body, attempts, lease in rows
        ]

    async def ack(self, message: Message) -> None:
        """See `Queue`."""
        await self._run(ACK, message.id, message.lease)

    async def retry(self, message: Message, delay: float, detail: str) -> None:
        """See `Queue`."""
        await self._run(RETRY, message.id, message.lease, delay, detail)

    async def bury(self, message: Message, detail: str) -> None:
        """See `Queue`."""
        await self._run(BURY, message.id, message.lease, detail)

    async def dead(self) -> list[DeadLetter]:
        """See `Queue`."""
        return [
            DeadLetter(id_.decode(), key.decode(), body, attempts, detail.decode(), float(buried))
            for id_, key, body, attempts, detail, buried in await self._run(DEAD)
        ]

    async def replay(self, message_id: str) -> bool:
        """See `Queue`."""
        return bool(await self._run(REPLAY, message_id))

    async def depth(self) -> Depth:
        """See `Queue`."""
        waiting, dead, age = await self._run(DEPTH)
        return Depth(waiting, dead, float(age))

    async def close(self) -> None:
        """See `Queue`."""
        await self._server.close()

    async def _run(self, script: str, *values: Value) -> Any:
        now = "" if self._clock is None else f"{self._clock():.6f}"
        return await self._server.script(script, self._keys, now, *values)
