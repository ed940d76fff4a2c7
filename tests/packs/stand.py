"""What the tests of year packs share: starting one, killing its builder, reading its events."""

from __future__ import annotations

import asyncio
import json
import re
from functools import partial
from typing import Any, Final

import httpx2 as httpx
import pytest

from portal.auth.gate import access_for
from portal.auth.who import viewer_for
from portal.documents.check_code import CheckCodes
from portal.documents.typesetting import pdf as draw
from portal.documents.wording import Wording
from portal.documents.year_pack import pieces
from portal.edge.ctx import Context
from portal.packs.builder import Builder
from portal.packs.desk import YearPacks
from portal.packs.store import PackStore
from tests.stage import Stage

PLACE: Final = re.compile(r"/year-pack/[0-9a-f]{32}")
MADE: Final = 23
"""Files of Acme's pack for 2026 in the demo data: three tables, 18 invoices, manifest, sums."""

JANE: Final = "ct_abc123"
UNHURRIED: Final = 120.0
"""Seconds in which a pack is made, whatever else the machine does."""

DRAWING: Final = "portal.documents.year_pack.pdf"


async def start(browser: httpx.AsyncClient, year: str = "2026") -> str:
    """The address of the pack that is started."""
    answer = await browser.post("/year-pack", data={"year": year})
    assert answer.status_code == 303, answer.text
    place = str(answer.headers["location"])
    assert PLACE.fullmatch(place)
    return place


async def built(on: Stage) -> None:
    """Let every builder finish, also on a machine that has much else to do."""
    await on.env.ctx.drain(UNHURRIED)


async def finished(on: Stage, browser: httpx.AsyncClient, year: str = "2026") -> str:
    place = await start(browser, year)
    await built(on)
    return place


def told(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of a stream: kind and data."""
    found = re.findall(r"^id: \d+\nevent: (\w+)\ndata: (.*)\n\n", text, re.MULTILINE)
    return [(kind, json.loads(data)) for kind, data in found]


async def keys(on: Stage) -> list[str]:
    """What is kept of packs."""
    return await on.env.state.list("year-pack")


async def killed_after(
    on: Stage, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, files: int
) -> str:
    """A pack whose builder vanished after so many files; the lease is left behind."""
    enough, never = asyncio.Event(), asyncio.Event()
    drawn: list[str] = []

    async def counted(*arguments: Any) -> bytes:
        if len(drawn) >= files:
            enough.set()
            await never.wait()
        drawn.append(arguments[0])
        return await draw(*arguments)

    monkeypatch.setattr(DRAWING, counted)
    place = await start(browser)
    await asyncio.wait_for(enough.wait(), UNHURRIED)
    monkeypatch.setattr(DRAWING, draw)

    async def nothing(*_arguments: Any) -> None:
        return

    with monkeypatch.context() as dying:
        dying.setattr(PackStore, "release", nothing)
        await on.env.ctx.drain(0)
    return place


def english(on: Stage) -> Wording:
    return Wording.speaking(on.env.templates, on.settings, "en_US")


async def desk(on: Stage, lens_of: str, ctx: Context | None = None) -> YearPacks:
    """The packs of a contact, as a request of theirs has them."""
    contact = await on.env.contacts.by_id(lens_of)
    assert contact is not None
    access = access_for(on.env, viewer_for(on.env, contact))
    store, ctx = PackStore(on.env.state), ctx or on.env.ctx
    codes = CheckCodes(on.settings.invoice_checks, on.settings.portal_origin)
    made = partial(pieces, wording=english(on).for_print(), codes=codes)
    return YearPacks(store, access, ctx, Builder(store, access, ctx, made))
