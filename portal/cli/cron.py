"""`portal cron`: the scheduled tasks, at the times that `[triggers] crons` names.

Any number of these may run beside each other on one STATE store: what a task does is done once.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import anyio
import structlog

from portal.asgi import build_env
from portal.cli.project import add_project_options, load_project
from portal.cli.servers import stop_signals
from portal.edge.cron import Cron, next_run, parse_cron
from portal.env import Env
from portal.notices.run import Outcome, send_due_notices
from portal.observe import configure_logging
from portal.settings import Settings

LONGEST_NAP: Final = 60.0
"""Seconds between two looks at the clock, so that one that is set right is noticed."""

DELIVERY_SECONDS: Final = 30.0

log = structlog.get_logger(__name__)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_project_options(parser)
    parser.add_argument(
        "--once", action="store_true", help="run what is due now, whatever the hour, and end"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run until stopped, or once: then 0, or 1 when something has to be tried again.

    Raises ConfigError.
    """
    config, settings = load_project(arguments.config, arguments.env)
    configure_logging(json_lines=settings.environment != "local")
    if arguments.once:
        outcome = asyncio.run(_run_once(settings))
        print(in_words(outcome))
        return 1 if outcome.failed else 0
    if not config.crons:
        where = f"[env.{config.environment}.triggers]" if config.environment else "[triggers]"
        print(
            f'Nothing is scheduled. Say when in {config.path.name}: {where} crons = ["10 * * * *"]',
            file=sys.stderr,
        )
        return 1
    crons = tuple(parse_cron(expression) for expression in config.crons)
    asyncio.run(_run_until_stopped(settings, crons))
    return 0


def in_words(outcome: Outcome) -> str:
    """What a run did, for a person at a terminal."""
    said = f"Mails sent: {outcome.sent}."
    return f"{said} Failed, to be tried again: {outcome.failed}." if outcome.failed else said


async def run_tasks(env: Env) -> Outcome:
    """Every scheduled task, once: mails that are due, and the activities that they leave.

    What the CRM does not take in time stays in the queue, for a running portal or the next run.
    """
    outcome = await send_due_notices(env)
    with anyio.move_on_after(DELIVERY_SECONDS):
        while await env.outbox.deliver_due():
            pass
    log.info("cron_ran", sent=outcome.sent, failed=outcome.failed)
    return outcome


async def nap(stop: asyncio.Event, seconds: float) -> None:
    """Wait for so long, or until `stop` is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def run_on_schedule(
    env: Env,
    crons: tuple[Cron, ...],
    stop: asyncio.Event,
    *,
    tasks: Callable[[Env], Awaitable[object]] = run_tasks,
    wait: Callable[[asyncio.Event, float], Awaitable[None]] = nap,
) -> None:
    """Run the tasks whenever one of the schedules says so, until `stop` is set.

    What was due while they ran, or while the machine slept, is made up for by the next run: tasks
    look at what is left to do, not at the clock. A task that fails is logged.
    """
    while not stop.is_set():
        due = next_run(crons, env.clock())
        while not stop.is_set() and (left := (due - env.clock()).total_seconds()) > 0:
            await wait(stop, min(left, LONGEST_NAP))
        if not stop.is_set():
            try:
                await tasks(env)
            except Exception:
                log.exception("cron_failed")


async def _run_once(settings: Settings) -> Outcome:
    env = build_env(settings)
    try:
        return await run_tasks(env)
    finally:
        await env.close()


async def _run_until_stopped(settings: Settings, crons: tuple[Cron, ...]) -> None:
    env = build_env(settings)
    try:
        with stop_signals() as stop:
            log.info("cron_started", next=next_run(crons, env.clock()).isoformat())
            await run_on_schedule(env, crons, stop)
    finally:
        await env.close()
