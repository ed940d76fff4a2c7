"""Magic links: secrets that only the mail has, used once, whichever store they wait in."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import anyio
import httpx2 as httpx
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from portal.auth import login
from portal.auth.magic_link import (
    CODE,
    TOKEN,
    look_at,
    new_secrets,
    token_hash,
    use_code,
    use_token,
)
from portal.auth.prelogin import Prelogin, read_prelogin
from portal.auth.sign_ins import SignIns
from portal.crm.magic_sessions import MagicSession
from portal.env import Env
from portal.errors import LinkRefused
from portal.sandbox.schema import metadata
from tests.auth.requests import request_with
from tests.auth.test_limits import as_seen
from tests.stage import Stage, TestClock, stage

JANE, SAM = "jane@acme.com", "sam@acme.com"
STRANGER = "nobody@nowhere.example"


@pytest.fixture(params=["crm", "kv"])
async def on(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """A portal whose links wait in SM API, and one whose links wait in the STATE store."""
    async with stage(magic_sessions=request.param) as made:
        yield made


async def asking(on: Stage, email: str = JANE) -> httpx.AsyncClient:
    """A browser that asked for a link, a minute after the one before."""
    on.clock.forward(minutes=1)
    browser = on.browser()
    await on.ask_for_link(browser, email)
    return browser


async def press(browser: httpx.AsyncClient, token: str, **more: str) -> int:
    answer = await browser.post("/auth/magic/verify", data={"token": token, **more})
    return int(answer.status_code)


async def type_code(browser: httpx.AsyncClient, code: str) -> httpx.Response:
    return await browser.post("/auth/verify-code", data={"code": code})


async def reason(browser: httpx.AsyncClient, path: str, **fields: str) -> str:
    """Why a proof is refused, as browser code reads it."""
    answer = await browser.post(path, json=fields)
    found: str = answer.json()["reason"]
    return found


def other_code(code: str, number: int = 1) -> str:
    """Six digits that are not these."""
    return f"{(int(code) + number) % 1_000_000:06d}"


def at_the_same_time(on: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let simultaneous requests take turns at every call of a store, as over a network."""

    def taking_turns(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def turn(*args: Any, **more: Any) -> Any:
            await checkpoint()
            return await call(*args, **more)

        return turn

    for name in ("get", "get_many", "put", "add", "increment", "delete", "list"):
        monkeypatch.setattr(on.env.state, name, taking_turns(getattr(on.env.state, name)))
    monkeypatch.setattr(on.wire, "handle_async_request", taking_turns(on.wire.handle_async_request))


# The secrets


def test_a_token_is_256_random_bits_and_a_code_six_digits() -> None:
    made = [new_secrets() for _ in range(200)]
    ever_set, always_set = 0, 2**256 - 1
    for one in made:
        assert TOKEN.fullmatch(one.token)
        drawn = base64.urlsafe_b64decode(one.token + "=")
        assert len(drawn) * 8 == 256
        ever_set |= int.from_bytes(drawn)
        always_set &= int.from_bytes(drawn)
        assert CODE.fullmatch(one.code)
    # Each bit is now the one and now the other.
    assert (ever_set, always_set) == (2**256 - 1, 0)
    assert len({one.code for one in made}) > 150


def test_they_come_from_the_systems_randomness_and_no_seed() -> None:
    made = []
    for _ in range(2):
        random.seed(7)
        made.append([new_secrets() for _ in range(3)])
    assert not {one.token for one in made[0]} & {one.token for one in made[1]}
    assert [one.code for one in made[0]] != [one.code for one in made[1]]


@pytest.mark.parametrize(("drawn", "code"), [(7, "000007"), (0, "000000"), (999_999, "999999")])
def test_a_code_keeps_its_leading_zeros(
    drawn: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.auth.magic_link.secrets.randbelow", lambda _below: drawn)
    assert new_secrets().code == code


def test_a_token_is_stored_as_its_sha_256() -> None:
    token = new_secrets().token
    assert token_hash(token) == hashlib.sha256(token.encode()).hexdigest()


async def test_only_digests_are_stored_and_the_codes_is_bound_to_the_browser(on: Stage) -> None:
    browser = await asking(on)
    token, code = on.last_token(), on.last_code()
    request = request_with(f"portal_prelogin={browser.cookies['portal_prelogin']}")
    prelogin = read_prelogin(request, on.env)
    assert prelogin is not None
    stored = await everything_stored(on)
    assert token not in stored
    assert f'"{code}"' not in stored
    assert f"'{code}'" not in stored
    assert hashlib.sha256(token.encode()).hexdigest() in stored
    # Of the six digits alone a digest would be guessed in a moment.
    assert hashlib.sha256(code.encode()).hexdigest() not in stored
    assert hashlib.sha256(f"{prelogin.nonce}:{code}".encode()).hexdigest() in stored
    assert prelogin.nonce not in stored


async def everything_stored(on: Stage) -> str:
    """The STATE store and the CRM, whole, as text."""
    found = [f"{key} {await on.env.state.get(key)!r}" for key in await on.env.state.list()]
    with on.store.reading() as connection:
        for table in metadata.sorted_tables:
            found += [str(row) for row in connection.execute(select(table))]
    return "\n".join(found)


# What cannot be a proof


class Nobody:
    """A store of links that must not be asked."""

    def __getattr__(self, name: str) -> Any:
        async def asked(*_args: Any) -> Any:
            raise AssertionError(f"{name} was asked for what cannot be a proof")

        return asked


UNASKED = cast(Env, SimpleNamespace(magic=Nobody(), state=Nobody(), clock=TestClock()))
ASKED = Prelogin("nonce", JANE, "/")
NO_TOKENS = st.text() | st.from_regex(r"[A-Za-z0-9_=.+/\s-]{40,46}", fullmatch=True)
NO_CODES = st.text() | st.from_regex(r"\w{5,7}", fullmatch=True)


@given(NO_TOKENS.filter(lambda sent: not TOKEN.fullmatch(sent)))
@settings(deadline=None)
@example("")
@example("A" * 42)
@example("A" * 44)
@example("A" * 43 + "\n")
@example("\uff21" * 43)
@example("\u0661" * 43)
@example("A" * 42 + "=")
@example("a" * 64)
async def test_what_cannot_be_a_token_is_refused_without_asking_anyone(sent: str) -> None:
    for use in (look_at, use_token):
        with pytest.raises(LinkRefused) as refused:
            await use(UNASKED, sent)
        assert refused.value.reason == "unknown"


@given(NO_CODES.filter(lambda sent: not CODE.fullmatch("".join(sent.split()).replace("-", ""))))
@settings(deadline=None)
@example("")
@example("12345")
@example("1234567")
@example("\u0661\u0662\u0663\u0664\u0665\u0666")
@example("12345\uff16")
async def test_what_cannot_be_a_code_is_refused_without_asking_anyone(sent: str) -> None:
    with pytest.raises(LinkRefused) as refused:
        await use_code(UNASKED, ASKED, sent)
    assert refused.value.reason == "wrong_code"


async def test_a_code_from_a_browser_that_never_asked_is_refused_without_asking_anyone() -> None:
    with pytest.raises(LinkRefused) as refused:
        await use_code(UNASKED, None, "123456")
    assert refused.value.reason == "unknown"


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("expired", "expired"),
        ("redeemed", "redeemed"),
        ("superseded", "superseded"),
        ("exhausted", "exhausted"),
        ("wrong_code", "unknown"),
        ("quarantined", "unknown"),
        ("", "unknown"),
    ],
)
async def test_a_link_that_is_not_live_is_not_shown_and_says_why(status: str, told: str) -> None:
    async def find(_hash: str) -> MagicSession:
        now = TestClock().now
        return MagicSession(
            id="ms_1", contact_id="c", email=JANE, status=status, created_at=now, expires_at=now
        )

    env = cast(Env, SimpleNamespace(magic=SimpleNamespace(find=find)))
    with pytest.raises(LinkRefused) as refused:
        await look_at(env, "A" * 43)
    assert refused.value.reason == told


