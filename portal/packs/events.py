"""GET /year-pack/{id}/events: how far a pack is, as server-sent events (HTML Living Standard §9.2).

A stream is short: browsers come back by themselves, each time through the gate, and no stream
holds up the end of the process. Whoever comes back is told where things stand now, so there is
nothing that a `Last-Event-ID` could bring back.

This is the one GET that may set something going: the owner's own browser, watching a pack whose
builder was killed, has it taken up again. In a preview it does not.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from portal.auth.gate import who_of
from portal.documents.wording import Wording
from portal.domain.year_pack import PackState
from portal.errors import BadInput, NotFound
from portal.packs.desk import Pack, YearPacks, packs_of

EVENT_STREAM: Final = "text/event-stream"
STREAM_SECONDS: Final = 4.0
"""Shorter than the time in which a server that ends waits for answers under way (8 s)."""

LOOK_SECONDS: Final = 0.2
HEARTBEAT_SECONDS: Final = 1.0
RETRY_MILLISECONDS: Final = 1000
HEARTBEAT: Final = ": still here\n\n"
WATCHED: Final = (PackState.BUILDING, PackState.STALLED)
"""While a pack is in one of these, something may happen to it by itself."""

HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def events(request: Request) -> Response:
    """The stream; it ends when there is nothing more to wait for. Raises NotFound as the page."""
    packs, pack_id = packs_of(request), request.path_params["id"]
    await packs.find(pack_id)
    if request.method == "HEAD":
        return Response(media_type=EVENT_STREAM, headers=HEADERS)
    is_owner = who_of(request).preview is None
    wording, lasts = Wording.of(request), STREAM_SECONDS
    told = stream(packs, pack_id, wording, takes_up=is_owner, lasts=lasts)
    return StreamingResponse(told, media_type=EVENT_STREAM, headers=HEADERS)


async def stream(
    packs: YearPacks,
    pack_id: str,
    wording: Wording,
    *,
    takes_up: bool,
    lasts: float,
    look: float = LOOK_SECONDS,
    heartbeat: float = HEARTBEAT_SECONDS,
) -> AsyncIterator[str]:
    """The events of one connection: each change once, and a heartbeat while nothing changes.

    `takes_up`: whether a pack that nobody is at is gone on with. Times are in seconds. It ends
    after `lasts`, when the pack is no longer being made, when it is gone, and with the process.
    """
    loop = asyncio.get_running_loop()
    until, spoken, told = loop.time() + lasts, loop.time(), ""
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    while True:
        try:
            pack = await (_taken_up if takes_up else YearPacks.find)(packs, pack_id)
        except NotFound:
            yield _event(PackState.CANCELLED.value, 0, {"state": PackState.CANCELLED.value})
            return
        event = _progress(pack, wording)
        if event != told:
            yield event
            told, spoken = event, loop.time()
        elif loop.time() - spoken >= heartbeat:
            yield HEARTBEAT
            spoken = loop.time()
        if pack.state not in WATCHED or packs.ctx.is_stopping or loop.time() >= until:
            return
        await asyncio.sleep(look)


def progress_words(pack: Pack, wording: Wording) -> str:
    """How far the pack is, in words."""
    if pack.state is PackState.DONE:
        return wording.gettext("The pack is ready.")
    count = {"done": pack.done, "total": pack.total}
    if pack.next_name is None:
        return wording.gettext("All %(total)s files are made. Putting them together.", **count)
    return wording.gettext("%(done)s of %(total)s files are made.", **count)


async def _taken_up(packs: YearPacks, pack_id: str) -> Pack:
    """The pack, taken up when nobody is at it. Raises NotFound."""
    pack = await packs.find(pack_id)
    if pack.state is not PackState.STALLED or packs.ctx.is_stopping:
        return pack
    # While another of theirs is being made, this one waits for it.
    with suppress(BadInput):
        await packs.go_on(pack_id)
    return await packs.find(pack_id)


def _progress(pack: Pack, wording: Wording) -> str:
    state = pack.state.value
    return _event(
        state,
        pack.done,
        {
            "state": state,
            "done": pack.done,
            "total": pack.total,
            "file": pack.next_name,
            "words": progress_words(pack, wording),
        },
    )


def _event(kind: str, number: int, data: object) -> str:
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"
