"""Home opens with what changed since this person was last here."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from typing import Final

import httpx2 as httpx
import pytest

from tests.pages.billing import bill
from tests.staff.stand import previewing
from tests.stage import Stage, stage

SINCE: Final = re.compile(r'<(section|p) class="[^"]*\bsince\b[^"]*".*?</\1>', re.DOTALL)
WELCOME: Final = "Welcome. From your next visit on"


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def since(on: Stage, browser: httpx.AsyncClient) -> str:
    """What home says of the time since the last visit."""
    page = await browser.get("/")
    assert page.status_code == 200
    await on.settle()
    found = SINCE.search(page.text)
    assert found
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[0])).split())


async def test_the_first_visit_is_welcomed_and_the_next_compares(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    assert WELCOME in await since(on, jane)
    assert WELCOME in await since(on, jane)
    on.clock.forward(hours=20)
    assert "Nothing has changed since your last visit" in await since(on, jane)


async def test_what_happened_in_between_is_told_for_the_whole_visit(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    await since(on, jane)
    on.clock.forward(hours=20)
    new = await bill(on, invoice_number="INV-9")
    await on.patch("/api/engagements/eng_abc123", status="paused")
    for _ in range(2):
        told = await since(on, jane)
        assert "New invoice INV-9" in told
        assert "Mode implementation retainer has another status" in told
        assert "Nothing has changed" not in told
    assert f'href="/invoices/{new}"' in (await jane.get("/")).text
    on.clock.forward(minutes=31)
    assert "Nothing has changed" in await since(on, jane)


async def test_each_person_has_a_last_visit_of_their_own(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    await since(on, jane)
    on.clock.forward(hours=2)
    hank = await on.signed_in("hank@globex.com")
    assert WELCOME in await since(on, hank)
    assert "Nothing has changed" in await since(on, jane)


async def test_a_viewer_reads_of_the_work_and_never_of_an_invoice(on: Stage) -> None:
    sam = await on.signed_in("sam@acme.com")
    await since(on, sam)
    on.clock.forward(hours=2)
    await bill(on, invoice_number="INV-9")
    await on.patch("/api/engagements/eng_abc123", status="paused")
    told = await since(on, sam)
    assert "another status" in told
    assert "nvoice" not in told


async def test_who_becomes_an_administrator_is_not_told_of_every_old_invoice(on: Stage) -> None:
    sam = await on.signed_in("sam@acme.com")
    await since(on, sam)
    on.clock.forward(hours=2)
    await on.patch("/api/contacts/ct_def456", portal_role="client_admin")
    assert "Nothing has changed" in await since(on, sam)


async def test_a_preview_reads_it_and_does_not_move_it(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    await since(on, jane)
    on.clock.forward(hours=2)
    await bill(on, invoice_number="INV-9")
    lens = await previewing(on)
    assert "New invoice INV-9" in await since(on, lens)
    on.clock.forward(minutes=25)
    assert "New invoice INV-9" in await since(on, lens)
    assert "New invoice INV-9" in await since(on, jane)


async def test_a_page_that_is_only_fetched_ahead_is_no_visit(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    await since(on, jane)
    on.clock.forward(hours=2)
    await bill(on, invoice_number="INV-9")
    await jane.get("/", headers={"Sec-Purpose": "prefetch"})
    await on.settle()
    on.clock.forward(minutes=31)
    assert "New invoice INV-9" in await since(on, jane)


async def test_a_snapshot_that_cannot_be_read_is_a_first_visit(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    await on.env.state.put("visits:ct_abc123", b"of another age")
    assert WELCOME in await since(on, jane)
    on.clock.forward(hours=2)
    assert "Nothing has changed" in await since(on, jane)


async def test_many_changes_are_counted_not_listed(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    await since(on, jane)
    on.clock.forward(hours=2)
    for number in range(9):
        await bill(on, invoice_number=f"INV-9{number}")
    told = await since(on, jane)
    assert told.count("New invoice") == 6
    assert "and 3 more changes" in told


async def test_a_name_with_markup_is_shown_as_it_is(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    await since(on, jane)
    on.clock.forward(hours=2)
    await on.patch("/api/engagements/eng_abc123", name="<b>Big</b> %s plan", status="paused")
    page = (await jane.get("/")).text
    assert "&lt;b&gt;Big&lt;/b&gt; %s plan has another status" in page
