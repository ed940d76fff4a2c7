"""Probes: `/healthz` says that the process lives, `/readyz` whether it should be sent requests.

What it depends on does not decide that. Without SM API pages show their last good data, without the
state store those who are signed in read on, and every instance depends on the same ones: a balancer
that took them all out for it would turn a lack into an outage. What is missing is said as reasons.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from portal.env import Env

KEPT: Final = 2.0
"""Seconds that what was seen counts: however many probes there are, so often is looked."""

LONGEST_WAIT: Final = 1.5
"""Seconds that a probe waits for what it looks at."""

NO_ANSWER: Final = "NoAnswer"

Look = Callable[[], Awaitable[object]]


class Readiness:
    """Whether one process should be sent requests, and what it lacks.

    `timer` gives seconds; `wait` is how many of them a probe waits.
    """

    def __init__(
        self, env: Env, timer: Callable[[], float] = time.monotonic, wait: float = LONGEST_WAIT
    ) -> None:
        looks: Mapping[str, Look] = {
            "state": lambda: env.state.get("readyz"),
            "queue": env.outbox.depth,
            "sm_api": env.sm.check,
        }
        self._timer = timer
        self._wait = wait
        self._watched = {name: _Watched(look, timer) for name, look in looks.items()}
        self._stops: float | None = None

    @property
    def is_stopping(self) -> bool:
        """Whether the process is about to end, so that requests should go elsewhere."""
        return self._stops is not None

    def stop(self, delay: float = 0.0) -> None:
        """Be not ready from now on; requests are still taken for `delay` seconds."""
        if self._stops is None:
            self._stops = self._timer() + delay

    def left(self, seconds: float) -> float:
        """What is left of so many seconds after the last request that is taken.

        All of them when nobody called `stop`.
        """
        return seconds if self._stops is None else self._stops + seconds - self._timer()

    async def reasons(self) -> dict[str, str]:
        """What does not answer, each with the name of its error."""
        every = self._watched.values()
        looking = [look for look in (one.look() for one in every) if look is not None]
        if looking:
            await asyncio.wait(looking, timeout=self._wait)
        found = {name: one.reason for name, one in self._watched.items()}
        return {name: reason for name, reason in found.items() if reason}


class _Watched:
    """One thing that is looked at: by one call at a time, which outlives whoever waited for it."""

    def __init__(self, look: Look, timer: Callable[[], float]) -> None:
        self._look = look
        self._timer = timer
        self._seen: tuple[float, str] | None = None
        self._looking: asyncio.Task[None] | None = None

    @property
    def reason(self) -> str:
        """Why it is not well, or nothing."""
        if self._looking is not None or self._seen is None:
            return NO_ANSWER
        return self._seen[1]

    def look(self) -> asyncio.Task[None] | None:
        """The look that is under way or has to be taken now; None when the last one counts."""
        if self._looking is None and not self._is_fresh():
            self._looking = asyncio.create_task(self._take())
        return self._looking

    def _is_fresh(self) -> bool:
        return self._seen is not None and self._timer() - self._seen[0] < KEPT

    async def _take(self) -> None:
        reason = ""
        try:
            await self._look()
        except Exception as error:  # any failure means the same here
            reason = type(error).__name__
        finally:
            self._looking = None
        self._seen = (self._timer(), reason)


async def healthz(_request: Request) -> Response:
    """200 as long as the process answers at all."""
    return JSONResponse({"ok": True})


async def readyz(request: Request) -> Response:
    """200 and `ready`, or `degraded` with reasons; 503 and `stopping` once the process is to end.

    While it starts it does not answer at all. `ok` is true when nothing is missing.
    """
    readiness = request.app.state.readiness
    assert isinstance(readiness, Readiness)
    if readiness.is_stopping:
        return JSONResponse({"ok": False, "status": "stopping", "reasons": {}}, status_code=503)
    reasons = await readiness.reasons()
    status = "degraded" if reasons else "ready"
    return JSONResponse({"ok": not reasons, "status": status, "reasons": reasons})


def stop_being_ready(app: object, delay: float = 0.0) -> None:
    """Have an app say that requests should go elsewhere, if it has a way to say it."""
    readiness = getattr(getattr(app, "state", None), "readiness", None)
    if isinstance(readiness, Readiness):
        readiness.stop(delay)
