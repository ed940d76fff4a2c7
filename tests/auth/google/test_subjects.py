"""An address belongs to the Google account that came first with it, until staff say otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from portal.auth.google.id_token import Identity
from portal.auth.google.subjects import Subjects
from tests.redis import ENGINES, new_kv

FIRST = Identity("https://accounts.example", "1", "jane@acme.com")
SECOND = Identity("https://accounts.example", "2", "jane@acme.com")
ELSEWHERE = Identity("https://other.example", "1", "jane@acme.com")


@pytest.fixture(params=ENGINES)
async def subjects(request: pytest.FixtureRequest) -> AsyncIterator[Subjects]:
    state = new_kv(request.param)
    yield Subjects(state)
    await state.close()


async def test_the_first_account_keeps_the_address(subjects: Subjects) -> None:
    assert await subjects.claim("jane@acme.com", FIRST)
    assert await subjects.claim("JANE@acme.com ", FIRST)
    assert not await subjects.claim("jane@acme.com", SECOND)
    assert not await subjects.claim("Jane@Acme.com", ELSEWHERE)
    assert await subjects.claim("sam@acme.com", SECOND)


async def test_once_forgotten_the_next_account_has_it(subjects: Subjects) -> None:
    await subjects.claim("jane@acme.com", FIRST)
    await subjects.forget("Jane@acme.com")
    assert await subjects.claim("jane@acme.com", SECOND)
    assert not await subjects.claim("jane@acme.com", FIRST)
