"""The address of a calendar feed: one spelling of one token opens it, and only the latest one."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from itsdangerous import URLSafeSerializer

from portal.auth.calendar_address import PREFIX, SALT, CalendarAddresses
from portal.edge.kv import KV
from portal.errors import NotFound
from portal.settings import Settings
from tests.redis import ENGINES, new_kv
from tests.stage import SECRET, SECRETS_USED, TestClock, settings_for

JANE, SAM = "ct_abc123", "ct_def456"
NEWER = "a-newer-secret-of-the-tests-that-is-long-enough"


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(params=ENGINES)
async def state(request: pytest.FixtureRequest, clock: TestClock) -> AsyncIterator[KV]:
    store = new_kv(request.param, lambda: clock().timestamp())
    yield store
    await store.close()


@pytest.fixture
def settings() -> Settings:
    return settings_for()


@pytest.fixture
def addresses(state: KV, settings: Settings) -> CalendarAddresses:
    return CalendarAddresses(state, settings)


async def token_of(addresses: CalendarAddresses, contact_id: str) -> str:
    """The token in the contact's address now."""
    made = await addresses.of(contact_id)
    assert made is not None
    url = addresses.url(contact_id, made)
    token = url.rpartition("/calendar/feed/")[2].removesuffix(".ics")
    SECRETS_USED.add(token)
    return token


async def made(addresses: CalendarAddresses, clock: TestClock, contact_id: str = JANE) -> str:
    """A fresh address's token."""
    assert await addresses.make(contact_id, clock())
    return await token_of(addresses, contact_id)


async def opens(addresses: CalendarAddresses, token: str) -> str | None:
    """Whose feed a token opens."""
    try:
        return (await addresses.holder(token))[0]
    except NotFound:
        return None


async def test_an_address_opens_its_owners_feed(
    addresses: CalendarAddresses, clock: TestClock
) -> None:
    assert await opens(addresses, await made(addresses, clock)) == JANE
    assert await opens(addresses, await made(addresses, clock, SAM)) == SAM


async def test_making_twice_makes_one(addresses: CalendarAddresses, clock: TestClock) -> None:
    token = await made(addresses, clock)
    clock.forward(days=1)
    assert not await addresses.make(JANE, clock())
    assert await token_of(addresses, JANE) == token


async def test_only_the_latest_address_opens(
    addresses: CalendarAddresses, clock: TestClock
) -> None:
    old, sams = await made(addresses, clock), await made(addresses, clock, SAM)
    await addresses.renew(JANE, clock())
    assert await opens(addresses, old) is None
    assert await opens(addresses, await token_of(addresses, JANE)) == JANE
    assert await opens(addresses, sams) == SAM


async def test_a_revoked_address_opens_nothing_also_once_there_is_another(
    addresses: CalendarAddresses, clock: TestClock
) -> None:
    old = await made(addresses, clock)
    await addresses.revoke(JANE)
    assert await opens(addresses, old) is None
    assert await addresses.of(JANE) is None
    await made(addresses, clock)
    assert await opens(addresses, old) is None


async def test_an_altered_token_opens_nothing(
    addresses: CalendarAddresses, clock: TestClock
) -> None:
    token = await made(addresses, clock)
    for place, letter in enumerate(token):
        for other in "AQgw-_.é":
            if other != letter:
                changed = token[:place] + other + token[place + 1 :]
                assert await opens(addresses, changed) is None, changed
        # base64 that is read leniently skips what is none of its letters.
        for junk in ("é", "!", "=", " ", "\n"):
            assert await opens(addresses, token[:place] + junk + token[place:]) is None
        assert await opens(addresses, token[:place]) is None


@pytest.mark.parametrize(
    "value",
    [None, "ct_abc123", [], ["ct_abc123"], [1, 2], [["ct_abc123"], "x"], {"a": 1, "b": 2}, "ab"],
    ids=repr,
)
async def test_signed_by_us_but_no_address_opens_nothing(
    addresses: CalendarAddresses, clock: TestClock, value: object
) -> None:
    await made(addresses, clock)
    signing = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    signed = URLSafeSerializer(SECRET, salt=SALT, signer_kwargs=signing).dumps(value)
    assert await opens(addresses, str(signed)) is None


async def test_a_signature_for_anything_else_opens_nothing(
    addresses: CalendarAddresses, clock: TestClock
) -> None:
    await made(addresses, clock)
    kept = await addresses.of(JANE)
    assert kept
    for salt in ("portal.prelogin", "itsdangerous"):
        signed = URLSafeSerializer(SECRET, salt=salt).dumps([JANE, kept.nonce])
        assert await opens(addresses, str(signed)) is None


async def test_the_store_alone_tells_no_address(
    addresses: CalendarAddresses, clock: TestClock, state: KV
) -> None:
    token = await made(addresses, clock)
    kept = await state.get(PREFIX + JANE)
    assert kept
    assert token.encode() not in kept
    stranger = CalendarAddresses(state, replace(settings_for(), session_secrets=(NEWER,)))
    assert await opens(stranger, token) is None
    assert await opens(addresses, await token_of(stranger, JANE)) is None


async def test_an_address_outlives_a_change_of_secrets_as_long_as_the_old_one_counts(
    addresses: CalendarAddresses, clock: TestClock, state: KV
) -> None:
    token = await made(addresses, clock)
    both = CalendarAddresses(state, replace(settings_for(), session_secrets=(NEWER, SECRET)))
    assert await opens(both, token) == JANE
    newer = await token_of(both, JANE)
    assert newer != token
    assert await opens(both, newer) == JANE
    alone = CalendarAddresses(state, replace(settings_for(), session_secrets=(NEWER,)))
    assert await opens(alone, token) is None
    assert await opens(alone, newer) == JANE
