"""A button pressed twice records once, and one whose record failed can be pressed again."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest

from portal.activity.once import CLAIM, record_once
from portal.activity.outbox import Activity
from tests.stage import Stage, stage

ASKED = Activity(activity_type="support_request", title="Asked", contact_id="ct_abc123")


async def press(on: Stage, *said: str) -> str | None:
    return await record_once(on.env.state, on.env.outbox, ASKED, said, seconds=60)


async def test_the_same_words_are_recorded_once_for_a_while() -> None:
    async with stage() as on:
        assert await press(on, "jane", "remove sam")
        assert await press(on, "jane", "remove sam") is None
        assert await press(on, "jane remove", "sam")
        on.clock.forward(seconds=60)
        assert await press(on, "jane", "remove sam")
        assert len(await on.activities("support_request")) >= 3


async def test_what_could_not_be_recorded_was_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage() as on:

        async def full(_activity: Activity) -> str:
            raise OSError("no room")

        with monkeypatch.context() as broken:
            broken.setattr(on.env.outbox, "record", full)
            with pytest.raises(OSError, match="no room"):
                await press(on, "jane", "remove sam")
        assert await press(on, "jane", "remove sam")


async def test_what_was_claimed_by_a_process_that_died_is_recorded_by_pressing_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with stage() as on:
        with monkeypatch.context() as dying:
            dying.setattr(on.env.outbox, "record", never)
            with pytest.raises(Died):
                await press(on, "jane", "remove sam")
        on.clock.forward(seconds=59)
        assert await press(on, "jane", "remove sam")
        assert await press(on, "jane", "remove sam") is None
        assert len(await asked(on)) == 1


async def test_what_was_recorded_by_a_process_that_died_is_the_same_when_pressed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with stage() as on:
        with monkeypatch.context() as dying:
            dying.setattr(on.env.state, "put", never)
            with pytest.raises(Died):
                await press(on, "jane", "remove sam")
        # The CRM has it already when the button is pressed again, a moment later.
        assert len(await asked(on)) == 1
        on.clock.forward(seconds=5)
        assert await press(on, "jane", "remove sam")
        assert await press(on, "jane", "remove sam") is None
        assert len(await asked(on)) == 1
        assert (await on.env.outbox.depth()).dead == 0


async def test_pressed_twice_in_one_moment_it_is_recorded_once() -> None:
    async with stage() as on:
        first, second = await asyncio.gather(press(on, "jane", "x"), press(on, "jane", "x"))
        assert {first, second} - {None} == {first or second}
        assert len(await asked(on)) == 1


async def test_a_claim_of_an_earlier_version_counts() -> None:
    async with stage() as on:
        said = ("jane", "remove sam")
        claim = CLAIM + hashlib.sha256("\0".join(said).encode()).hexdigest()
        await on.env.state.add(claim, b"1", ttl=60)
        assert await press(on, *said) is None


class Died(BaseException):
    """The process was killed here."""


async def never(*_: object, **__: object) -> str:
    raise Died


async def asked(on: Stage) -> list[dict[str, Any]]:
    return [one for one in await on.activities("support_request") if one["title"] == "Asked"]
