"""What the store holds of a session is the same read at once as asked for one by one."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from portal.auth.revocation import Revocations
from portal.auth.session import Session, new_claims
from portal.auth.session_state import SessionState, session_state
from portal.auth.staff_marks import StaffMark, StaffMarks
from tests.redis import ENGINES, new_kv
from tests.stage import TestClock

WEEK = timedelta(days=7)
MARK = StaffMark(by="google", domain="sprintmode.ai", in_crm=True)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("ended", "everywhere", "marked"), list(product((False, True), repeat=3)))
async def test_read_at_once_it_is_what_each_says(
    engine: str, ended: bool, everywhere: bool, marked: bool
) -> None:
    clock = TestClock()
    state = new_kv(engine, lambda: clock().timestamp())
    revocations, marks = Revocations(state), StaffMarks(state)
    session = Session(
        "s1",
        new_claims(
            subject="st_1",
            email="tom@sprintmode.ai",
            name="Tom",
            avatar=None,
            products=["mode"],
            now=clock(),
            lifetime=WEEK,
        ),
    )
    if ended:
        await revocations.end(session, clock())
    if everywhere:
        await revocations.end_all("st_1", clock())
    if marked:
        await marks.put("s1", MARK, WEEK)
    found = await session_state(state, session, "st_1")
    assert found == SessionState(ended or everywhere, MARK if marked else None)
    assert found.is_ended == await revocations.is_ended(session, "st_1")
    assert found.mark == await marks.of("s1")
    other = await session_state(state, Session("s2", session.claims), "st_2")
    assert other == SessionState()
    await state.close()
