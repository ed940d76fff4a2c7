"""Making a pack in the background, file by file; what is finished is never made again.

A builder stops between two files: when the job is cancelled, when its lease is another's, and
when the process ends, after which any other goes on where it was.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from msgspec.structs import replace

from portal.crm.access import ClientAccess
from portal.documents.year_pack import PackRecords, Piece, zipped
from portal.domain.year_pack import MANIFEST, SUMS, PackedFile, manifest, sums
from portal.edge.ctx import Context
from portal.errors import SMApiError
from portal.packs.store import Job, Lease, PackStore, Pause

log = structlog.get_logger(__name__)


class Interrupted(Exception):
    """Nobody is to go on with this here and now."""


@dataclass(frozen=True)
class Builder:
    """Makes one job, under its lease. `pieces` are the documents to make from some records."""

    store: PackStore
    access: ClientAccess
    ctx: Context
    pieces: Callable[[PackRecords], Sequence[Piece]]

    async def build(self, job: Job, lease: Lease) -> None:
        """Go on with the job until it is done, interrupted, or cannot go on. Never raises."""
        try:
            await self._finish(await self._resumed(job), lease)
        except Interrupted:
            log.info("year_pack_interrupted", id=job.id)
        except SMApiError as error:
            log.warning("year_pack_paused", id=job.id, detail=error.detail)
            await self._pause(job, lease, Pause.UNREACHABLE)
        except Exception:
            log.exception("year_pack_failed", id=job.id)
            await self._pause(job, lease, Pause.FAULT)
        finally:
            if await self.store.is_ended(job):
                await self.store.forget_ended(job)
            await self.store.release(job.contact_id, lease)

    async def _resumed(self, job: Job) -> Job:
        """The job as it is kept now, no longer paused, with the files that are kept, too."""
        kept = await self.store.job(job.contact_id, job.id)
        if kept is None or await self.store.is_ended(job):
            raise Interrupted
        there = {kept.names[place] for place in await self.store.places(kept)}
        files = tuple(file for file in kept.files if file.name in there)
        return await self._saved(replace(kept, pause=None, files=files))

    async def _finish(self, job: Job, lease: Lease) -> None:
        if job.is_done:
            return
        await self._rest(job, lease)
        records = await self._records(job)
        made = {piece.name: piece.make for piece in self.pieces(records)}
        for name in job.names:
            if name in {file.name for file in job.files}:
                continue
            await self._rest(job, lease)
            make = made.get(name) or self._about(name, job, records)
            job = await self._kept(job, lease, name, await make())
        await self._rest(job, lease)
        await self._seal(job, lease)

    async def _rest(self, job: Job, lease: Lease) -> None:
        """Between two files. Raises Interrupted when this is not to go on."""
        if self.ctx.is_stopping:
            raise Interrupted
        await self._hold(job, lease)

    async def _hold(self, job: Job, lease: Lease) -> None:
        """Raises Interrupted when the job was ended, or is another builder's now."""
        ended = await self.store.is_ended(job)
        if ended or not await self.store.renew(job.contact_id, lease):
            raise Interrupted

    async def _records(self, job: Job) -> PackRecords:
        """What the pack is made from; the company's name is asked for here, once."""
        records = await self.store.records(job)
        if records is None:
            raise Interrupted
        if not records.company_name:
            company = await self.access.company()
            records = replace(records, company_name=company.name)
            await self.store.keep_records(job, records, self._now())
        return records

    def _about(self, name: str, job: Job, records: PackRecords) -> Callable[[], Awaitable[bytes]]:
        """How to make a file that speaks of the others."""

        async def make() -> bytes:
            if name == SUMS:
                return sums(job.files)
            assert name == MANIFEST, name
            return manifest(
                job.files,
                product=job.product,
                company=records.company_name,
                year=job.year,
                as_of=job.as_of,
            )

        return make

    async def _kept(self, job: Job, lease: Lease, name: str, content: bytes) -> Job:
        await self._hold(job, lease)
        # It may have taken so long that another went on meanwhile: what that one made stays.
        kept = await self.store.job(job.contact_id, job.id)
        if kept is None or kept.is_done:
            raise Interrupted
        place = job.names.index(name)
        await self.store.keep_part(job, place, content, self._now())
        files = {file.name: file for file in (*kept.files, PackedFile.of(name, content))}
        in_order = tuple(files[name] for name in kept.names if name in files)
        return await self._saved(replace(kept, files=in_order))

    async def _seal(self, job: Job, lease: Lease) -> None:
        """Write the whole once, to know its length and sum; it is not kept beside its parts."""
        length, digest = 0, hashlib.sha256()
        async for chunk in content_of(self.store, job):
            length += len(chunk)
            digest.update(chunk)
            # Others get their turn: reading and adding up never waits for anything.
            await asyncio.sleep(0)
        await self._rest(job, lease)
        await self._saved(replace(job, zip_bytes=length, zip_sha256=digest.hexdigest()))
        log.info("year_pack_done", id=job.id, files=len(job.files), bytes=length)

    async def _pause(self, job: Job, lease: Lease, why: Pause) -> None:
        kept = await self.store.job(job.contact_id, job.id)
        if kept is not None and await self.store.renew(job.contact_id, lease):
            await self._saved(replace(kept, pause=why))

    async def _saved(self, job: Job) -> Job:
        await self.store.save(job, self._now())
        return job

    def _now(self) -> datetime:
        return self.access.now()


def content_of(store: PackStore, job: Job) -> AsyncGenerator[bytes, None]:
    """The ZIP of a job whose files are all finished.

    Raises LookupError, half-way, when a file is no longer kept: a download that breaks off is
    seen to be broken.
    """

    async def read(place: int) -> bytes:
        content = await store.part(job, place)
        if content is None:
            raise LookupError(job.names[place])
        return content

    return zipped(job.names, read, job.as_of)