# Once, and only the newest


async def test_a_new_link_kills_every_older_one_of_the_address(on: Stage) -> None:
    older = [(await asking(on, JANE), on.last_token(), on.last_code())]
    older.append((await asking(on, "JANE@ACME.COM"), on.last_token(), on.last_code()))
    sams, sams_token = await asking(on, SAM), on.last_token()
    newest, token = await asking(on, JANE), on.last_token()
    for browser, dead, code in older:
        assert await reason(browser, "/auth/magic/verify", token=dead) == "superseded"
        assert await reason(browser, "/auth/verify-code", code=code) == "superseded"
        assert (await browser.get(f"/auth/magic/verify?token={dead}")).status_code == 410
    assert await press(newest, token) == 303
    assert await press(sams, sams_token) == 303


@pytest.mark.parametrize("way", ["link", "code"])
async def test_a_success_leaves_nothing_that_still_signs_in(on: Stage, way: str) -> None:
    before, old_token, old_code = await asking(on), on.last_token(), on.last_code()
    browser, token, code = await asking(on), on.last_token(), on.last_code()
    # What a thief would have kept of the browser's cookies.
    thief = on.browser(Cookie=f"portal_prelogin={browser.cookies['portal_prelogin']}")
    if way == "link":
        assert await press(browser, token) == 303
    else:
        assert (await type_code(browser, code)).status_code == 303
    assert await press(before, old_token) == 410
    assert (await type_code(before, old_code)).status_code == 410
    assert await press(on.browser(), token, confirm="1") == 410
    assert await reason(thief, "/auth/magic/verify", token=token) == "redeemed"
    assert await reason(thief, "/auth/verify-code", code=code) == "redeemed"
    assert len(await SignIns(on.env.state).of("ct_abc123")) == 1


