"""`portal activities`: what an operator sees of what did not reach the CRM, and the next try."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from portal.activity.outbox import Activity, Outbox
from portal.activity.write import Write, encoded
from portal.cli import activities
from portal.cli.activities import counted, details, in_words, summary
from portal.cli.main import main
from portal.edge.queue import DeadLetter, open_queue
from tests.cli.test_cron import VARIABLES
from tests.crm.upstream import Clock, Upstream, ok, refusal
from tests.processes import project_in, run_portal

Command = Callable[..., Awaitable[tuple[int, str]]]

ASKED = Activity("support_request", "Asked", contact_id="ct_1", description="Which \x1b[2Jone?")
TITLE = Write("PATCH", "/api/contacts/ct_1", {"title": "CFO", "phone": "+1 212 555 0199"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return project_in(tmp_path)


@asynccontextmanager
async def outbox_in(folder: Path, upstream: Upstream) -> AsyncIterator[Outbox]:
    """The outbox of a portal that runs in this folder."""
    queue = open_queue(f"sqlite:{folder / '.portal' / 'activities.db'}")
    box = Outbox(queue, upstream.client(), "mode", Clock())
    try:
        yield box
    finally:
        await box.close()


@pytest.fixture
def command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Runs it in the folder beside what goes on in the test; its exit code, and all it printed."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(activities, "configure_logging", lambda **_: None)
    config = str(folder / "wrangler-like.toml")

    async def run(*words: str) -> tuple[int, str]:
        code = await asyncio.to_thread(main, ["activities", "--config", config, *words])
        return code, "".join(capsys.readouterr())

    return run


def choosy() -> Upstream:
    """It refuses until it is told otherwise."""
    return Upstream(lambda _: refusal(422, "no such type"))


async def test_what_was_refused_is_listed_replayed_and_delivered_by_the_running_portal(
    folder: Path, command: Command
) -> None:
    upstream = choosy()
    async with outbox_in(folder, upstream) as box:
        first = await box.record(ASKED)
        await box.deliver_due()
        await box.record(replace(ASKED, contact_id="ct_2"))
        code, printed = await command()
        assert code == 0, printed
        lines = printed.splitlines()
        assert lines[0].startswith("1 waiting, the first for ")
        assert lines[1] == "1 dead letter: portal activities dead"

        code, printed = await command("dead", first)
        assert code == 0, printed
        assert printed.startswith(f"{first}  ct_1  support_request: Asked\n  given up 2")
        assert "after 1 attempt: answered 422" in printed
        assert '"description": "Which \\u001b[2Jone?"' in printed
        assert "\x1b" not in printed
        assert not [value for value in VARIABLES.values() if len(value) > 9 and value in printed]

        upstream.answer = lambda _: ok({}, 201)
        assert await box.deliver_due() == 1
        assert await command("replay", first) == (0, "1 dead letter back in line.\n")
        assert await box.deliver_due() == 1
        keys = [call.headers["Idempotency-Key"] for call in upstream.calls]
        assert keys[0] == keys[2] == first
        depth = await box.depth()
        assert (depth.waiting, depth.dead) == (0, 0)


async def test_all_are_replayed_at_once_and_one_that_is_none_is_said(
    folder: Path, command: Command
) -> None:
    async with outbox_in(folder, choosy()) as box:
        for _ in range(3):
            await box.record(ASKED)
            await box.deliver_due()
        code, printed = await command("replay", "nothing")
        assert code == 1
        assert "There is no dead letter nothing.\n" in printed
        assert await command("replay", "--all") == (0, "3 dead letters back in line.\n")
        assert (await box.depth()).waiting == 3
    assert (await command("dead", "nothing"))[0] == 1
    with pytest.raises(SystemExit) as refused:
        await command("replay")
    assert refused.value.code == 2


def test_a_queue_that_cannot_be_opened_is_said_without_a_trace(folder: Path) -> None:
    (folder / ".portal").mkdir()
    (folder / ".portal" / "activities.db").write_text("no database, by its first bytes" * 100)
    code, printed = run_portal("activities", "list", folder=folder, **VARIABLES)
    assert code == 1
    assert printed.startswith("The ACTIVITIES queue cannot be used: ")
    assert "Traceback" not in printed


def letter(body: bytes, detail: str = "answered 422") -> DeadLetter:
    return DeadLetter("m1", "ct_1", body, 600, detail, 1_795_534_200.0)


def test_a_change_is_told_by_its_fields_and_whole_only_when_asked_for() -> None:
    found = letter(encoded(TITLE))
    assert summary(found) == (
        "m1  ct_1  PATCH /api/contacts/ct_1 (phone, title)\n"
        "  given up 2026-11-24 15:30:00 UTC after 600 attempts: answered 422"
    )
    assert '"phone": "+1 212 555 0199"' in details(found)


def test_what_clients_wrote_does_not_steer_a_terminal() -> None:
    found = letter(b'{"activity_type": "x", "title": "a\\nb\\u009b2J"}', "no\nx\x1b[2J")
    assert summary(found).count("\n") == 1
    assert not [c for c in summary(found) + details(found) if not c.isprintable() and c != "\n"]


def test_one_that_cannot_be_read_is_shown_as_it_is() -> None:
    found = letter(b'{"\xff')
    assert "  unreadable\n" in summary(found)
    assert details(found) == repr(b'{"\xff')


def test_times_are_told_in_their_largest_unit() -> None:
    told = [in_words(seconds) for seconds in (0.4, 1, 59, 60, 3599, 3600, 86_399, 200_000)]
    assert told == [
        *("0 seconds", "1 second", "59 seconds", "1 minute", "59 minutes", "1 hour", "23 hours"),
        "2 days",
    ]
    assert counted(0, "dead letter") == "0 dead letters"
