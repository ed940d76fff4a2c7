"""Claims: one holder at a time, leases that end by themselves, marks that stay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest

from portal.crm.models import Invoice
from portal.domain.invoices import standing
from portal.domain.notices import Kind, Notice
from portal.edge.kv import KV
from portal.notices.claims import LEASE_SECONDS, Claims, turn
from tests.redis import ENGINES, new_kv
from tests.stage import TestClock

TODAY = date(2026, 11, 24)


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(params=ENGINES)
async def state(request: pytest.FixtureRequest, clock: TestClock) -> AsyncIterator[KV]:
    store = new_kv(request.param, lambda: clock().timestamp())
    yield store
    await store.close()


def notice(invoice_id: str = "inv_1", *kinds: Kind) -> Notice[Invoice]:
    invoice = Invoice(
        id=invoice_id,
        company_id="co_1",
        amount=Decimal(5),
        status="sent",
        issued_date=TODAY,
        due_date=date(2026, 12, 24),
    )
    due = kinds or (Kind.NEW,)
    return Notice(invoice, due[0], frozenset(due), standing(invoice, TODAY))


async def test_a_notice_is_claimed_once(state: KV) -> None:
    one, other = Claims(state, "ct_1", b"one"), Claims(state, "ct_1", b"other")
    assert await one.take([notice()]) == [notice()]
    assert await other.take([notice()]) == []
    assert await other.told() == {("inv_1", Kind.NEW)}
    # Another contact's, another invoice's and another kind's are others.
    assert await Claims(state, "ct_2", b"x").take([notice()])
    assert await other.take([notice("inv_2"), notice("inv_1", Kind.OVERDUE)])


async def test_of_two_kinds_the_one_that_is_left_can_be_claimed(state: KV) -> None:
    claims = Claims(state, "ct_1", b"one")
    await claims.take([notice("inv_1", Kind.OVERDUE)])
    [left] = await claims.take([notice("inv_1", Kind.OVERDUE, Kind.DUE_SOON)])
    assert (left.kind, left.kinds) == (Kind.DUE_SOON, frozenset({Kind.DUE_SOON}))


async def test_ids_that_begin_alike_are_not_mixed_up(state: KV) -> None:
    await Claims(state, "ct_10", b"x").take([notice("a:b")])
    assert await Claims(state, "ct_1", b"x").told() == frozenset()
    assert await Claims(state, "ct_10", b"x").told() == {("a:b", Kind.NEW)}


async def test_a_claim_ends_by_itself_and_a_mark_does_not(state: KV, clock: TestClock) -> None:
    claims = Claims(state, "ct_1", b"one")
    leased, sent = notice("inv_1"), notice("inv_2")
    await claims.take([leased, sent])
    await claims.settle([sent], TODAY)
    clock.forward(seconds=LEASE_SECONDS + 1)
    assert await claims.told() == {("inv_2", Kind.NEW)}
    clock.forward(days=400)
    assert await claims.told() == {("inv_2", Kind.NEW)}


async def test_what_is_given_back_can_be_claimed_again(state: KV) -> None:
    claims = Claims(state, "ct_1", b"one")
    await claims.take([notice()])
    await claims.give_back([notice()])
    assert await Claims(state, "ct_1", b"other").take([notice()])


async def test_nobody_gives_back_what_is_anothers_by_now(state: KV, clock: TestClock) -> None:
    late, next_one = Claims(state, "ct_1", b"late"), Claims(state, "ct_1", b"next")
    await late.take([notice()])
    clock.forward(seconds=LEASE_SECONDS + 1)
    await next_one.take([notice()])
    await late.give_back([notice()])
    assert await next_one.told() == {("inv_1", Kind.NEW)}


async def test_one_has_the_turn_and_lets_go_of_it_however_it_ends(state: KV) -> None:
    async with turn(state, "ct_1") as first, turn(state, "ct_1") as second:
        assert first is not None
        assert second is None
        async with turn(state, "ct_2") as another:
            assert another is not None
    with suppress(RuntimeError):
        async with turn(state, "ct_1") as again:
            assert again is not None
            raise RuntimeError
    async with turn(state, "ct_1") as at_last:
        assert at_last is not None
