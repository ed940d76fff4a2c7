"""A page is drawn again when something in it has changed, and only then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final
from unittest.mock import patch

import httpx2 as httpx
import pytest

from portal.templating import Templates
from tests.stage import Stage, stage

KEPT: Final = (
    "/",
    "/engagements",
    "/engagements/eng_abc123",
    "/invoices",
    "/invoices?status=open",
    "/statement",
    "/activity",
    "/explain/owed",
    "/search?q=mode",
)


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


async def test_minutes_that_pass_are_told(on: Stage) -> None:
    jane = await jane_at(on, "/")
    with Drawings() as drawn:
        on.clock.forward(seconds=61)
        await jane.get("/")
    assert drawn.names == ["home.html"]


async def test_nobody_is_shown_what_was_kept_for_another(on: Stage) -> None:
    await jane_at(on, *KEPT)
    sam = await on.signed_in("sam@acme.com")
    for address in ("/", "/engagements", "/activity", "/search?q=mode"):
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
