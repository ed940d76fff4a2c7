"""The one client of SM API, spoken to over a transport that tests hold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import anyio
import httpx2 as httpx
import msgspec
import pytest
from msgspec import Struct
from structlog.testing import capture_logs

from portal.crm import client as client_module
from portal.crm import transport as transport_module
from portal.crm.client import UNPAGED_LIMIT, Outcome, SMApi, decode
from portal.crm.retry import MAX_ATTEMPTS
from portal.crm.transport import Connections
from portal.errors import (
    SMApiBusy,
    SMApiError,
    SMApiFault,
    SMApiMalformed,
    SMApiNotFound,
    SMApiUnauthorized,
    SMApiUnreachable,
)
from tests.crm.upstream import Upstream, always, in_turn, ok, refusal


async def one_of_each(sm: SMApi) -> None:
    """Every way to call SM API."""
    await sm.get("/api/x")
    await sm.post("/api/x", {"a": 1})
    await sm.patch("/api/x", {"a": 1})
    await sm.check()


async def test_every_call_carries_the_service_token_platform_and_product() -> None:
    upstream = always(ok([]))
    async with upstream.client(product="signal") as sm:
        await one_of_each(sm)
    assert [r.method for r in upstream.calls] == ["GET", "POST", "PATCH", "GET"]
    for request in upstream.calls:
        assert request.headers["CF-Access-Client-Id"] == "id.access"
        assert request.headers["CF-Access-Client-Secret"] == "the-secret"
        assert request.headers["X-SM-Platform"] == "signal-portal/1.0"
        assert request.headers["X-SM-Product"] == "signal"
        assert request.headers["Accept"] == "application/json"
        assert ("Content-Type" in request.headers) == (request.method != "GET")


async def test_a_client_from_the_environment_says_what_is_missing() -> None:
    secrets = {"SM_API_CLIENT_ID": "a", "SM_API_CLIENT_SECRET": "b"}
    for told, host, product in (
        ({"SM_API_URL": "https://sm.example"}, "sm.example", "mode"),
        ({"PRODUCT": "signal"}, "api.sprintmode.ai", "signal"),
    ):
        async with SMApi.from_env({**secrets, **told}) as sm:
            assert isinstance(sm._wire, Connections)
            sent = dict(sm._wire._fixed)
            assert (sent["Host"], sent["X-SM-Product"]) == (host, product)
            assert sent["X-SM-Platform"] == f"{product}-portal/1.0"
    for name in secrets:
        with pytest.raises(KeyError, match=name):
            SMApi.from_env({k: v for k, v in secrets.items() if k != name})


async def test_no_redirect_is_followed_and_no_credential_travels_with_it() -> None:
    upstream = always(httpx.Response(302, headers={"location": "https://evil.example/login"}))
    with pytest.raises(SMApiUnauthorized, match=r"evil\.example.*SM_API_CLIENT_ID"):
        await upstream.client().get("/api/contacts")
    assert [r.url.host for r in upstream.calls] == ["sm.example"]


async def test_a_cookie_that_an_answer_sets_is_not_sent_again() -> None:
    setting = ok([])
    setting.headers["set-cookie"] = "sm_client=somebody; Path=/"
    upstream = always(setting)
    async with upstream.client() as sm:
        await sm.get("/api/x")
        await sm.get("/api/x")
    assert all("cookie" not in r.headers for r in upstream.calls)


FAULTS: list[httpx.Response | Exception] = [
    httpx.Response(500),
    httpx.Response(502, html="<html>"),
    httpx.Response(429),
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("slow"),
    httpx.RemoteProtocolError("cut off"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
async def test_reads_and_keyed_posts_are_repeated(fault: httpx.Response | Exception) -> None:
    for method in ("get", "post"):
        upstream = in_turn(fault, fault, ok("there"))
        sm = upstream.client()
        found = await (sm.get("/api/x") if method == "get" else sm.post("/api/x", {}))
        assert found == "there"
        assert len(upstream.calls) == MAX_ATTEMPTS
        assert len(upstream.waits) == MAX_ATTEMPTS - 1


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
async def test_a_patch_is_never_repeated(fault: httpx.Response | Exception) -> None:
    upstream = in_turn(fault)
    with pytest.raises(SMApiError):
        await upstream.client().patch("/api/x", {})
    assert len(upstream.calls) == 1


async def test_the_repeats_end_with_the_last_error() -> None:
    upstream = always(httpx.Response(503))
    with pytest.raises(SMApiFault, match="503"):
        await upstream.client().get("/api/x")
    assert len(upstream.calls) == MAX_ATTEMPTS


@pytest.mark.parametrize("answer", [refusal(400), refusal(404), refusal(401), httpx.Response(200)])
async def test_what_would_fail_again_is_not_repeated(answer: httpx.Response) -> None:
    upstream = always(answer)
    with pytest.raises(SMApiError):
        await upstream.client().get("/api/x")
    assert len(upstream.calls) == 1


async def test_a_short_retry_after_is_waited_for_and_a_long_one_is_not() -> None:
    upstream = in_turn(httpx.Response(429, headers={"retry-after": "1"}), ok(1))
    assert await upstream.client().get("/api/x") == 1
    assert upstream.waits == [1.0]
    upstream = in_turn(httpx.Response(429, headers={"retry-after": "60"}))
    with pytest.raises(SMApiBusy) as caught:
        await upstream.client().get("/api/x")
    assert caught.value.retry_after == 60
    assert upstream.waits == []


async def test_a_repeated_post_keeps_its_key_and_another_gets_its_own() -> None:
    upstream = in_turn(httpx.Response(500), httpx.ReadError("cut"), ok(1), ok(2), ok(3))
    async with upstream.client() as sm:
        await sm.post("/api/x", {})
        await sm.post("/api/x", {})
        await sm.post("/api/x", {}, idempotency_key="mine")
    keys = [r.headers["Idempotency-Key"] for r in upstream.calls]
    assert len(set(keys[:3])) == 1
    assert len(set(keys)) == 3
    assert keys[4] == "mine"
    assert all(len(k) >= 32 for k in keys[:4])


async def test_reads_and_patches_carry_no_key() -> None:
    upstream = always(ok(1))
    async with upstream.client() as sm:
        await sm.get("/api/x")
        await sm.patch("/api/x", {})
    assert all("idempotency-key" not in r.headers for r in upstream.calls)


async def test_decimals_travel_as_numbers() -> None:
    upstream = always(ok(1))
    await upstream.client().post("/api/x", {"amount": Decimal("0.10"), "on": date(2026, 1, 2)})
    assert upstream.calls[0].content == b'{"amount":0.10,"on":"2026-01-02"}'


# Deadlines and bounds


class Dripping(httpx.AsyncByteStream):
    """A body whose first byte comes at once and whose second never does."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{"
        await anyio.Event().wait()


