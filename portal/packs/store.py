"""What of packs is kept in STATE: jobs, records, finished files, and who is at work on which.

Everything of a pack ends with the pack, a day after it was started. A job's key holds its owner's
contact id, so nobody finds another's. `claim` is a lease: whoever builds renews it with each
file, so that one which has run out tells that its process was killed. There is one for each
person, which is why nobody has two packs made at once.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from secrets import token_hex
from typing import Final

import msgspec
from msgspec import Struct

from portal.documents.year_pack import PackRecords
from portal.domain.year_pack import PackedFile, PackState
from portal.edge.kv import KV

KEPT_FOR: Final = timedelta(days=1)
LEASE_SECONDS: Final = 10.0
"""How long after its last file a builder counts as alive; a file takes a tenth of a second."""

PACK_ID: Final = re.compile(r"[0-9a-f]{32}")

JOB: Final = "year-pack-job:"
RECORDS: Final = "year-pack-records:"
PART: Final = "year-pack-part:"
ENDED: Final = "year-pack-ended:"
LEASE: Final = "year-pack-lease:"


class Pause(StrEnum):
    """Why nobody goes on with a job until somebody asks for it."""

    UNREACHABLE = "unreachable"
    FAULT = "fault"


class Job(Struct, frozen=True, kw_only=True):
    """A pack that is, or is being, made: whose it is, what will be in it, and what already is.

    `names` are its files in their order, of which those in `files` are finished. Once all are,
    `zip_bytes` and `zip_sha256` describe the whole. `pause` says why it rests, if it does.
    """

    id: str
    contact_id: str
    company_id: str
    product: str
    year: int
    as_of: datetime
    names: tuple[str, ...]
    files: tuple[PackedFile, ...] = ()
    pause: Pause | None = None
    zip_bytes: int = 0
    zip_sha256: str = ""

    @property
    def until(self) -> datetime:
        """When it is forgotten."""
        return self.as_of + KEPT_FOR

    @property
    def is_done(self) -> bool:
        """Whether the ZIP can be had."""
        return bool(self.zip_sha256)


class Lease(Struct, frozen=True, kw_only=True):
    """Who is at work on which job of a person; `token` is one builder's own."""

    job_id: str
    year: int
    token: str


def new_id() -> str:
    """128 random bits."""
    return token_hex(16)


