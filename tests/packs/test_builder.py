"""Making a pack: going on after whatever interrupts it, and ending it with nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import pytest

from portal.documents.typesetting import pdf as draw
from portal.edge.ctx import Context
from portal.packs.events import stream
from portal.packs.store import LEASE_SECONDS
from tests.packs.stand import (
    DRAWING,
    JANE,
    MADE,
    UNHURRIED,
    built,
    desk,
    english,
    finished,
    keys,
    killed_after,
    start,
    told,
)
from tests.stage import Stage, stage


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


@pytest.fixture
async def jane(on: Stage) -> httpx.AsyncClient:
    return await on.signed_in("jane@acme.com")


async def test_after_a_killed_builder_only_what_is_missing_is_made(
    on: Stage, jane: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = await killed_after(on, jane, monkeypatch, 4)
    # Nobody knows yet that it is dead.
    assert "Being made" in (await jane.get(place)).text
    on.clock.forward(seconds=LEASE_SECONDS + 1)
    page = (await jane.get(place)).text
    assert "Making it was interrupted." in page
    assert f'action="{place}/go-on"' in page
    await built(on)
    # Looking at the page has not changed a thing.
    assert (await jane.get(place)).text == page
    drawn: list[str] = []

    async def counted(*arguments: Any) -> bytes:
        drawn.append(arguments[0])
        return await draw(*arguments)

    monkeypatch.setattr(DRAWING, counted)
    monkeypatch.setattr("portal.packs.events.STREAM_SECONDS", UNHURRIED)
    events = told((await jane.get(f"{place}/events")).text)
    assert events[0][0] == "building"
    # Four PDFs and the two tables.
    assert events[0][1]["done"] == 6
    assert events[-1][0] == "done"
    assert len(drawn) == 19 - 4
    assert (await jane.get(f"{place}.zip")).status_code == 200


async def test_an_interrupted_pack_comes_out_as_any_other(
    on: Stage, jane: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await finished(on, jane)
    interrupted = await killed_after(on, jane, monkeypatch, 2)
    on.clock.forward(seconds=LEASE_SECONDS + 1)
    assert (await jane.post(f"{interrupted}/go-on")).headers["location"] == interrupted
    await built(on)
    assert interrupted != whole
    found = [await jane.get(f"{place}.zip") for place in (interrupted, whole)]
    assert found[0].content == found[1].content


async def test_only_one_of_many_takes_up_a_stalled_pack(
    on: Stage, jane: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, log_lines: Any
) -> None:
    place = await killed_after(on, jane, monkeypatch, 2)
    on.clock.forward(seconds=LEASE_SECONDS + 1)
    await asyncio.gather(*(jane.post(f"{place}/go-on") for _ in range(5)))
    await built(on)
    assert log_lines.getvalue().count('"year_pack_done"') == 1


async def test_a_process_that_ends_stops_between_two_files_and_another_goes_on(
    on: Stage, jane: httpx.AsyncClient
) -> None:
    place = await start(jane)
    on.env.ctx.stop()
    await on.env.ctx.drain(5)
    pack_id = place.removeprefix("/year-pack/")
    found = await (await desk(on, JANE)).find(pack_id)
    assert found.state.value == "stalled"
    assert found.done < MADE
    other = Context()
    packs = await desk(on, JANE, other)
    seen = [e async for e in stream(packs, pack_id, english(on), takes_up=True, lasts=UNHURRIED)]
    assert told("".join(seen))[-1][0] == "done"
    await other.drain(5)


async def held_at_a_file(
    on: Stage, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, asyncio.Event]:
    """A pack whose builder takes long over its second file: until the event is set."""
    held, let_go = asyncio.Event(), asyncio.Event()
    drawn: list[str] = []

    async def slow(*arguments: Any) -> bytes:
        drawn.append(arguments[0])
        if len(drawn) == 2:
            held.set()
            await let_go.wait()
        return await draw(*arguments)

    monkeypatch.setattr(DRAWING, slow)
    place = await start(browser)
    await asyncio.wait_for(held.wait(), UNHURRIED)
    on.clock.forward(seconds=LEASE_SECONDS + 1)
    return place, let_go


async def test_a_builder_that_was_only_slow_undoes_nothing_that_another_did(
    on: Stage, jane: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, log_lines: Any
) -> None:
    place, let_go = await held_at_a_file(on, jane, monkeypatch)
    other = Context()
    await (await desk(on, JANE, other)).go_on(place.removeprefix("/year-pack/"))
    await other.drain(UNHURRIED)
    let_go.set()
    await built(on)
    assert (await jane.get(f"{place}.zip")).status_code == 200
    assert log_lines.getvalue().count('"year_pack_done"') == 1


async def test_a_builder_that_was_slow_and_alone_goes_on(
    on: Stage, jane: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, let_go = await held_at_a_file(on, jane, monkeypatch)
    let_go.set()
    await built(on)
    assert (await jane.get(f"{place}.zip")).status_code == 200


async def test_when_the_crm_fails_the_pack_rests_and_says_so(
    on: Stage, jane: httpx.AsyncClient
) -> None:
    on.wire.fault = lambda request: (
        httpx.Response(500, text="down") if "/api/companies/" in request.url.path else None
    )
    place = await finished(on, jane)
    page = (await jane.get(place)).text
    assert "Paused: we could not reach our records." in page
    assert f'action="{place}/go-on"' in page
    assert (await jane.get(f"{place}.zip")).status_code == 404
    assert [kind for kind, _ in told((await jane.get(f"{place}/events")).text)] == ["paused"]
    await built(on)
    assert "Paused" in (await jane.get("/year-pack")).text
    on.wire.fault = None
    await jane.post(f"{place}/go-on")
    await built(on)
    assert (await jane.get(f"{place}.zip")).status_code == 200


async def test_when_drawing_fails_half_way_what_is_finished_is_kept(
    on: Stage, jane: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    async def failing(*arguments: Any) -> bytes:
        drawn.append(arguments[0])
        if len(drawn) == 5:
            raise RuntimeError("out of paper")
        return await draw(*arguments)

    monkeypatch.setattr(DRAWING, failing)
    place = await finished(on, jane)
    assert "Paused: something went wrong on our side." in (await jane.get(place)).text
    # Starting the same year again goes on with it.
    assert await finished(on, jane) == place
    assert (await jane.get(f"{place}.zip")).status_code == 200
    assert len(drawn) == 19 + 1


async def test_when_the_invoices_cannot_be_read_nothing_is_started(
    on: Stage, jane: httpx.AsyncClient
) -> None:
    on.wire.fault = lambda request: (
        httpx.Response(500, text="down") if "/api/invoices" in request.url.path else None
    )
    assert (await jane.post("/year-pack", data={"year": "2026"})).status_code == 503
    assert await keys(on) == []


# Ending


async def test_cancelling_deletes_what_was_made_and_stops_the_builder(
    on: Stage, jane: httpx.AsyncClient, log_lines: Any
) -> None:
    place = await start(jane)
    assert (await jane.post(f"{place}/cancel")).headers["location"] == place
    # The next may begin at once.
    again = await start(jane)
    await built(on)
    assert log_lines.getvalue().count('"year_pack_done"') == 1
    pack_id = place.removeprefix("/year-pack/")
    assert sorted(key for key in await keys(on) if pack_id in key) == [
        f"year-pack-ended:{pack_id}",
        f"year-pack-job:{JANE}:{pack_id}",
    ]
    assert "This pack was cancelled" in (await jane.get(place)).text
    assert [kind for kind, _ in told((await jane.get(f"{place}/events")).text)] == ["cancelled"]
    await jane.post(f"{place}/go-on")
    await built(on)
    assert (await jane.get(f"{place}.zip")).status_code == 404
    assert (await jane.get(f"{again}.zip")).status_code == 200


async def test_a_pack_that_is_done_is_not_cancelled_but_can_be_deleted(
    on: Stage, jane: httpx.AsyncClient
) -> None:
    place = await finished(on, jane)
    await jane.post(f"{place}/cancel")
    assert (await jane.get(f"{place}.zip")).status_code == 200
    assert (await jane.post(f"{place}/delete")).headers["location"] == "/year-pack"
    for path in (place, f"{place}.zip", f"{place}/events"):
        assert (await jane.get(path)).status_code == 404
    assert [key for key in await keys(on) if "part" in key or "records" in key] == []


async def test_a_pack_deleted_while_it_is_made_leaves_nothing(
    on: Stage, jane: httpx.AsyncClient
) -> None:
    place = await start(jane)
    await jane.post(f"{place}/delete")
    await built(on)
    pack_id = place.removeprefix("/year-pack/")
    assert await keys(on) == [f"year-pack-ended:{pack_id}"]


async def test_a_day_after_its_start_a_pack_is_gone(on: Stage, jane: httpx.AsyncClient) -> None:
    place = await finished(on, jane)
    on.clock.forward(hours=23, minutes=59)
    assert (await jane.get(f"{place}.zip")).status_code == 200
    on.clock.forward(minutes=1)
    for path in (place, f"{place}.zip", f"{place}/events"):
        assert (await jane.get(path)).status_code == 404
    assert "No packs" in (await jane.get("/year-pack")).text
    assert await keys(on) == []