class Endless(httpx.AsyncByteStream):
    """A body without end; counts what was read of it."""

    def __init__(self) -> None:
        self.pieces = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.pieces += 1
            yield b" " * 1000


def streaming(stream: httpx.AsyncByteStream) -> Upstream:
    headers = {"content-type": "application/json"}
    return Upstream(lambda _: httpx.Response(200, headers=headers, stream=stream))


async def test_a_body_that_drips_forever_meets_the_deadline() -> None:
    upstream = streaming(Dripping())
    with anyio.fail_after(5), pytest.raises(SMApiUnreachable, match=r"within 0\.01 s"):
        await upstream.client(deadline=0.01).get("/api/x")
    assert len(upstream.calls) == MAX_ATTEMPTS


async def test_a_body_without_end_is_read_up_to_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "MOST_ANSWER_BYTES", 10_000)
    stream = Endless()
    with pytest.raises(SMApiMalformed, match="more than 10000 bytes"):
        await streaming(stream).client().get("/api/x")
    assert stream.pieces == 11


# Lists


def record(number: int) -> dict[str, Any]:
    return {"id": f"x{number}"}


def asked(request: httpx.Request, name: str, default: int) -> int:
    return int(request.url.params.get(name, default))


def paged(count: int, *, most: int = 100) -> Upstream:
    """A list of `{items, hasMore}` pages."""

    def answer(request: httpx.Request) -> httpx.Response:
        limit, page = min(asked(request, "limit", 25), most), asked(request, "page", 1)
        items = [record(n) for n in range(count)][(page - 1) * limit : page * limit]
        return ok({"items": items, "total": count, "hasMore": page * limit < count})

    return Upstream(answer)


def array(count: int, *, most: int = 10_000) -> Upstream:
    """A list that is an array and knows `limit` only."""

    def answer(request: httpx.Request) -> httpx.Response:
        return ok([record(n) for n in range(count)][: min(asked(request, "limit", 50), most)])

    return Upstream(answer)


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 99, 100, 101, 200, 357])
async def test_a_list_is_read_to_its_end_in_either_shape(count: int) -> None:
    for upstream in (paged(count), paged(count, most=25), array(count)):
        found = await upstream.client().list("/api/x", {"company_id": "co_1"})
        assert found == [record(n) for n in range(count)]
        assert {r.url.params["company_id"] for r in upstream.calls} == {"co_1"}


async def test_an_array_that_knows_no_pages_is_taken_in_one_large_piece() -> None:
    upstream = array(120)
    await upstream.client().list("/api/x")
    last = upstream.calls[-1].url.params
    assert (last["limit"], "page" in last) == (str(UNPAGED_LIMIT), False)
    assert len(upstream.calls) == 3


async def test_a_record_met_twice_counts_once() -> None:
    pages = [
        {"items": [record(1), record(2)], "hasMore": True},
        {"items": [record(2), record(3)], "hasMore": False},
    ]
    assert await in_turn(*map(ok, pages)).client().list("/api/x") == [record(n) for n in (1, 2, 3)]
    twice = [record(1), record(1), record(2)]
    assert await always(ok(twice)).client().list("/api/x") == [record(1), record(2)]


