"""`portal cron`: at the times of the schedule, or once, and what it says."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

from portal.cli.cron import in_words, run_on_schedule, run_tasks
from portal.edge.cron import parse_cron
from portal.env import Env
from portal.notices.run import Outcome
from tests.notices.subscribers import subscribed
from tests.pages.billing import bill
from tests.processes import portal, project_in, run_portal
from tests.stage import stage

VARIABLES = {
    "SESSION_SECRET": "a-secret-of-the-tests-that-is-long-enough-to-sign-with",
    "SM_API_CLIENT_ID": "x",
    "SM_API_CLIENT_SECRET": "x",
    "SM_API_KEY": "x",
    "GOOGLE_CLIENT_ID": "x",
    "GOOGLE_CLIENT_SECRET": "x",
    "SM_API_URL": "http://127.0.0.1:9",
}


async def test_tasks_run_whenever_one_of_the_schedules_says_also_after_a_failure() -> None:
    stop, ran = asyncio.Event(), list[datetime]()
    crons = parse_cron("10 * * * *"), parse_cron("0 18 * * *")
    async with stage() as on:

        async def pass_time(_stop: asyncio.Event, seconds: float) -> None:
            on.clock.forward(seconds=seconds)

        async def note(env: Env) -> Outcome:
            ran.append(env.clock())
            if len(ran) == 4:
                stop.set()
            if len(ran) % 2:
                raise RuntimeError("the tests break a task")
            return Outcome()

        await run_on_schedule(on.env, crons, stop, tasks=note, wait=pass_time)
    day = datetime(2026, 11, 24, tzinfo=UTC)
    at = [(16, 10), (17, 10), (18, 0), (18, 10)]
    assert ran == [day + timedelta(hours=hour, minutes=minute) for hour, minute in at]


async def test_whoever_is_asked_to_stop_runs_nothing_more() -> None:
    async def never(_env: Env) -> None:
        raise AssertionError("nothing was due")

    async with stage() as on:
        stop = asyncio.Event()
        crons = (parse_cron("* * * * *"),)
        running = asyncio.create_task(run_on_schedule(on.env, crons, stop, tasks=never))
        await asyncio.sleep(0)
        stop.set()
        await asyncio.wait_for(running, 5)


async def test_a_run_sends_what_is_due_and_brings_its_activities_to_the_crm() -> None:
    async with subscribed() as on:
        await bill(on, invoice_number="INV-1", issued_date="2026-11-24")
        assert await run_tasks(on.env) == Outcome(sent=1)
        answer = await on.sandbox.get("/api/activities", params={"type": "portal_notice_sent"})
        assert len(answer.json()["data"]) >= 1
        assert (await on.env.outbox.depth()).waiting == 0


def test_a_run_is_told_in_words() -> None:
    assert in_words(Outcome(sent=2)) == "Mails sent: 2."
    assert in_words(Outcome(1, 3)) == "Mails sent: 1. Failed, to be tried again: 3."


# The program


def test_once_runs_and_ends(tmp_path: Path) -> None:
    code, printed = run_portal("cron", "--once", folder=project_in(tmp_path), **VARIABLES)
    assert code == 0, printed
    assert printed.endswith("Mails sent: 0.\n")


def test_it_runs_until_it_is_stopped(tmp_path: Path) -> None:
    with portal("cron", folder=project_in(tmp_path), **VARIABLES) as process:
        assert process.stdout is not None
        assert "cron_started" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_without_a_schedule_it_says_how_to_make_one(tmp_path: Path) -> None:
    file = project_in(tmp_path) / "wrangler-like.toml"
    text = file.read_text()
    line = 'crons = ["10 12-23 * * *"]'
    assert line in text
    file.write_text(text.replace(line, "crons = []"))
    code, printed = run_portal("cron", folder=tmp_path, **VARIABLES)
    assert code == 1
    assert "Nothing is scheduled." in printed
    file.write_text(text.replace(line, 'crons = ["10 25 * * *"]'))
    code, printed = run_portal("cron", folder=tmp_path, **VARIABLES)
    assert code == 1
    assert '"25" is no hour; those are 0 to 23' in printed
    assert "Traceback" not in printed
