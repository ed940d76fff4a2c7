"""Sessions that were ended stay ended, in every copy, for as long as they could have lasted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from portal.auth.revocation import Revocations
from portal.auth.session import Claims, Session, new_claims
from portal.edge.kv import KV

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
WEEK = timedelta(days=7)


class Store:
    """A key-value store that only keeps, with the time that each entry is to live."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.ttls: dict[str, float | None] = {}

    async def get(self, key: str) -> bytes | None:
        return self.values.get(key)

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        return [self.values.get(key) for key in keys]

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        self.values[key], self.ttls[key] = value, ttl


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def revocations(store: Store) -> Revocations:
    return Revocations(cast(KV, store))


def session(identity: str = "s1", *, issued: datetime = NOW, not_before: int = 0) -> Session:
    made: Claims = new_claims(
        subject="ct_jane",
        email="jane@acme.com",
        name="Jane",
        avatar=None,
        products=["mode"],
        now=issued,
        lifetime=WEEK,
        not_before=not_before,
    )
    return Session(identity, made)


async def test_a_session_that_nobody_ended_goes_on(revocations: Revocations) -> None:
    assert not await revocations.is_ended(session(), "ct_jane")


async def test_an_ended_session_is_ended_in_every_copy(revocations: Revocations) -> None:
    await revocations.end(session(), NOW)
    assert await revocations.is_ended(session(), "ct_jane")
    assert await revocations.is_ended(session(), "ct_other")
    assert not await revocations.is_ended(session("s2"), "ct_jane")


async def test_it_is_remembered_as_long_as_it_could_have_lasted(
    revocations: Revocations, store: Store
) -> None:
    await revocations.end(session(), NOW + timedelta(days=2))
    assert list(store.ttls.values()) == [timedelta(days=5).total_seconds()]


async def test_one_that_is_over_anyway_is_not_kept(revocations: Revocations, store: Store) -> None:
    await revocations.end(session(), NOW + WEEK)
    assert store.values == {}


async def test_a_session_can_be_ended_by_its_id_alone(revocations: Revocations) -> None:
    await revocations.end_id("s1", WEEK)
    assert await revocations.is_ended(session(), "ct_jane")


async def test_signing_out_everywhere_ends_all_that_were_issued_by_then(
    revocations: Revocations,
) -> None:
    await revocations.end_all("ct_jane", NOW)
    for ago in (timedelta(0), timedelta(seconds=0.4), timedelta(days=6)):
        assert await revocations.is_ended(session(issued=NOW - ago), "ct_jane")
    assert not await revocations.is_ended(session(issued=NOW), "ct_other")


async def test_signing_in_again_in_the_same_second_works(revocations: Revocations) -> None:
    await revocations.end_all("ct_jane", NOW)
    first = await revocations.first_valid_second("ct_jane")
    assert not await revocations.is_ended(session(issued=NOW, not_before=first), "ct_jane")
    assert not await revocations.is_ended(session(issued=NOW + timedelta(seconds=1)), "ct_jane")
    assert await revocations.first_valid_second("ct_other") == 0


async def test_a_token_that_does_not_say_when_it_was_issued_counts_as_old(
    revocations: Revocations,
) -> None:
    unsaid = Session("s9", Claims(id="ct_jane", email="e", exp=NOW.timestamp() + 60))
    assert not await revocations.is_ended(unsaid, "ct_jane")
    await revocations.end_all("ct_jane", NOW)
    assert await revocations.is_ended(unsaid, "ct_jane")


async def test_a_store_that_is_down_lets_nobody_through(
    revocations: Revocations, store: Store
) -> None:
    async def broken(keys: Sequence[str]) -> list[bytes | None]:
        raise OSError(f"no disk for {keys}")

    store.get_many = broken  # type: ignore[method-assign]
    with pytest.raises(OSError, match="no disk"):
        await revocations.is_ended(session(), "ct_jane")
