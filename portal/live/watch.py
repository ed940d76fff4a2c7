"""One look at the CRM for each company, however many people have its pages open."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import structlog

from portal.crm.access import ClientAccess
from portal.domain.viewer import Role, Viewer
from portal.errors import SMApiError
from portal.live.digest import ACTIVITIES, ENGAGEMENTS, INVOICES, Versions, digest

LONGEST_PAUSE: Final = 60.0
"""Seconds between two looks at a CRM that keeps failing."""

LONGEST_LOOK: Final = 10.0
"""Seconds after which a look counts as failed: access is looked at in between."""

Standing = tuple[str, Viewer]

log = structlog.get_logger(__name__)


class Ending(StrEnum):
    """Why a stream is closed from our side."""

    OVER = "over"
    """Whoever listened may not any more, or not in the role that the page was made for."""

    REPLACED = "replaced"
    """The same browser has opened too many others since."""

    AGAIN = "again"
    """This process stops: the browser opens the stream anew by itself."""


class Verdict(StrEnum):
    """Whether somebody still may see what they have open."""

    SAME = "same"
    """As when the page was opened."""

    OVER = "over"
    """Signed out, expired, without access, or in another role."""

    UNSURE = "unsure"
    """The CRM cannot be asked: nothing is said until it can."""


@dataclass(eq=False)
class Listener:
    """One open page. `session_id` is what several of them share in one browser.

    `ask` tells whether they still may; `tell` is given the versions whenever they changed, with
    those before, and once at first, with None; `end` is called when nothing follows any more.
    """

    viewer: Viewer
    session_id: str
    ask: Callable[[], Awaitable[Verdict]]
    tell: Callable[[Versions, Versions | None], None]
    end: Callable[[Ending], None]
    seen: Versions | None = None

    @property
    def standing(self) -> Standing:
        """What `ask` is about: the same for every page that this session opened as this viewer."""
        return self.session_id, self.viewer

    def show(self, versions: Mapping[Role, Versions]) -> None:
        """Tell of what is not the same as last time."""
        now = versions[self.viewer.role]
        if now != self.seen:
            before, self.seen = self.seen, now
            self.tell(now, before)


async def look(access: ClientAccess, viewers: Mapping[Role, Viewer]) -> dict[Role, Versions]:
    """The versions that each role sees, from one reading of the CRM. Raises SMApiError."""
    accesses = access.read_as(tuple(viewers.values()))
    found = await asyncio.gather(*map(_versions, accesses))
    return dict(zip(viewers, found, strict=True))


async def _versions(access: ClientAccess) -> Versions:
    engagements, activities = await asyncio.gather(access.engagements(), access.activities())
    found = {ENGAGEMENTS: digest(engagements), ACTIVITIES: digest(activities)}
    if access.viewer.sees_money:
        found[INVOICES] = digest(await access.invoices())
    return found


@dataclass
class Watch:
    """Looks at one company at every interval for as long as anybody listens.

    `look` reads the versions of every role and raises SMApiError when it cannot; after that it is
    tried less and less often. `pause` waits so many seconds.
    """

    look: Callable[[], Awaitable[Mapping[Role, Versions]]]
    interval: float
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep
    listeners: set[Listener] = field(default_factory=set)
    versions: Mapping[Role, Versions] | None = None
    _failures: int = 0
    _skip: int = 0

    def add(self, listener: Listener) -> None:
        """Listen from now on; who comes later learns at once what is known."""
        self.listeners.add(listener)
        if self.versions is not None:
            listener.show(self.versions)

    async def run(self) -> None:
        """Until nobody listens any more. Whoever goes to another page is back before that."""
        while self.listeners:
            _, verdicts = await asyncio.gather(self._look_if_due(), self._ask_all())
            self._pass_on(verdicts)
            await self.pause(self.interval)

    async def _ask_all(self) -> dict[Standing, Verdict]:
        """Each session is asked about once, whatever number of pages it has open."""
        one_of = {one.standing: one for one in self.listeners}
        asked = await asyncio.gather(*(_ask(one) for one in one_of.values()))
        return dict(zip(one_of, asked, strict=True))

    async def _look_if_due(self) -> None:
        if self._skip:
            self._skip -= 1
            return
        try:
            async with asyncio.timeout(LONGEST_LOOK):
                self.versions = await self.look()
        except (SMApiError, TimeoutError) as error:
            self._failures += 1
            most = math.ceil(LONGEST_PAUSE / self.interval)
            self._skip = min(2 ** min(self._failures, 20), most) - 1
            log.warning("live_look_failed", error=type(error).__name__, failures=self._failures)
        else:
            self._failures = 0

    def _pass_on(self, verdicts: Mapping[Standing, Verdict]) -> None:
        for listener in tuple(self.listeners):
            # Who came while the others were asked about has only just been let in.
            verdict = verdicts.get(listener.standing, Verdict.SAME)
            if verdict is Verdict.OVER:
                self.listeners.discard(listener)
                listener.end(Ending.OVER)
            elif verdict is Verdict.SAME and self.versions is not None:
                listener.show(self.versions)


async def _ask(listener: Listener) -> Verdict:
    try:
        async with asyncio.timeout(LONGEST_LOOK):
            return await listener.ask()
    except TimeoutError:
        return Verdict.UNSURE


class Watches:
    """The companies that somebody has open, each with its one task."""

    def __init__(self) -> None:
        self._watches: dict[str, Watch] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        """How many companies are being looked at."""
        return len(self._tasks)

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """One for each of them."""
        return tuple(self._tasks.values())

    def add(self, listener: Listener, new_watch: Callable[[], Watch]) -> None:
        """Listen to the listener's company, with `new_watch` if nobody does yet."""
        company = listener.viewer.company_id
        if company not in self._watches:
            self._watches[company] = new_watch()
        self._watches[company].add(listener)
        if company not in self._tasks:
            # In a context of its own: it does not belong to the request that happened to be first.
            task = asyncio.get_running_loop().create_task(
                self._run(company), name=f"live {company}", context=Context()
            )
            self._tasks[company] = task

    def remove(self, listener: Listener) -> None:
        """Listen no more; the company's task ends at its next turn if nobody else does."""
        watch = self._watches.get(listener.viewer.company_id)
        if watch is not None:
            watch.listeners.discard(listener)

    async def close(self) -> None:
        """End every task."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _run(self, company: str) -> None:
        try:
            await self._watches[company].run()
        except Exception:
            # Pages stay as they are and open their streams anew.
            log.exception("live_watch_failed")
            for listener in self._watches[company].listeners:
                listener.end(Ending.AGAIN)
        finally:
            del self._watches[company], self._tasks[company]
