from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from portal.edge import ctx as module
from portal.edge.ctx import Context


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[MutableMapping[str, Any]]]:
    """What is logged. The logger is a fresh one: a used one keeps the processors it first had."""
    monkeypatch.setattr(module, "log", structlog.get_logger())
    with capture_logs() as captured:
        yield captured


async def test_draining_waits_for_the_work() -> None:
    ctx, done = Context(), []

    async def work() -> None:
        await asyncio.sleep(0)
        done.append("done")

    ctx.wait_until(work())
    assert done == []
    await ctx.drain(5)
    assert done == ["done"]


async def test_draining_waits_for_work_that_work_starts() -> None:
    ctx, done = Context(), []

    async def later() -> None:
        await asyncio.sleep(0)
        done.append("later")

    async def first() -> None:
        ctx.wait_until(later())

    ctx.wait_until(first())
    await ctx.drain(5)
    assert done == ["later"]


async def test_work_that_nobody_else_holds_is_not_lost() -> None:
    ctx, done = Context(), []
    gate = asyncio.Event()

    async def work() -> None:
        await gate.wait()
        done.append("done")

    ctx.wait_until(work())
    await asyncio.sleep(0)
    gc.collect()
    gate.set()
    await ctx.drain(5)
    assert done == ["done"]


async def test_a_failure_is_logged_and_reaches_nobody(
    logs: list[MutableMapping[str, Any]],
) -> None:
    ctx = Context()

    async def work() -> None:
        raise RuntimeError("broken")

    ctx.wait_until(work())
    await ctx.drain(5)
    [entry] = logs
    assert (entry["event"], entry["log_level"]) == ("background_work_failed", "error")
    assert "work" in entry["work"]


async def test_what_takes_too_long_is_cancelled(logs: list[MutableMapping[str, Any]]) -> None:
    ctx, ended = Context(), []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    ctx.wait_until(work())
    await asyncio.sleep(0)
    await ctx.drain(0.01)
    assert ended == ["cancelled"]
    assert [entry["event"] for entry in logs] == ["background_work_cancelled"]


@pytest.mark.parametrize("seconds", [0, 5])
async def test_draining_nothing_returns_at_once(seconds: float) -> None:
    await Context().drain(seconds)


async def test_long_work_sees_that_the_process_is_about_to_end() -> None:
    ctx, started, seen = Context(), asyncio.Event(), []

    async def work() -> None:
        seen.append(ctx.is_stopping)
        await started.wait()
        seen.append(ctx.is_stopping)

    ctx.wait_until(work())
    await asyncio.sleep(0)
    ctx.stop()
    started.set()
    await ctx.drain(5)
    assert seen == [False, True]
