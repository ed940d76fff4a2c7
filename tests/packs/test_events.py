"""The stream of events: short, alive, and going on where things stand."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2 as httpx
import pytest

from portal.packs.events import HEARTBEAT, stream
from portal.packs.store import LEASE_SECONDS
from tests.packs.stand import (
    JANE,
    built,
    desk,
    english,
    finished,
    killed_after,
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


async def test_a_reader_who_comes_back_is_told_where_things_stand(
    on: Stage, jane: httpx.AsyncClient
) -> None:
    place = await finished(on, jane)
    for last in ("3", "999999", "no-number", "\t"):
        answer = await jane.get(f"{place}/events", headers={"Last-Event-ID": last})
        assert [kind for kind, _ in told(answer.text)] == ["done"]


async def test_the_stream_and_the_zip_are_neither_held_back_nor_compressed(
    on: Stage, jane: httpx.AsyncClient
) -> None:
    place = await finished(on, jane)
    for path in (f"{place}/events", f"{place}.zip"):
        answer = await jane.get(path, headers={"Accept-Encoding": "gzip"})
        assert "content-encoding" not in answer.headers, path
        assert not answer.headers.get("etag", "").startswith("W/")
        assert "connect-src 'self'" in answer.headers["content-security-policy"]


async def test_a_stream_is_short_and_beats_while_nothing_changes(
    on: Stage, jane: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = await killed_after(on, jane, monkeypatch, 1)
    packs = await desk(on, JANE)
    found = [
        event
        async for event in stream(
            packs,
            place.removeprefix("/year-pack/"),
            english(on),
            takes_up=True,
            lasts=0.05,
            look=0.0,
            heartbeat=0.01,
        )
    ]
    assert found[0] == "retry: 1000\n\n"
    assert [kind for kind, _ in told("".join(found))] == ["building"]
    assert found.count(HEARTBEAT) == len(found) - 2 > 0


async def test_asking_for_the_head_of_a_stream_starts_none(
    on: Stage, jane: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = await killed_after(on, jane, monkeypatch, 1)
    on.clock.forward(seconds=LEASE_SECONDS + 1)
    answer = await jane.head(f"{place}/events")
    assert (answer.status_code, answer.content) == (200, b"")
    await built(on)
    assert "Making it was interrupted." in (await jane.get(place)).text