async def test_of_fifty_presses_at_the_same_time_one_makes_a_session(
    on: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await asking(on)
    others = [on.browser() for _ in range(49)]
    at_the_same_time(on, monkeypatch)
    sent = {"token": on.last_token(), "confirm": "1"}
    answers = await asyncio.gather(
        *(one.post("/auth/magic/verify", data=sent) for one in (browser, *others))
    )
    assert sorted(answer.status_code for answer in answers) == [303] + [410] * 49
    await one_session(on, answers)


async def test_of_link_and_code_at_the_same_time_one_makes_a_session(
    on: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, token, code = await asking(on), on.last_token(), on.last_code()
    cookie = f"portal_prelogin={browser.cookies['portal_prelogin']}"
    copies = [on.browser(Cookie=cookie) for _ in range(50)]
    at_the_same_time(on, monkeypatch)
    answers = await asyncio.gather(
        *(one.post("/auth/magic/verify", data={"token": token}) for one in copies[::2]),
        *(type_code(one, code) for one in copies[1::2]),
    )
    assert sorted(answer.status_code for answer in answers) == [303] + [410] * 49
    await one_session(on, answers)


async def one_session(on: Stage, answers: list[httpx.Response]) -> None:
    """Make sure that exactly one of the answers carries a session, and that one alone was begun."""
    cookies = [c for answer in answers for c in answer.headers.get_list("set-cookie")]
    assert len([c for c in cookies if c.startswith("sm_client=") and "Max-Age=0" not in c]) == 1
    assert len(await SignIns(on.env.state).of("ct_abc123")) == 1
    # The demo's own activity has no moment in it.
    logins = [a for a in await on.activities("portal_login") if a["metadata"].get("at")]
    assert [login["contact_id"] for login in logins] == ["ct_abc123"]


async def test_a_link_works_to_the_last_second_of_ten_minutes(on: Stage) -> None:
    browser = await asking(on)
    on.clock.forward(seconds=599)
    assert await press(browser, on.last_token()) == 303
    browser = await asking(on)
    on.clock.forward(seconds=600)
    assert await reason(browser, "/auth/magic/verify", token=on.last_token()) == "expired"
    assert await reason(browser, "/auth/verify-code", code=on.last_code()) == "expired"


async def test_scanners_minutes_before_the_person_leave_the_link_working(on: Stage) -> None:
    browser, token = await asking(on), on.last_token()
    path = f"/auth/magic/verify?token={token}"
    for _ in range(3):
        on.clock.forward(minutes=3)
        scanner = on.browser()
        assert (await scanner.get(path)).status_code == 200
        assert (await scanner.head(path)).status_code == 200
        # Some press what they find, with nothing of the browser that asked.
        assert await press(scanner, token) == 200
        for method in ("OPTIONS", "PUT", "DELETE", "PATCH"):
            assert (await scanner.request(method, path)).status_code in (200, 403, 405)
        assert "sm_client" not in scanner.cookies
    assert await SignIns(on.env.state).of("ct_abc123") == []
    assert await press(browser, token) == 303


# The code


async def test_after_five_wrong_codes_a_new_mail_is_needed_and_works(on: Stage) -> None:
    browser, token, code = await asking(on), on.last_token(), on.last_code()
    answers = [await type_code(browser, other_code(code, n)) for n in range(1, 6)]
    assert [answer.status_code for answer in answers] == [403] * 4 + [410]
    assert "Too many wrong codes" in answers[-1].text
    assert await reason(browser, "/auth/verify-code", code=code) == "exhausted"
    assert await reason(browser, "/auth/magic/verify", token=token) == "exhausted"
    on.clock.forward(minutes=1)
    await on.ask_for_link(browser, JANE)
    assert (await type_code(browser, on.last_code())).status_code == 303


async def test_four_wrong_codes_leave_link_and_code_working(on: Stage) -> None:
    browser, code = await asking(on), on.last_code()
    for number in range(1, 5):
        assert (await type_code(browser, other_code(code, number))).status_code == 403
    assert (await browser.get(f"/auth/magic/verify?token={on.last_token()}")).status_code == 200
    assert (await type_code(browser, code)).status_code == 303


async def test_of_fifty_guesses_at_the_same_time_five_are_tried(
    on: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, code = await asking(on), on.last_code()
    at_the_same_time(on, monkeypatch)
    guesses = [other_code(code, number) for number in range(1, 50)]
    answers = await asyncio.gather(*(type_code(browser, guess) for guess in guesses))
    # The fifth already says that this mail works no longer.
    assert sorted(answer.status_code for answer in answers) == [403] * 4 + [410] * 45
    assert (await type_code(browser, code)).status_code == 410


async def test_a_code_works_only_in_the_browser_that_asked_for_its_mail(on: Stage) -> None:
    # Both asked for the same address: what the newer mail says is for the newer browser.
    first, second = await asking(on), await asking(on)
    sams, code = await asking(on, SAM), on.last_code()
    second_code = code_of(on, -2)
    for browser in (on.browser(), first, sams):
        answer = await type_code(browser, second_code)
        # Not by luck either: one mail in a million has the same digits.
        assert answer.status_code in (403, 410) or code == second_code
    assert (await type_code(second, second_code)).status_code == 303
    assert (await type_code(sams, code)).status_code == 303


def code_of(on: Stage, number: int) -> str:
    """The code of a mail that is not the latest."""
    letters = on.post.letters[:]
    del on.post.letters[number + 1 :]
    code = on.last_code()
    on.post.letters[:] = letters
    return code


async def test_asking_twice_within_a_minute_leaves_the_code_of_the_mail_working(on: Stage) -> None:
    browser = await asking(on)
    await on.ask_for_link(browser, JANE)
    assert len(on.post.letters) == 1
    assert (await type_code(browser, on.last_code())).status_code == 303


async def test_asking_for_another_address_ends_what_the_browser_could_type(on: Stage) -> None:
    browser, code = await asking(on), on.last_code()
    await on.ask_for_link(browser, STRANGER)
    assert (await type_code(browser, code)).status_code == 403
    assert "sm_client" not in browser.cookies


async def test_wrong_codes_are_answered_alike_whoever_the_address_belongs_to(on: Stage) -> None:
    told = []
    for email in (JANE, STRANGER):
        browser = await asking(on, email)
        # Digits that are in no mail: those of Jane's are one of two.
        wrong = "000000" if on.last_code() != "000000" else "000001"
        answers = [await type_code(browser, wrong) for _ in range(7)]
        told.append(
            [(one.status_code, one.text.replace(email, "address")) for one in answers],
        )
    assert told[0] == told[1]
    assert [status for status, _ in told[0]] == [403] * 4 + [410] * 3


# Asking, and what goes on after the answer has left


def searching(request: httpx.Request) -> bool:
    """Whether this call looks for an address, and does not just ask whether SM API is up."""
    return request.method == "GET" and "search" in request.url.params


def storing(request: httpx.Request) -> bool:
    return request.method == "POST" and request.url.path == "/api/magic_sessions"


BROKEN: dict[str, Callable[[httpx.Request], httpx.Response | None]] = {
    "search 500": lambda call: httpx.Response(500) if searching(call) else None,
    "search 401": lambda call: httpx.Response(401) if searching(call) else None,
    "search html": lambda call: httpx.Response(200, html="<html>") if searching(call) else None,
    "store 500": lambda call: httpx.Response(500) if storing(call) else None,
    "store 404": lambda call: httpx.Response(404) if storing(call) else None,
}


@pytest.mark.parametrize("fault", [*BROKEN, "mail"])
@pytest.mark.parametrize("email", [JANE, STRANGER])
async def test_what_fails_in_the_background_does_not_change_the_answer(
    fault: str, email: str, log_lines: io.StringIO
) -> None:
    async with stage() as on:
        usual = await on.browser().post("/auth/magic", data={"email": email})
        await on.settle()
        sent = len(on.post.letters)
        on.clock.forward(minutes=1)
        on.post.is_down, on.wire.fault = fault == "mail", BROKEN.get(fault)
        answer = await on.browser().post("/auth/magic", data={"email": email})
        await on.settle()
        assert as_seen(answer) == as_seen(usual)
        assert len(on.post.letters) == sent
        fails = email == JANE or fault.startswith("search")
        assert ("magic_link_not_sent" in log_lines.getvalue()) is fails
        assert email not in log_lines.getvalue()


@pytest.mark.parametrize("email", [JANE, STRANGER])
async def test_the_answer_leaves_before_anybody_is_looked_up(
    email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage() as on:
        usual = await on.browser().post("/auth/magic", data={"email": email})
        await on.settle()
        on.clock.forward(minutes=1)
        on.post.letters.clear()
        slow, in_time = anyio.Event(), on.wire.handle_async_request

        async def hanging(request: httpx.Request) -> httpx.Response:
            if searching(request) or storing(request):
                await slow.wait()
            return await in_time(request)

        monkeypatch.setattr(on.wire, "handle_async_request", hanging)
        with anyio.fail_after(10):
            answer = await on.browser().post("/auth/magic", data={"email": email})
        assert as_seen(answer) == as_seen(usual)
        assert on.post.letters == []
        slow.set()
        await on.settle()
        assert [letter.to for letter in on.post.letters] == ([JANE] if email == JANE else [])


async def test_an_sm_api_that_is_slow_to_say_that_it_is_up_is_not_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(login, "PATIENCE", 0)
    async with stage() as on:
        usual = await on.browser().post("/auth/magic", data={"email": STRANGER})
        await on.settle()
        slow, in_time = anyio.Event(), on.wire.handle_async_request

        async def hanging(request: httpx.Request) -> httpx.Response:
            await slow.wait()
            return await in_time(request)

        monkeypatch.setattr(on.wire, "handle_async_request", hanging)
        with anyio.fail_after(10):
            answer = await on.browser().post("/auth/magic", data={"email": JANE})
        assert as_seen(answer) == as_seen(usual)
        slow.set()
        await on.settle()
        assert [letter.to for letter in on.post.letters] == [JANE]


async def test_why_nobody_was_mailed_is_on_record_without_what_was_typed(on: Stage) -> None:
    await on.patch("/api/contacts/ct_def456", portal_access=0)
    for email in (STRANGER, SAM):
        await asking(on, email)
    assert on.post.letters == []
    noted = await on.activities("portal_login_refused")
    assert {(a["metadata"]["cause"], a["contact_id"], a["company_id"]) for a in noted} == {
        ("no_access", "ct_def456", "co_abc123"),
        ("unknown_address", None, None),
    }
    assert all(a["metadata"]["method"] == "magic_link" for a in noted)
    assert STRANGER not in await everything_stored(on)
