"""Year packs: starting one, watching it being made, downloading it, and whose it is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest

from portal.packs.store import LEASE_SECONDS
from tests.packs.stand import (
    JANE,
    MADE,
    PLACE,
    UNHURRIED,
    built,
    finished,
    keys,
    killed_after,
    start,
    told,
)
from tests.pages.billing import bill
from tests.staff.stand import previewing
from tests.stage import Stage, stage


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


@pytest.fixture
async def jane(on: Stage) -> httpx.AsyncClient:
    return await on.signed_in("jane@acme.com")


async def test_the_page_offers_the_years_that_have_invoices(
    on: Stage, jane: httpx.AsyncClient
) -> None:
    await bill(on, issued_date="2024-03-01", due_date="2024-04-01")
    page = (await jane.get("/year-pack")).text
    assert re.findall(r'<option value="(\d+)"', page) == ["2026", "2024"]
    assert "No packs" in page
    for path in ("/statement", "/invoices"):
        assert 'href="/year-pack"' in (await jane.get(path)).text


async def test_a_pack_is_started_watched_and_downloaded(
    jane: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = await start(jane)
    page = (await jane.get(place)).text
    assert f'<progress class="bar pack__bar" max="{MADE}" value="0"' in page
    assert f'data-pack="{place}/events"' in page
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page
    assert (await jane.get(f"{place}.zip")).status_code == 404
    monkeypatch.setattr("portal.packs.events.STREAM_SECONDS", UNHURRIED)
    answer = await jane.get(f"{place}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    events = told(answer.text)
    assert events[0] == ("building", {**events[0][1], "done": 0, "total": MADE})
    assert [data["done"] for _, data in events] == sorted(data["done"] for _, data in events)
    assert events[-1][0] == "done"
    assert events[-1][1] == {
        "state": "done",
        "done": MADE,
        "total": MADE,
        "file": None,
        "words": "The pack is ready.",
    }
    page = (await jane.get(place)).text
    assert f'href="{place}.zip"' in page
    assert "http-equiv" not in page
    assert "<progress" not in page
    whole = await jane.get(f"{place}.zip")
    assert whole.headers["content-disposition"] == 'attachment; filename="mode-2026.zip"'
    assert "Ready" in (await jane.get("/year-pack")).text


async def test_starting_twice_joins_the_one_that_is_being_made(
    on: Stage, jane: httpx.AsyncClient
) -> None:
    first, second = await asyncio.gather(start(jane), start(jane))
    assert first == second == await start(jane)
    await built(on)
    assert len(PLACE.findall((await jane.get("/year-pack")).text)) == 1
    # One that is done is not joined: what was paid since then belongs in a new one.
    assert await start(jane) != first


async def test_a_second_year_waits_and_says_so(on: Stage, jane: httpx.AsyncClient) -> None:
    await bill(on, issued_date="2025-03-01", due_date="2025-04-01")
    place = await start(jane)
    answer = await jane.post("/year-pack", data={"year": "2025"})
    assert answer.status_code == 422
    assert "The pack of 2026 is still being made." in answer.text
    assert '<option value="2025" selected>' in answer.text
    await built(on)
    assert (await start(jane, "2025")) != place


@pytest.mark.parametrize("year", ["", "1999", "2027", "2026'--", "all"])
async def test_a_year_without_invoices_is_refused(
    on: Stage, jane: httpx.AsyncClient, year: str
) -> None:
    answer = await jane.post("/year-pack", data={"year": year})
    assert answer.status_code == 422
    assert "Choose one of the years in the list." in answer.text
    assert await keys(on) == []


async def test_three_are_kept_and_the_oldest_makes_room(on: Stage, jane: httpx.AsyncClient) -> None:
    places = []
    for _ in range(4):
        on.clock.forward(minutes=1)
        places.append(await finished(on, jane))
    shown = PLACE.findall((await jane.get("/year-pack")).text)
    assert shown == [places[3], places[2], places[1]]
    assert (await jane.get(places[0])).status_code == 404
    oldest = places[0].removeprefix("/year-pack/")
    assert [key for key in await keys(on) if oldest in key] == [f"year-pack-ended:{oldest}"]


async def test_what_is_in_it_is_fixed_at_the_start(
    on: Stage, jane: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = await killed_after(on, jane, monkeypatch, 3)
    await on.patch("/api/invoices/inv_2026001", amount=999_999)
    await bill(on, invoice_number="INV-LATER")
    on.clock.forward(hours=20)
    await built(on)
    jane = await on.signed_in("jane@acme.com")
    await jane.post(f"{place}/go-on")
    await built(on)
    whole = (await jane.get(f"{place}.zip")).content
    assert b"INV-LATER" not in whole
    assert b"999999" not in whole
    assert b'"as_of": "2026-11-24T15:31:00+00:00"' in whole


# Downloading


async def test_a_broken_download_goes_on_where_it_was(on: Stage, jane: httpx.AsyncClient) -> None:
    place = await finished(on, jane)
    whole = await jane.get(f"{place}.zip")
    size, tag = len(whole.content), whole.headers["etag"]
    assert (whole.status_code, whole.headers["content-length"]) == (200, str(size))
    assert whole.headers["accept-ranges"] == "bytes"
    assert (await jane.get(f"{place}.zip")).content == whole.content
    half = size // 2
    rest = await jane.get(f"{place}.zip", headers={"Range": f"bytes={half}-", "If-Range": tag})
    assert rest.status_code == 206
    assert rest.headers["content-range"] == f"bytes {half}-{size - 1}/{size}"
    assert rest.headers["content-length"] == str(size - half)
    assert whole.content[:half] + rest.content == whole.content
    end = await jane.get(f"{place}.zip", headers={"Range": "bytes=-22"})
    assert end.content == whole.content[-22:]
    other = await jane.get(f"{place}.zip", headers={"Range": "bytes=5-9", "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, whole.content)
    beyond = await jane.get(f"{place}.zip", headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    known = await jane.get(f"{place}.zip", headers={"If-None-Match": tag})
    assert (known.status_code, known.content) == (304, b"")
    head = await jane.head(f"{place}.zip")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(size)


# Whose


async def test_a_viewer_is_refused_as_on_other_money_pages(
    on: Stage, jane: httpx.AsyncClient
) -> None:
    place = await finished(on, jane)
    sam = await on.signed_in("sam@acme.com")
    for path in ("/year-pack", place, f"{place}.zip", f"{place}/events", "/year-pack/nothing"):
        assert (await sam.get(path)).status_code == 403, path
    for path in ("/year-pack", f"{place}/cancel", f"{place}/go-on", f"{place}/delete"):
        assert (await sam.post(path, data={"year": "2026"})).status_code == 403, path
    assert "/year-pack" not in (await sam.get("/")).text
    assert (await jane.get(f"{place}.zip")).status_code == 200


@pytest.mark.parametrize("email", ["hank@globex.com", "kim@acme.com"])
async def test_nobody_elses_pack_is_found(on: Stage, jane: httpx.AsyncClient, email: str) -> None:
    if email == "kim@acme.com":
        made = await on.sandbox.post(
            "/api/contacts",
            json={
                "email": email,
                "full_name": "Kim Other",
                "company_id": "co_abc123",
                "contact_type": "client",
                "portal_access": 1,
                "portal_role": "client_admin",
                "product": "mode",
            },
        )
        assert made.status_code == 201, made.text
    place = await finished(on, jane)
    other = await on.signed_in(email)
    asked = {"X-Request-Id": "x" * 12}
    nothing = await other.get(f"/year-pack/{'0' * 32}", headers=asked)
    for path in (place, f"{place}.zip", f"{place}/events"):
        answer = await other.get(path, headers=asked)
        assert (answer.status_code, answer.text) == (404, nothing.text), path
    for action in ("cancel", "go-on", "delete"):
        assert (await other.post(f"{place}/{action}")).status_code == 404
    assert PLACE.search((await other.get("/year-pack")).text) is None
    assert (await jane.get(f"{place}.zip")).status_code == 200


@pytest.mark.parametrize("pack_id", ["", "x", "0" * 31, "A" * 32, "../" * 4, "%00", f"{JANE}:x"])
async def test_what_is_no_id_is_not_found(on: Stage, jane: httpx.AsyncClient, pack_id: str) -> None:
    for path in (f"/year-pack/{pack_id}/events", f"/year-pack/{pack_id}.zip"):
        assert (await jane.get(path)).status_code == 404, path


async def test_whoever_is_admin_of_another_company_now_finds_no_pack_of_the_old_one(
    on: Stage, jane: httpx.AsyncClient
) -> None:
    place = await finished(on, jane)
    await on.patch(f"/api/contacts/{JANE}", company_id="co_globex1")
    on.clock.forward(minutes=2)
    assert (await jane.get(place)).status_code == 404
    assert (await jane.get(f"{place}.zip")).status_code == 404
    assert PLACE.search((await jane.get("/year-pack")).text) is None
    await on.patch(f"/api/contacts/{JANE}", company_id="co_abc123", portal_role="client_viewer")
    on.clock.forward(minutes=2)
    assert (await jane.get(f"{place}.zip")).status_code == 403


async def test_a_preview_sees_the_packs_and_changes_none(
    on: Stage, jane: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = await finished(on, jane)
    stalled = await killed_after(on, jane, monkeypatch, 2)
    on.clock.forward(seconds=LEASE_SECONDS + 1)
    lens = await previewing(on)
    assert set(PLACE.findall((await lens.get("/year-pack")).text)) == {done, stalled}
    whole = await lens.get(f"{done}.zip")
    assert whole.content == (await jane.get(f"{done}.zip")).content
    for action in ("cancel", "go-on", "delete"):
        assert (await lens.post(f"{stalled}/{action}")).status_code == 403
    assert (await lens.post("/year-pack", data={"year": "2026"})).status_code == 403
    before = await keys(on)
    page = (await lens.get(stalled)).text
    assert "Making it was interrupted." in page
    monkeypatch.setattr("portal.packs.events.STREAM_SECONDS", 0.0)
    seen = await lens.get(f"{stalled}/events")
    assert [kind for kind, _ in told(seen.text)] == ["stalled"]
    await built(on)
    assert await keys(on) == before
