"""A page is drawn again when something in it has changed, and only then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final
from unittest.mock import patch
from zoneinfo import ZoneInfo

import httpx2 as httpx
import pytest

from portal.kept_pages import KeptPage, KeptPages
from portal.templating import Templates
from tests.pages.test_access_review import form_of
from tests.staff.stand import previewing
from tests.stage import Stage, stage

KEPT: Final = (
    "/",
    "/engagements",
    "/engagements/eng_abc123",
    "/invoices",
    "/invoices?status=open",
    "/invoices/inv_2026001",
    "/statement",
    "/team",
    "/activity",
    "/explain/owed",
    "/search?q=mode",
)
MORE_KEPT: Final = (
    "/explain/updates",
    "/explain/under-way",
    "/explain/progress?engagement=eng_abc123",
)
FOR_VIEWERS: Final = ("/", "/engagements", "/activity", "/search?q=mode")


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage(read_freshness=5.0) as made:
        yield made


class Drawings:
    """Counts what is drawn from templates."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._page = Templates.page

    def __enter__(self) -> Drawings:
        counted = self

        def page(templates: Templates, request: Any, name: str, context: Any) -> str:
            counted.names.append(name)
            return counted._page(templates, request, name, context)

        self._patch = patch.object(Templates, "page", page)
        self._patch.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._patch.stop()


async def jane_at(on: Stage, *addresses: str) -> httpx.AsyncClient:
    """Jane's browser, which has seen these pages twice: a first visit is told of once."""
    jane = await on.signed_in("jane@acme.com")
    await on.settle()
    for address in addresses * 2:
        assert (await jane.get(address)).status_code == 200
        await on.settle()
    return jane


@pytest.mark.parametrize("address", KEPT)
async def test_a_page_of_which_nothing_changed_is_not_drawn_again(on: Stage, address: str) -> None:
    jane = await jane_at(on, address)
    with Drawings() as drawn:
        first, second = await jane.get(address), await jane.get(address)
    assert drawn.names == []
    assert first.text == second.text
    assert first.headers.items() >= {("content-type", "text/html; charset=utf-8")}
    for header in ("content-security-policy", "etag", "speculation-rules", "x-frame-options"):
        assert first.headers[header] == second.headers[header]


async def test_it_is_the_very_page_that_would_be_drawn(on: Stage) -> None:
    jane = await jane_at(on, *KEPT)
    kept = {address: (await jane.get(address)).content for address in KEPT}
    on.env.pages.clear()
    for address in KEPT:
        assert (await jane.get(address)).content == kept[address], address


async def test_what_changed_in_the_crm_is_on_the_page_as_soon_as_on_one_drawn_anew(
    on: Stage,
) -> None:
    jane = await jane_at(on, "/invoices/inv_2026001", "/invoices", "/")
    await on.patch("/api/invoices/inv_2026001", amount=4321)
    on.clock.forward(seconds=61)
    for address in ("/invoices", "/"):
        assert "4,321.00" in (await jane.get(address)).text


async def test_data_that_is_asked_for_anew_and_is_the_same_does_not_draw_anew(on: Stage) -> None:
    on.clock.now = on.clock.now.replace(second=0)
    jane = await jane_at(on, "/invoices")
    on.clock.forward(seconds=20)
    with Drawings() as drawn:
        await jane.get("/invoices")
        await on.settle()
        await jane.get("/invoices")
    assert drawn.names == []


class Standing:
    """Until when the pages stand that are kept while this is open: the latest of each address."""

    def __init__(self) -> None:
        self.until: dict[str, datetime] = {}
        self._keep = KeptPages.keep

    def __enter__(self) -> Standing:
        told = self

        def keep(pages: KeptPages, key: Any, page: KeptPage) -> KeptPage:
            told.until[f"{key.parts[0]}?{key.parts[1].decode()}".rstrip("?")] = page.until
            return told._keep(pages, key, page)

        self._patch = patch.object(KeptPages, "keep", keep)
        self._patch.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._patch.stop()


@pytest.mark.parametrize(
    ("email", "zone", "locale", "addresses"),
    [
        ("jane@acme.com", "America/New_York", "en_US", (*KEPT, *MORE_KEPT)),
        ("sam@acme.com", "Pacific/Apia", "de_DE", FOR_VIEWERS),
        ("hank@globex.com", "Asia/Kathmandu", "es_MX", ("/", "/activity", "/invoices")),
    ],
)
async def test_whatever_the_time_a_kept_page_is_the_one_that_would_be_drawn(
    email: str, zone: str, locale: str, addresses: tuple[str, ...]
) -> None:
    chance = Random(email)
    async with stage(read_freshness=1e9, session_days=400) as on:
        someone = await on.signed_in(email)
        contact_id = (await someone.get("/auth/me")).json()["user"]["id"]
        await on.patch(f"/api/contacts/{contact_id}", timezone=zone, locale=locale)
        # Who they are is known for half a minute.
        on.clock.forward(minutes=1)
        for address in addresses * 3:
            on.clock.forward(seconds=86_400 * 10 ** chance.uniform(-6, 1))
            await stands_as_told(on, someone, address, chance)


@pytest.mark.parametrize("hour", [0, 5, 12, 18])
async def test_home_greets_by_the_hour_and_tells_the_day(hour: int) -> None:
    async with stage(read_freshness=1e9) as on:
        jane = await on.signed_in("jane@acme.com")
        for days in (1, 2):
            turn = datetime(2026, 11, 24 + days, hour, tzinfo=ZoneInfo("America/New_York"))
            on.clock.now = turn.astimezone(UTC) - timedelta(minutes=2)
            await stands_as_told(on, jane, "/", Random(days))


