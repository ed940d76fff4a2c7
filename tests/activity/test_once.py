"""A button pressed twice records once, and one whose record failed can be pressed again."""

from __future__ import annotations

import pytest

from portal.activity.once import record_once
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
