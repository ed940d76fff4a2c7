"""What one viewer may do with their packs: the only object that pages and downloads get.

It is bound to the viewer's contact, company and product, as `crm.access` is, so that no id opens
another's pack. Nothing here but `start`, `go_on`, `cancel` and `delete` changes anything.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.requests import Request

from portal.auth.gate import access_of
from portal.crm.access import ClientAccess
from portal.documents.check_code import CheckCodes
from portal.documents.wording import Wording
from portal.documents.year_pack import PackRecords, Piece, names_of, pieces
from portal.domain.year_pack import (
    MOST_KEPT,
    OTHER_UNDER_WAY,
    PackState,
    read_year,
    years_of,
)
from portal.edge.ctx import Context
from portal.env import env_of
from portal.errors import BadInput, NotFound, RoleNotAllowed, SMApiUnreachable
from portal.packs.builder import Builder, content_of
from portal.packs.store import Job, Lease, PackStore, new_id


@dataclass(frozen=True)
class Pack:
    """A pack of the viewer's, and how it stands now."""

    job: Job
    state: PackState

    @property
    def done(self) -> int:
        """How many of its files are finished."""
        return len(self.job.files)

    @property
    def total(self) -> int:
        """How many files it will have."""
        return len(self.job.names)

    @property
    def next_name(self) -> str | None:
        """The file that comes next; None when there is none left."""
        finished = {file.name for file in self.job.files}
        return next((name for name in self.job.names if name not in finished), None)


class YearPacks:
    """The viewer's packs."""

    def __init__(
        self, store: PackStore, access: ClientAccess, ctx: Context, builder: Builder
    ) -> None:
        self._store = store
        self._access = access
        self._viewer = access.viewer
        self.ctx = ctx
        self._builder = builder

    async def mine(self) -> list[Pack]:
        """All of them, the latest first."""
        jobs = await self._store.jobs(self._viewer.contact_id)
        return [await self._pack(job) for job in jobs if self._is_theirs(job)]

    async def find(self, pack_id: str) -> Pack:
        """One of them. Raises NotFound for any other, there or not."""
        job = await self._store.job(self._viewer.contact_id, pack_id)
        if job is None or not self._is_theirs(job):
            raise NotFound
        return await self._pack(job)

    async def years(self) -> list[int]:
        """The years that a pack can be of, the latest first. Raises SMApiError."""
        return years_of(await self._access.invoices(), self._access.today())

    async def start(self, typed_year: str) -> str:
        """Start the pack of a year, or go on with the one there is unfinished; its id.

        Raises BadInput for another year than there are, and while another's is being made;
        SMApiError when the invoices cannot be read as they are now: a pack is for good.
        """
        access, viewer = self._access, self._viewer
        invoices, engagements = await access.invoices(), await access.engagements()
        if access.as_of is not None:
            raise SMApiUnreachable("a year pack is not made from last good data")
        as_of, today = access.now(), access.today()
        year = read_year(typed_year, years_of(invoices, today))
        for pack in await self.mine():
            if pack.job.year == year and pack.state.is_unfinished:
                return await self.go_on(pack.job.id)
        records = PackRecords(
            year=year,
            as_of=as_of,
            today=today,
            locale=viewer.locale,
            company_name="",
            invoices=tuple(invoices),
            engagement_names={one.id: one.name for one in engagements},
        )
        job = Job(
            id=new_id(),
            contact_id=viewer.contact_id,
            company_id=viewer.company_id,
            product=viewer.product,
            year=year,
            as_of=as_of,
            names=tuple(names_of(records)),
        )
        lease = await self._store.claim(viewer.contact_id, job.id, year)
        if lease is None:
            return await self._at_work_on(year)
        await self._make_room()
        await self._store.keep_records(job, records, as_of)
        await self._store.save(job, as_of)
        self._build(job, lease)
        return job.id

    async def go_on(self, pack_id: str) -> str:
        """Take up an unfinished pack that nobody is at; its id. Others stay as they are.

        Raises NotFound as `find`, and BadInput while another's is being made.
        """
        pack = await self.find(pack_id)
        if pack.state in (PackState.STALLED, PackState.PAUSED):
            lease = await self._store.claim(self._viewer.contact_id, pack.job.id, pack.job.year)
            if lease is None:
                return await self._at_work_on(pack.job.year)
            self._build(pack.job, lease)
        return pack.job.id

    async def cancel(self, pack_id: str) -> None:
        """End an unfinished pack and forget its files; one that is done stays. Raises NotFound."""
        pack = await self.find(pack_id)
        if pack.state.is_unfinished:
            await self._store.end(pack.job, self._access.now())
            await self._free(pack.job)

    async def delete(self, pack_id: str) -> None:
        """Forget a pack, finished or not. Raises NotFound."""
        await self._delete((await self.find(pack_id)).job)

    def content(self, pack: Pack) -> AsyncGenerator[bytes, None]:
        """The ZIP of a pack that is done, in pieces. Raises LookupError as `content_of`."""
        return content_of(self._store, pack.job)

    async def _pack(self, job: Job) -> Pack:
        return Pack(job, await self._store.state_of(job))

    def _is_theirs(self, job: Job) -> bool:
        """Whether the pack is of the company and product that the viewer belongs to now."""
        viewer = self._viewer
        return (job.company_id, job.product) == (viewer.company_id, viewer.product)

    async def _at_work_on(self, year: int) -> str:
        """The id of what is being made, when it is of this year. Raises BadInput when not."""
        lease = await self._store.lease(self._viewer.contact_id)
        if lease is not None and lease.year == year:
            return lease.job_id
        raise BadInput(OTHER_UNDER_WAY, field="year", year=lease.year if lease else year)

    async def _make_room(self) -> None:
        """Let go of the oldest, so that no more are kept than may be."""
        jobs = await self._store.jobs(self._viewer.contact_id)
        for job in jobs[MOST_KEPT - 1 :]:
            await self._delete(job)

    async def _delete(self, job: Job) -> None:
        await self._store.delete(job, self._access.now())
        await self._free(job)

    async def _free(self, job: Job) -> None:
        """Take the right to go on from whoever is at an ended job: the next may begin."""
        lease = await self._store.lease(job.contact_id)
        if lease is not None and lease.job_id == job.id:
            await self._store.release(job.contact_id, lease)

    def _build(self, job: Job, lease: Lease) -> None:
        self.ctx.wait_until(self._builder.build(job, lease))


def packs_of(request: Request) -> YearPacks:
    """The packs of whoever is signed in; in a preview those of the client; only behind the gate.

    Raises RoleNotAllowed for viewers.
    """
    env, access = env_of(request), access_of(request)
    if not access.viewer.sees_money:
        raise RoleNotAllowed

    def documents(records: PackRecords) -> list[Piece]:
        wording = Wording.speaking(env.templates, env.settings, records.locale)
        return pieces(records, wording.for_print(), CheckCodes.of(request))

    store = PackStore(env.state)
    return YearPacks(store, access, env.ctx, Builder(store, access, env.ctx, documents))
