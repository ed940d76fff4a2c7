"""Which sign-ins are open: kept per person, as long as their sessions last, and not as tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.auth.session import session_id
from portal.auth.sign_ins import SignInNote, SignIns
from portal.edge.kv import KV, open_kv
from tests.redis import ENGINES, new_kv
from tests.stage import TestClock, stage

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
WEEK = timedelta(days=7)
FIRST, SECOND, THIRD = "a" * 64, "b" * 64, "c" * 64
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/605.1"


@pytest.fixture
def clock() -> TestClock:
    return TestClock(NOW)


@pytest.fixture(params=ENGINES)
async def state(request: pytest.FixtureRequest, clock: TestClock) -> AsyncIterator[KV]:
    store = new_kv(request.param, lambda: clock().timestamp())
    yield store
    await store.close()


@pytest.fixture
def sign_ins(state: KV) -> SignIns:
    return SignIns(state)


def note(at: datetime = NOW) -> SignInNote:
    return SignInNote(at=at, method="code", browser="Firefox on Linux")


async def ids(sign_ins: SignIns, contact_id: str = "ct_jane") -> list[str]:
    return [open_one.id for open_one in await sign_ins.of(contact_id)]


async def test_what_was_noted_is_read_back(sign_ins: SignIns) -> None:
    await sign_ins.remember("ct_jane", FIRST, note(), WEEK)
    [open_one] = await sign_ins.of("ct_jane")
    assert (open_one.id, open_one.note) == (FIRST, note())


async def test_the_newest_comes_first_whatever_its_id(sign_ins: SignIns) -> None:
    for number, one in enumerate((SECOND, THIRD, FIRST)):
        await sign_ins.remember("ct_jane", one, note(NOW + timedelta(hours=number)), WEEK)
    assert await ids(sign_ins) == [FIRST, THIRD, SECOND]


async def test_nobody_who_never_signed_in_has_one(sign_ins: SignIns) -> None:
    assert await sign_ins.of("ct_jane") == []
    assert not await sign_ins.has("ct_jane", FIRST)


@pytest.mark.parametrize("other", ["ct_jan", "ct_janet", "ct_sam", "CT_JANE", ""])
async def test_everybody_has_their_own(sign_ins: SignIns, other: str) -> None:
    await sign_ins.remember("ct_jane", FIRST, note(), WEEK)
    await sign_ins.remember(other, SECOND, note(), WEEK)
    assert await ids(sign_ins) == [FIRST]
    assert await ids(sign_ins, other) == [SECOND]
    assert await sign_ins.has("ct_jane", FIRST)
    assert not await sign_ins.has("ct_jane", SECOND)
    assert not await sign_ins.has(other, FIRST)


async def test_one_is_remembered_as_long_as_its_session_can_last(
    sign_ins: SignIns, clock: TestClock
) -> None:
    await sign_ins.remember("ct_jane", FIRST, note(), WEEK)
    await sign_ins.remember("ct_jane", SECOND, note(), timedelta(hours=1))
    clock.forward(hours=1)
    assert await ids(sign_ins) == [FIRST]
    assert not await sign_ins.has("ct_jane", SECOND)
    clock.forward(days=7)
    assert await ids(sign_ins) == []
    assert not await sign_ins.has("ct_jane", FIRST)


async def test_what_has_ended_is_forgotten_and_nothing_else(sign_ins: SignIns) -> None:
    for one in (FIRST, SECOND):
        await sign_ins.remember("ct_jane", one, note(), WEEK)
    await sign_ins.remember("ct_sam", FIRST, note(), WEEK)
    await sign_ins.forget("ct_jane", FIRST)
    await sign_ins.forget("ct_jane", THIRD)
    assert await ids(sign_ins) == [SECOND]
    assert await ids(sign_ins, "ct_sam") == [FIRST]


async def test_all_of_one_person_are_forgotten_and_nobody_elses(sign_ins: SignIns) -> None:
    for one in (FIRST, SECOND):
        for contact_id in ("ct_jane", "ct_janet"):
            await sign_ins.remember(contact_id, one, note(), WEEK)
    await sign_ins.forget_all("ct_jane")
    assert await ids(sign_ins) == []
    assert sorted(await ids(sign_ins, "ct_janet")) == [FIRST, SECOND]


NO_SESSION_IDS = st.text() | st.text("0123456789abcdef", min_size=60, max_size=68)


@given(NO_SESSION_IDS.filter(lambda sent: len(sent) != 64))
@settings(deadline=None)
@example(FIRST + "\n")
@example(FIRST.upper())
@example("\u0661" * 64)
@example(f"{FIRST}:{SECOND}")
async def test_what_cannot_be_a_sign_in_is_nobodys_even_if_it_is_kept(sent: str) -> None:
    sign_ins = SignIns(open_kv("sqlite::memory:"))
    await sign_ins.remember("ct_jane", sent, note(), WEEK)
    assert not await sign_ins.has("ct_jane", sent)


async def test_an_id_does_not_reach_into_another_persons(sign_ins: SignIns) -> None:
    await sign_ins.remember("google:1234", FIRST, note(), WEEK)
    assert not await sign_ins.has("google", f"1234:{FIRST}")


async def test_one_that_ends_while_the_list_is_made_is_left_out(
    sign_ins: SignIns, state: KV, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_ins.remember("ct_jane", FIRST, note(), WEEK)
    await sign_ins.remember("ct_jane", SECOND, note(), WEEK)
    listed = await state.list()

    async def list_of_a_moment_ago(_prefix: str = "") -> list[str]:
        return listed

    await sign_ins.forget("ct_jane", FIRST)
    monkeypatch.setattr(state, "list", list_of_a_moment_ago)
    assert await ids(sign_ins) == [SECOND]


async def test_signing_in_notes_when_how_and_from_which_kind_of_browser() -> None:
    async with stage() as on:
        browser = on.browser(**{"User-Agent": IPHONE})
        await on.ask_for_link(browser, "jane@acme.com")
        await browser.post("/auth/verify-code", data={"code": on.last_code()})
        on.clock.forward(minutes=1)
        await on.sign_in(on.browser(**{"User-Agent": "curl/8.0"}), "jane@acme.com")
        await on.sign_in_with_google(on.browser(), "jane@acme.com")
        open_ones = await SignIns(on.env.state).of("ct_abc123")
        noted = [(one.note.method, one.note.browser) for one in open_ones]
        assert sorted(noted[:2]) == [
            ("google", "an unknown browser"),
            ("magic_link", "an unknown browser"),
        ]
        assert noted[2] == ("code", "Safari on iPhone")
        assert [one.note.at for one in open_ones] == [on.clock(), on.clock(), NOW]


async def test_a_sign_in_is_kept_by_the_digest_of_its_token_and_not_as_the_token() -> None:
    async with stage() as on:
        browser = await on.signed_in("jane@acme.com")
        token = browser.cookies["sm_client"]
        [open_one] = await SignIns(on.env.state).of("ct_abc123")
        assert open_one.id == session_id(token)
        for key in await on.env.state.list():
            value = await on.env.state.get(key)
            assert token not in key + str(value)
            assert token.rpartition(".")[2] not in key + str(value)


async def test_a_sign_in_is_over_when_its_browser_signs_out_or_in_again() -> None:
    async with stage() as on:
        browser, other = await on.signed_in("jane@acme.com"), await on.signed_in("jane@acme.com")
        old = session_id(browser.cookies["sm_client"])
        on.clock.forward(minutes=1)
        await on.sign_in(browser, "jane@acme.com")
        sign_ins = SignIns(on.env.state)
        assert not await sign_ins.has("ct_abc123", old)
        assert len(await sign_ins.of("ct_abc123")) == 2
        await browser.post("/auth/logout")
        assert await ids(sign_ins, "ct_abc123") == [session_id(other.cookies["sm_client"])]


async def test_a_sign_in_is_listed_as_long_as_its_session_lasts() -> None:
    async with stage() as on:
        browser = await on.signed_in("jane@acme.com")
        on.clock.forward(days=7, seconds=-1)
        assert len(await SignIns(on.env.state).of("ct_abc123")) == 1
        assert (await browser.get("/auth/me")).status_code == 200
        on.clock.forward(seconds=1)
        assert await SignIns(on.env.state).of("ct_abc123") == []
        assert (await browser.get("/auth/me")).status_code == 302