async def test_a_page_that_comes_again_takes_nothing_away() -> None:
    first, second = [record(n) for n in range(100)], [record(n) for n in range(100, 130)]

    def answer(request: httpx.Request) -> httpx.Response:
        items = second if asked(request, "page", 1) > 1 else first
        return ok({"items": items, "hasMore": True})

    assert await Upstream(answer).client().list("/api/x") == first + second


async def test_a_list_that_never_ends_is_left_after_some_pages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "MOST_PAGES", 4)
    upstream = paged(10_000)
    assert len(await upstream.client().list("/api/x")) == 400
    assert len(upstream.calls) == 4


async def test_most_ends_the_reading_early() -> None:
    upstream = paged(1000)
    assert await upstream.client().list("/api/x", most=150) == [record(n) for n in range(150)]
    assert len(upstream.calls) == 2


async def test_an_error_on_a_later_page_is_an_error_and_no_short_list() -> None:
    upstream = in_turn(ok({"items": [record(1)], "hasMore": True}), refusal(400))
    with pytest.raises(SMApiError):
        await upstream.client().list("/api/x")


# Records


class Thing(Struct, kw_only=True):
    """A record to decode into."""

    id: str
    amount: Decimal = Decimal(0)
    tags: tuple[str, ...] = ()


async def test_a_record_becomes_a_struct_with_decimal_amounts() -> None:
    sent = b'{"ok":true,"data":{"id":"x","amount":19.90,"tags":null,"secret":1}}'
    upstream = always(
        httpx.Response(200, headers={"content-type": "application/json"}, content=sent)
    )
    thing = await upstream.client().fetch("/api/x/x", Thing)
    assert thing == Thing(id="x", amount=Decimal("19.90"))
    assert str(thing.amount) == "19.90"


@pytest.mark.parametrize("sent", [None, [], {}, {"id": 5}, {"id": "x", "amount": "much"}, "x"])
def test_what_does_not_fit_is_malformed_and_says_where(sent: Any) -> None:
    with pytest.raises(SMApiMalformed, match="/api/x: a Thing does not fit"):
        decode(sent, Thing, "/api/x")


def test_nulls_take_the_default_however_deep() -> None:
    assert decode({"id": "x", "tags": ["a"], "amount": None}, Thing, "/") == Thing(
        id="x", tags=("a",)
    )


async def test_fetch_list_checks_each_record() -> None:
    good, bad = {"id": "x", "amount": 1}, {"id": "y", "amount": "much"}
    assert await always(ok([good])).client().fetch_list("/api/x", Thing) == (
        Thing(id="x", amount=Decimal(1)),
    )
    with pytest.raises(SMApiMalformed):
        await always(ok([good, bad])).client().fetch_list("/api/x", Thing)


# What is logged


async def test_a_failure_is_logged_without_secrets_or_query() -> None:
    with capture_logs() as logs, pytest.raises(SMApiNotFound):
        await always(refusal(404)).client().get("/api/contacts", {"search": "jane@acme.com"})
    [line] = logs
    assert (line["path"], line["error"]) == ("/api/contacts", "SMApiNotFound")
    assert "jane" not in str(msgspec.json.encode(line))
    assert "the-secret" not in str(line)


class Observed:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Outcome]] = []

    def __call__(self, resource: str, outcome: Outcome, seconds: float) -> None:
        assert seconds >= 0
        self.told.append((resource, outcome))


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (ok([]), "ok"),
        (refusal(404), "rejected"),
        (refusal(422), "rejected"),
        (httpx.Response(302, headers={"Location": "https://login.example"}), "unauthorized"),
        (httpx.Response(200, text="<html>"), "malformed"),
        (httpx.Response(502), "fault"),
        (httpx.Response(429), "busy"),
        (httpx.ConnectError("gone"), "unreachable"),
    ],
)
async def test_an_observer_is_told_what_came_of_a_call(
    answer: httpx.Response | Exception, outcome: Outcome
) -> None:
    observed = Observed()
    async with in_turn(answer).client(observe=observed) as sm:
        if outcome == "ok":
            await sm.patch("/api/invoices/inv_1", {})
        else:
            with pytest.raises(SMApiError):
                await sm.patch("/api/invoices/inv_1", {})
    assert observed.told == [("invoices", outcome)]


async def test_an_observer_is_told_of_each_repeat() -> None:
    observed = Observed()
    upstream = in_turn(httpx.Response(503), httpx.ReadError("cut"), ok([]))
    async with upstream.client(observe=observed) as sm:
        await sm.get("/api/contacts", {"limit": 1})
    assert observed.told == [
        *(("contacts", "fault"), ("contacts", "unreachable"), ("contacts", "ok")),
    ]


async def test_a_call_that_we_give_up_ourselves_is_not_laid_to_sm_api() -> None:
    observed = Observed()
    scope = anyio.CancelScope()

    async def leave(_: httpx.Request) -> httpx.Response:
        scope.cancel()
        await anyio.sleep_forever()
        raise AssertionError

    sm = SMApi(
        "https://sm.example",
        client_id="a",
        client_secret="b",
        product="mode",
        transport=httpx.MockTransport(leave),
        observe=observed,
    )
    async with sm:
        with scope:
            await sm.get("/api/contacts")
    assert scope.cancelled_caught
    assert observed.told == []
