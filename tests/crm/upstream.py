"""An SM API in a test's hands: it answers what it is told to, and keeps what it was asked."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

import httpx2 as httpx

from portal.crm.breaker import Breaker
from portal.crm.client import DEADLINE, Observe, SMApi

ORIGIN: Final = "https://sm.example"
Answerer = Callable[[httpx.Request], httpx.Response]


def ok(data: Any, status: int = 200) -> httpx.Response:
    """A success in SM API's envelope."""
    return httpx.Response(status, json={"ok": True, "data": data})


def refusal(status: int, error: str = "no", **more: Any) -> httpx.Response:
    """A refusal in SM API's envelope."""
    return httpx.Response(status, json={"ok": False, "error": error, **more})


@dataclass
class Upstream:
    """What a client speaks to. `answer` may be changed between calls; `waits` are its pauses."""

    answer: Answerer
    calls: list[httpx.Request] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Keep the call, and answer it."""
        self.calls.append(request)
        return self.answer(request)

    async def wait(self, seconds: float) -> None:
        """Take no time, and remember how long it would have been."""
        self.waits.append(seconds)

    def client(
        self,
        product: str = "mode",
        deadline: float = DEADLINE,
        observe: Observe | None = None,
        breaker: Breaker | None = None,
    ) -> SMApi:
        """A client that speaks to this one, and goes on however often it fails."""
        return SMApi(
            ORIGIN,
            client_id="id.access",
            client_secret="the-secret",
            product=product,
            transport=httpx.MockTransport(self),
            sleep=self.wait,
            deadline=deadline,
            observe=observe,
            breaker=breaker or Breaker(count(step=3600).__next__, failures=sys.maxsize),
        )


def always(answer: httpx.Response) -> Upstream:
    """One that gives the same answer to everything."""
    return Upstream(
        lambda _: httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
    )


def in_turn(*answers: httpx.Response | Exception) -> Upstream:
    """One that gives these answers, one after the other; an exception is a broken connection."""
    left = list(answers)

    def next_one(_: httpx.Request) -> httpx.Response:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Upstream(next_one)


@dataclass
class Clock:
    """A clock that moves when told to."""

    now: datetime = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The moment it shows."""
        return self.now

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
