"""Metrics: what is counted, under which names, and for whom."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from typing import Final

import httpx2 as httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from portal.activity.outbox import Activity
from portal.edge.queue import Depth
from portal.errors import SMApiError
from portal.metrics import CONTENT_TYPE, Metrics
from tests.stage import ORIGIN, PROJECT, Stage, stage

TOKEN: Final = "a-token-for-the-scraper-of-the-tests"
PUBLIC: Final = "198.51.100.7"
Counts = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def read(exposition: str) -> Counts:
    """Every sample by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }


def count(counts: Counts, name: str, **labels: str) -> float | None:
    return counts.get((name, frozenset(labels.items())))


async def scrape(
    on: Stage, peer: str = "127.0.0.1", url: str = f"{ORIGIN}/metrics", **headers: str
) -> httpx.Response:
    """Ask for the counts as a scraper at this address."""
    transport = httpx.ASGITransport(app=on.app, client=(peer, 4711))
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(transport=transport) as client:
        return await client.get(url, headers=sent)


async def counts_of(on: Stage) -> Counts:
    answer = await scrape(on)
    assert answer.status_code == 200
    return read(answer.text)


async def test_the_answer_is_prometheus_text_that_nobody_keeps(on: Stage) -> None:
    answer = await scrape(on)
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert answer.headers["cache-control"] == "no-store"
    assert "# TYPE portal_requests_total counter" in answer.text


async def test_every_metric_is_documented(on: Stage) -> None:
    document = (PROJECT / "docs" / "configuration.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(portal_[a-z_]+)` \|", document, re.MULTILINE)
    told = re.findall(r"^# TYPE (portal_\w+?)(?:_created)? ", (await scrape(on)).text, re.MULTILINE)
    assert set(documented) == set(told)


