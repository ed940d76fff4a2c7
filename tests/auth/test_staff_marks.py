"""Which sessions are staff's: a mark in the store, which the CRM and the settings can undo."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.auth.staff_marks import StaffMark, StaffMarks
from tests.redis import ENGINES, new_kv
from tests.stage import TestClock

DOMAINS = ("sprintmode.ai",)
WORKSPACE = StaffMark(by="google", domain="sprintmode.ai")
KNOWN = StaffMark(by="google", domain="sprintmode.ai", in_crm=True)
PLATFORM = StaffMark(by="crm", in_crm=True)


@pytest.mark.parametrize(
    ("mark", "is_staff_now", "domains", "counts"),
    [
        (WORKSPACE, False, DOMAINS, True),
        (WORKSPACE, False, (), False),
        (WORKSPACE, True, ("other.example",), False),
        (KNOWN, True, DOMAINS, True),
        (KNOWN, False, DOMAINS, False),
        (PLATFORM, True, (), True),
        (PLATFORM, False, DOMAINS, False),
        (StaffMark(by="google"), True, DOMAINS, False),
    ],
)
def test_what_the_crm_and_the_settings_say_now_decides(
    mark: StaffMark, is_staff_now: bool, domains: tuple[str, ...], counts: bool
) -> None:
    assert mark.counts(is_staff_now, domains) is counts


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_mark_is_of_one_session_and_lasts_as_long(engine: str) -> None:
    clock = TestClock()
    state = new_kv(engine, lambda: clock().timestamp())
    marks = StaffMarks(state)
    await marks.put("s1", KNOWN, timedelta(days=7))
    assert await marks.of("s1") == KNOWN
    assert await marks.of("s2") is None
    clock.forward(days=7)
    assert await marks.of("s1") is None
    await state.close()