class PackStore:
    """Jobs and what belongs to them. `now` is a moment of the store's own clock."""

    def __init__(self, state: KV) -> None:
        self._state = state

    async def jobs(self, contact_id: str) -> list[Job]:
        """A person's jobs, the latest first."""
        keys = await self._state.list(f"{JOB}{contact_id}:")
        found = [job for key in keys if (job := _job(await self._state.get(key)))]
        return sorted(found, key=lambda job: (job.as_of, job.id), reverse=True)

    async def job(self, contact_id: str, job_id: str) -> Job | None:
        """A person's job; None when they have none of this id."""
        if not PACK_ID.fullmatch(job_id):
            return None
        return _job(await self._state.get(_key(contact_id, job_id)))

    async def save(self, job: Job, now: datetime) -> None:
        """Keep the job as it is now."""
        value = msgspec.json.encode(job)
        await self._state.put(_key(job.contact_id, job.id), value, _left(job, now))

    async def keep_records(self, job: Job, records: PackRecords, now: datetime) -> None:
        """Keep what the job is made from."""
        value = msgspec.json.encode(records)
        await self._state.put(f"{RECORDS}{job.id}", value, _left(job, now))

    async def records(self, job: Job) -> PackRecords | None:
        """What the job is made from, while it is kept."""
        value = await self._state.get(f"{RECORDS}{job.id}")
        return None if value is None else msgspec.json.decode(value, type=PackRecords)

    async def keep_part(self, job: Job, place: int, content: bytes, now: datetime) -> None:
        """Keep a finished file, by its place among the job's names."""
        await self._state.put(_part(job, place), content, _left(job, now))

    async def part(self, job: Job, place: int) -> bytes | None:
        """A finished file, while it is kept."""
        return await self._state.get(_part(job, place))

    async def places(self, job: Job) -> list[int]:
        """The places of the files that are kept."""
        keys = await self._state.list(f"{PART}{job.id}:")
        return [int(key.rpartition(":")[2]) for key in keys]

    async def state_of(self, job: Job) -> PackState:
        """How the job stands now."""
        if await self.is_ended(job):
            return PackState.CANCELLED
        if job.is_done:
            return PackState.DONE
        lease = await self.lease(job.contact_id)
        if lease is not None and lease.job_id == job.id:
            return PackState.BUILDING
        return PackState.PAUSED if job.pause else PackState.STALLED

    # Ending

    async def is_ended(self, job: Job) -> bool:
        """Whether the job was cancelled or deleted."""
        return await self._state.get(f"{ENDED}{job.id}") is not None

    async def end(self, job: Job, now: datetime) -> None:
        """Cancel: mark the job first, so that its builder stops, then forget all it has made."""
        await self._state.add(f"{ENDED}{job.id}", b"cancelled", _left(job, now))
        await self.forget_content(job)

    async def delete(self, job: Job, now: datetime) -> None:
        """Forget the job and all that belongs to it; the mark stays for a builder still at it."""
        await self._state.put(f"{ENDED}{job.id}", b"deleted", _left(job, now))
        await self.forget_content(job)
        await self._state.delete(_key(job.contact_id, job.id))

    async def forget_ended(self, job: Job) -> None:
        """Forget what a builder has still kept of a job that was ended meanwhile."""
        await self.forget_content(job)
        if await self._state.get(f"{ENDED}{job.id}") == b"deleted":
            await self._state.delete(_key(job.contact_id, job.id))

    async def forget_content(self, job: Job) -> None:
        """Forget a job's records and files."""
        for key in await self._state.list(f"{PART}{job.id}:"):
            await self._state.delete(key)
        await self._state.delete(f"{RECORDS}{job.id}")

    # Who is at work

    async def claim(self, contact_id: str, job_id: str, year: int) -> Lease | None:
        """The right to work on a job; None while somebody works on one of this person's."""
        lease = Lease(job_id=job_id, year=year, token=token_hex(8))
        value = msgspec.json.encode(lease)
        added = await self._state.add(f"{LEASE}{contact_id}", value, LEASE_SECONDS)
        return lease if added else None

    async def lease(self, contact_id: str) -> Lease | None:
        """Who is at work for this person."""
        value = await self._state.get(f"{LEASE}{contact_id}")
        return None if value is None else msgspec.json.decode(value, type=Lease)

    async def renew(self, contact_id: str, lease: Lease) -> bool:
        """Hold the right for longer; False when it ran out meanwhile and is another's now."""
        key, value = f"{LEASE}{contact_id}", msgspec.json.encode(lease)
        if await self._state.add(key, value, LEASE_SECONDS):
            return True
        if await self.lease(contact_id) != lease:
            return False
        await self._state.put(key, value, LEASE_SECONDS)
        return True

    async def release(self, contact_id: str, lease: Lease) -> None:
        """Give the right back, if it is still held."""
        if await self.lease(contact_id) == lease:
            await self._state.delete(f"{LEASE}{contact_id}")


def _key(contact_id: str, job_id: str) -> str:
    return f"{JOB}{contact_id}:{job_id}"


def _part(job: Job, place: int) -> str:
    return f"{PART}{job.id}:{place:05}"


def _left(job: Job, now: datetime) -> float:
    # A moment that is over already keeps nothing, as a TTL of zero does.
    return max((job.until - now).total_seconds(), 0.0)


def _job(value: bytes | None) -> Job | None:
    return None if value is None else msgspec.json.decode(value, type=Job)