async def test_requests_are_counted_by_the_name_of_their_route(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    invoices = (await browser.get("/api/invoices")).json()["data"]
    items = invoices["items"] if isinstance(invoices, dict) else invoices
    for invoice in items[:2]:
        assert (await browser.get(f"/invoices/{invoice['id']}")).status_code == 200
        assert (await browser.get(f"/api/invoices/{invoice['id']}")).status_code == 200
    await browser.get("/no/such/page")
    await on.browser().get("/invoices")
    await browser.request("BREW", "/invoices")
    counts = await counts_of(on)
    name = "portal_requests_total"
    assert count(counts, name, route="invoice", method="GET", status="200") == 2
    assert count(counts, name, route="read_one", method="GET", status="200") == 2
    assert count(counts, name, route="press_button", method="POST", status="303") == 1
    assert count(counts, name, route="none", method="GET", status="404") == 1
    assert count(counts, name, route="none", method="GET", status="302") == 1
    assert "BREW" not in str(counts)
    assert count(counts, "portal_request_seconds_count", route="invoice") == 2


async def test_no_label_holds_an_id_a_token_or_an_address(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    invoices = (await browser.get("/api/invoices")).json()["data"]
    items = invoices["items"] if isinstance(invoices, dict) else invoices
    paths = [f"/invoices/{items[0]['id']}", "/calendar/feed/feedtoken.ics", "/a/made-up/path"]
    for path in [*paths, "/auth/magic/verify?token=linktoken", "/search?q=typed", "/static/x.css"]:
        await browser.get(path)
    await on.sign_in_with_google(on.browser(), "jane@acme.com")
    answer = await scrape(on)
    words = {value for _, labels in read(answer.text) for _, value in labels}
    assert {"invoice", "calendar_feed", "none", "GET"} <= words
    for told in ("jane", "acme", "ct_", "inv_", "token.", "linktoken", "typed", "127.0", "/", "@"):
        assert not [word for word in words if told in word], told


async def test_calls_of_sm_api_are_counted_by_resource_and_outcome(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    before = await counts_of(on)
    calls = [c for c in on.wire.calls if c.url.path.split("/")[2] == "contacts"]
    name = "portal_sm_api_calls_total"
    assert count(before, name, resource="contacts", outcome="ok") == len(calls) > 0
    on.wire.fault = lambda _request: httpx.Response(500)
    on.clock.forward(minutes=5)
    asked = len(on.wire.calls)
    assert (await browser.get("/invoices")).status_code == 503
    counts = await counts_of(on)
    failed = count(counts, name, resource="contacts", outcome="fault")
    assert failed == len(on.wire.calls) - asked > 1
    seconds = count(counts, "portal_sm_api_call_seconds_count", resource="contacts")
    assert seconds == len(calls) + failed


async def test_readings_are_counted_by_what_the_cache_made_of_them() -> None:
    async with stage(read_freshness=5.0) as on:
        browser = await on.signed_in("jane@acme.com")
        await browser.get("/invoices")
        name, before = "portal_cache_reads_total", await counts_of(on)
        await browser.get("/invoices")
        counts = await counts_of(on)
        fresh = {"resource": "invoices", "outcome": "fresh"}
        assert (count(counts, name, **fresh) or 0) > (count(before, name, **fresh) or 0)
        outcomes = {dict(labels)["outcome"] for told, labels in counts if told == name}
        assert outcomes <= {"fresh", "stale", "last_good", "missed", "unavailable"}
        assert "missed" in outcomes


async def test_an_sm_api_that_is_left_alone_shows(on: Stage) -> None:
    assert count(await counts_of(on), "portal_sm_api_open") == 0
    on.wire.fault = lambda _request: httpx.Response(500)
    for _ in range(5):
        with pytest.raises(SMApiError):
            await on.env.sm.check()
    assert count(await counts_of(on), "portal_sm_api_open") == 1
    on.wire.fault = None
    on.clock.forward(minutes=2)
    await on.env.sm.check()
    assert count(await counts_of(on), "portal_sm_api_open") == 0


async def test_a_queue_that_cannot_be_asked_takes_no_other_number_away(
    on: Stage, monkeypatch: pytest.MonkeyPatch, log_lines: io.StringIO
) -> None:
    async def away() -> Depth:
        raise ConnectionError("the tests took it away")

    monkeypatch.setattr(on.env.outbox, "depth", away)
    await on.browser().get("/auth/login")
    counts = await counts_of(on)
    assert count(counts, "portal_requests_total", route="login", method="GET", status="200") == 1
    assert count(counts, "portal_activities_queued") is None
    assert "queue_depth_unknown" in log_lines.getvalue()


async def test_sign_ins_and_refusals_are_counted_by_method(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    await browser.post("/auth/magic/verify", data={"token": on.last_token()})
    await on.sign_in_with_google(on.browser(), "jane@acme.com")
    on.clock.forward(minutes=1)
    by_code = on.browser()
    await on.ask_for_link(by_code, "jane@acme.com")
    wrong = "000000" if on.last_code() != "000000" else "000001"
    for code in (wrong, on.last_code()):
        await by_code.post("/auth/verify-code", data={"email": "jane@acme.com", "code": code})
    counts = await counts_of(on)
    name = "portal_sign_ins_total"
    for method in ("magic_link", "google", "code"):
        assert count(counts, name, method=method, outcome="signed_in") == 1, method
    for method in ("magic_link", "code"):
        assert count(counts, name, method=method, outcome="refused") == 1, method
    assert count(counts, name, method="google", outcome="refused") is None


async def test_refusals_that_the_crm_is_spared_are_counted(on: Stage) -> None:
    for _ in range(35):
        await on.browser().post("/auth/magic/verify", data={"token": "made-up"})
    counts = await counts_of(on)
    assert count(counts, "portal_sign_ins_total", method="magic_link", outcome="refused") == 35
    assert (await on.env.outbox.depth()).waiting == 30


async def test_the_outbox_is_read_as_it_is_at_the_moment(on: Stage) -> None:
    queued, oldest = "portal_activities_queued", "portal_activities_oldest_seconds"
    empty = await counts_of(on)
    assert [count(empty, n) for n in (queued, oldest, "portal_activities_dead")] == [0, 0, 0]
    await on.env.outbox.record(Activity("page_viewed", "Looked", contact_id="ct_abc123"))
    on.clock.forward(seconds=90)
    waiting = await counts_of(on)
    assert (count(waiting, queued), count(waiting, oldest)) == (1, 90)
    on.wire.fault = lambda _request: httpx.Response(422, json={"ok": False, "error": "no"})
    await on.env.outbox.deliver_due()
    buried = await counts_of(on)
    assert (count(buried, queued), count(buried, oldest)) == (0, 0)
    assert count(buried, "portal_activities_dead") == 1


async def test_two_portals_do_not_share_their_counts(on: Stage) -> None:
    async with stage() as other:
        await other.browser().get("/healthz")
        theirs, ours = await counts_of(other), await counts_of(on)
    labels = {"route": "healthz", "method": "GET", "status": "200"}
    assert count(theirs, "portal_requests_total", **labels) == 1
    assert count(ours, "portal_requests_total", **labels) is None


def test_counts_stay_in_their_own_registry() -> None:
    one, other = Metrics(), Metrics()
    one.signed_in("google")
    assert 'method="google"' in one.exposition(Depth(0, 0, 0.0)).decode()
    assert 'method="google"' not in other.exposition(Depth(0, 0, 0.0)).decode()


# For whom


@pytest.mark.parametrize(
    "peer",
    [
        *("127.0.0.1", "127.8.0.1", "10.1.2.3", "172.31.255.1", "192.168.0.9"),
        *("::1", "fd12::1", "::ffff:10.1.2.3"),
    ],
)
async def test_without_a_token_our_own_network_reads_them(on: Stage, peer: str) -> None:
    assert (await scrape(on, peer)).status_code == 200


@pytest.mark.parametrize(
    "peer",
    [PUBLIC, "172.32.0.1", "11.0.0.1", "0.0.0.0", "2001:db8::1", "::ffff:8.8.8.8", "a-socket"],
)
async def test_without_a_token_there_is_no_page_for_the_world(on: Stage, peer: str) -> None:
    answer = await scrape(on, peer)
    assert answer.status_code == 404
    assert "portal_" not in answer.text
    assert (await scrape(on, peer, authorization=f"Bearer {TOKEN}")).status_code == 404


async def test_who_may_not_read_them_gets_the_answer_of_a_missing_page(on: Stage) -> None:
    asked = {"accept": "text/html", "x_request_id": "the-same-for-both"}
    refused = await scrape(on, PUBLIC, **asked)
    missing = await scrape(on, PUBLIC, f"{ORIGIN}/auth/no-such-page", **asked)
    assert refused.status_code == missing.status_code == 404
    # Both say which page was asked for, to come back to it in another language.
    assert refused.text.replace("/metrics", "/auth/no-such-page") == missing.text


async def test_behind_a_proxy_the_client_counts_and_not_the_proxy() -> None:
    async with stage(trusted_proxies=1) as on:
        for client, status in (("10.9.9.9", 200), (PUBLIC, 404), (f"10.9.9.9, {PUBLIC}", 404)):
            answer = await scrape(on, "10.0.0.1", x_forwarded_for=client)
            assert answer.status_code == status, client
        assert (await scrape(on, "10.0.0.1")).status_code == 200


@pytest.mark.parametrize(
    ("trusted", "forwarded"), [(0, PUBLIC), (0, "10.9.9.9"), (1, "unknown"), (2, PUBLIC), (1, "")]
)
async def test_a_proxy_that_tells_nothing_we_believe_is_not_taken_for_its_client(
    trusted: int, forwarded: str
) -> None:
    async with stage(trusted_proxies=trusted) as on:
        answer = await scrape(on, "127.0.0.1", x_forwarded_for=forwarded)
        assert answer.status_code == 404


async def test_with_a_token_everybody_needs_it_and_from_anywhere() -> None:
    async with stage(metrics_token=TOKEN) as on:
        for peer in ("127.0.0.1", PUBLIC):
            for right in (f"Bearer {TOKEN}", f"bearer  {TOKEN}"):
                assert (await scrape(on, peer, authorization=right)).status_code == 200
            assert (await scrape(on, peer)).status_code == 404


@pytest.mark.parametrize(
    "sent",
    ["", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN],
)
async def test_a_wrong_token_finds_no_page(sent: str, log_lines: io.StringIO) -> None:
    async with stage(metrics_token=TOKEN) as on:
        assert (await scrape(on, authorization=sent)).status_code == 404
    assert TOKEN not in log_lines.getvalue()


async def test_a_token_of_other_letters_is_a_wrong_one() -> None:
    async with stage(metrics_token=TOKEN) as on:
        transport = httpx.ASGITransport(app=on.app)
        async with httpx.AsyncClient(transport=transport) as client:
            answer = await client.get(
                f"{ORIGIN}/metrics", headers=[(b"Authorization", b"Bearer \xe9\xff")]
            )
    assert answer.status_code == 404


async def test_a_scraper_may_come_under_any_name(on: Stage) -> None:
    assert (await scrape(on, url="http://10.0.0.7:8787/metrics")).status_code == 200