async def stands_as_told(
    on: Stage, someone: httpx.AsyncClient, address: str, chance: Random
) -> None:
    """The page is what would be drawn until the moment that is kept with it, and then drawn."""
    with Standing() as kept, Drawings() as drawn:
        for _ in range(2):
            assert (await drawn_anew(on, someone, address)).status_code == 200
            await on.settle()
        until = kept.until[address]
        for moment in moments_before(until, on.clock(), chance):
            on.clock.now = moment
            drawn.names.clear()
            again = (await someone.get(address)).content
            assert drawn.names == []
            fresh = await drawn_anew(on, someone, address)
            assert fresh.content == again, (address, moment)
            assert drawn.names != []
            await on.settle()
            assert kept.until[address] >= until
        drawn.names.clear()
        on.clock.now = kept.until[address]
        await someone.get(address)
        assert drawn.names != [], address


async def drawn_anew(on: Stage, someone: httpx.AsyncClient, address: str) -> httpx.Response:
    """The page as nothing that is kept has it."""
    on.env.pages.clear()
    return await someone.get(address)


def moments_before(until: datetime, now: datetime, chance: Random) -> list[datetime]:
    """One of those from now until then, and the last."""
    last = until - timedelta.resolution
    return [now + chance.random() * (last - now), last]


async def test_a_visit_goes_on_while_kept_pages_are_looked_at() -> None:
    async with stage(read_freshness=1e9) as on:
        jane = await jane_at(on, "/")
        on.clock.forward(days=3)
        for minutes in (0, 14, 14, 14):
            on.clock.forward(minutes=minutes)
            assert "since your last visit 3 days ago" in (await jane.get("/")).text
            await on.settle()


async def test_a_review_that_is_done_and_not_in_the_crm_yet_is_not_asked_for_again() -> None:
    async with stage(read_freshness=1e9) as on:
        jane = await jane_at(on, "/")
        assert "/team/review" in (await jane.get("/")).text
        answers = await form_of(jane, ct_def456="keep")
        assert (await jane.post("/team/review", data=answers)).status_code == 303
        assert "/team/review" not in (await jane.get("/")).text


async def test_nobody_is_shown_what_was_kept_for_another(on: Stage) -> None:
    await jane_at(on, *KEPT)
    sam = await on.signed_in("sam@acme.com")
    for address in FOR_VIEWERS:
        page = await sam.get(address)
        assert "jane@acme.com" not in page.text, address
        assert "$" not in page.text, address
    for address in ("/invoices", "/statement", "/explain/owed"):
        assert (await sam.get(address)).status_code == 403


async def test_a_role_taken_away_is_not_outlived_by_a_kept_page(on: Stage) -> None:
    jane = await jane_at(on, "/invoices")
    await on.patch("/api/contacts/ct_abc123", portal_role="client_viewer")
    on.clock.forward(seconds=31)
    assert (await jane.get("/invoices")).status_code == 403


async def test_a_session_that_ended_is_shown_nothing(on: Stage) -> None:
    jane = await jane_at(on, "/invoices")
    token = jane.cookies["sm_client"]
    await jane.post("/auth/logout")
    jane.cookies.set("sm_client", token)
    assert (await jane.get("/invoices")).status_code == 302


async def test_the_theme_that_was_chosen_is_on_the_page(on: Stage) -> None:
    jane = await jane_at(on, "/engagements")
    jane.cookies.set("portal_theme", "dark")
    assert 'data-theme="dark"' in (await jane.get("/engagements")).text
    jane.cookies.delete("portal_theme")
    assert 'data-theme="dark"' not in (await jane.get("/engagements")).text


async def test_last_good_data_is_not_kept_as_a_page_nor_hidden_by_one(on: Stage) -> None:
    jane = await jane_at(on, "/engagements")
    on.clock.now = on.clock.now.replace(second=0)
    on.wire.fault = lambda _request: httpx.Response(500)
    on.clock.forward(minutes=2)
    assert "notice--as-of" in (await jane.get("/engagements")).text
    assert "notice--as-of" in (await jane.get("/engagements")).text
    on.wire.fault = None
    on.clock.forward(seconds=5)
    assert "notice--as-of" not in (await jane.get("/engagements")).text


async def test_a_change_of_role_is_told_once_and_not_kept(on: Stage) -> None:
    jane = await jane_at(on, "/engagements")
    await on.patch("/api/contacts/ct_abc123", portal_role="client_viewer")
    on.clock.forward(seconds=31)
    assert "Your role is now viewer" in (await jane.get("/engagements")).text
    assert "Your role is now viewer" not in (await jane.get("/engagements")).text


async def test_a_browser_that_has_the_page_is_told_so(on: Stage) -> None:
    jane = await jane_at(on, "/invoices")
    tag = (await jane.get("/invoices")).headers["etag"]
    again = await jane.get("/invoices", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_page_that_lacks_a_part_is_not_kept(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    await on.settle()
    on.env.reads.drop()
    on.wire.fault = lambda r: httpx.Response(500) if "/api/invoices" in r.url.path else None
    assert "unavailable" in (await jane.get("/")).text
    on.wire.fault = None
    on.clock.forward(seconds=1)
    assert "unavailable" not in (await jane.get("/")).text


async def test_a_preview_is_shown_its_banner_and_the_client_none(on: Stage) -> None:
    jane = await jane_at(on, *KEPT)
    staff = await previewing(on)
    for address in KEPT:
        for _ in range(2):
            assert "Previewing as" in (await staff.get(address)).text, address
            assert "Previewing as" not in (await jane.get(address)).text, address
