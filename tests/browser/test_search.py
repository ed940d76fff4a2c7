"""Searching with a real browser: by keyboard in the dialog, and by the plain form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, ViewportSize, expect

from tests.browser.test_quality import WEIGHT, come_in, faults_of
from tests.processes import Dev

pytestmark = pytest.mark.browser

DIALOG_WEIGHT: Final = 12_000
"""Bytes of the dialog with its script, its styles and one answer."""

JANE: Final = "jane@acme.com"
SAM: Final = "sam@acme.com"
DESK: Final[ViewportSize] = {"width": 1280, "height": 800}
PHONE: Final[ViewportSize] = {"width": 360, "height": 740}


@pytest.fixture
def page(chromium: Browser, dev: Dev) -> Iterator[Page]:
    """Jane's home page on a desk; an error in a page or its console fails the test."""
    context = chromium.new_context(viewport=DESK, locale="en-US", reduced_motion="reduce")
    page = come_in(context, dev, JANE)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    yield page
    context.close()
    assert problems == []


def header(page: Page) -> Locator:
    return page.get_by_role("banner").get_by_role("search")


def palette(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Search")


def field(page: Page) -> Locator:
    return palette(page).get_by_role("searchbox", name="Search")


def search_for(page: Page, text: str) -> None:
    """Open the dialog by its keys and type."""
    page.keyboard.press("Control+k")
    expect(field(page)).to_be_focused()
    page.keyboard.type(text)
    expect(palette(page).get_by_text(f"“{text}”")).to_be_visible()


def test_the_keys_open_it_typing_finds_arrows_choose_and_enter_goes_there(
    page: Page, dev: Dev
) -> None:
    search_for(page, "newark")
    results = palette(page).get_by_role("link")
    expect(palette(page).get_by_role("heading")).to_have_text(
        ["Engagements", "Invoices", "Activity"]
    )
    expect(palette(page).get_by_role("status")).to_have_text("3 results")
    page.keyboard.press("ArrowDown")
    expect(results.nth(0)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(field(page)).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(results.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{dev.portal}/invoices/inv_2026001")
    expect(palette(page)).to_be_hidden()
    page.go_back()
    expect(palette(page)).to_be_hidden()


def test_arrows_stop_at_the_last_result_and_typing_goes_on_in_the_field(page: Page) -> None:
    search_for(page, "newark")
    for _ in range(6):
        page.keyboard.press("ArrowDown")
    expect(palette(page).get_by_role("link").last).to_be_focused()
    page.keyboard.type("x")
    expect(field(page)).to_have_value("newarkx")
    expect(palette(page).get_by_text("Nothing found for “newarkx”")).to_be_visible()
    expect(palette(page).get_by_role("status")).to_have_text("Nothing found")


def test_escape_closes_it_and_the_focus_goes_back(page: Page) -> None:
    link = page.get_by_role("navigation", name="Main").get_by_role("link", name="Activity")
    link.focus()
    search_for(page, "retainer")
    page.keyboard.press("Escape")
    expect(palette(page)).to_be_hidden()
    expect(link).to_be_focused()


def test_enter_in_the_field_leads_to_the_page_of_results(page: Page, dev: Dev) -> None:
    search_for(page, "retainer")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{dev.portal}/search?q=retainer")
    expect(page.get_by_role("heading", level=1)).to_have_text("Search")
    expect(page.get_by_label("Search for")).to_have_value("retainer")


def test_a_slash_opens_it_outside_of_fields_until_that_is_switched_off(
    page: Page, dev: Dev
) -> None:
    page.goto(f"{dev.portal}/invoices")
    page.get_by_label("Find", exact=True).press("/")
    expect(page.get_by_label("Find", exact=True)).to_have_value("/")
    expect(palette(page)).to_be_hidden()
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("/")
    expect(field(page)).to_be_focused()
    expect(field(page)).to_have_value("")
    palette(page).get_by_label("Also open with the / key").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(palette(page)).to_be_hidden()
    page.reload()
    page.keyboard.press("/")
    expect(palette(page)).to_be_hidden()
    page.keyboard.press("Control+k")
    expect(palette(page)).to_be_visible()


def test_the_shortcut_is_named_only_where_it_works(page: Page, chromium: Browser, dev: Dev) -> None:
    expect(header(page).get_by_placeholder("Search (Ctrl K)", exact=True)).to_be_visible()
    context = chromium.new_context(viewport=DESK, locale="en-US", java_script_enabled=False)
    plain = header(come_in(context, dev, JANE))
    expect(plain.get_by_placeholder("Search", exact=True)).to_be_visible()
    context.close()


def test_what_is_typed_before_the_dialog_is_there_is_not_lost(page: Page) -> None:
    held: list[Route] = []
    page.route("**/search?part=dialog", lambda route: held.append(route))
    with page.expect_request("**/search?part=dialog"):
        page.keyboard.press("Control+k")
        page.keyboard.type("new")
    expect(header(page).get_by_role("searchbox")).to_have_value("new")
    held[0].continue_()
    expect(field(page)).to_be_focused()
    page.keyboard.type("ark")
    expect(palette(page).get_by_text("“newark”")).to_be_visible()
    page.keyboard.press("Escape")
    expect(palette(page)).to_be_hidden()
    expect(header(page).get_by_role("searchbox")).not_to_be_focused()


def test_when_the_dialog_does_not_come_the_field_in_the_header_is_there(
    page: Page, dev: Dev
) -> None:
    page.route("**/search?part=dialog", lambda route: route.fulfill(status=204))
    page.keyboard.press("Control+k")
    expect(header(page).get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("newark")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{dev.portal}/search?q=newark")


def test_only_the_latest_words_are_answered(page: Page) -> None:
    held: list[Route] = []
    page.route("**/search?part=1&q=retainer", lambda route: held.append(route))
    page.keyboard.press("Control+k")
    with page.expect_request("**/search?part=1&q=retainer"):
        page.keyboard.type("retainer")
    page.keyboard.press("Control+a")
    page.keyboard.type("newark")
    expect(palette(page).get_by_text("“newark”")).to_be_visible()
    assert len(held) == 1
    expect(palette(page).get_by_text("“retainer”")).to_be_hidden()


def test_a_search_that_fails_says_so_and_shows_nothing_old(page: Page) -> None:
    search_for(page, "newark")
    page.route(
        "**/search?part=1&q=retainer",
        lambda route: route.fulfill(status=302, headers={"location": "/auth/login"}),
    )
    page.keyboard.press("Control+a")
    page.keyboard.type("retainer")
    expect(palette(page).get_by_text("This could not be searched right now.").last).to_be_visible()
    expect(palette(page).get_by_role("link")).to_have_count(0)


def test_without_scripts_the_form_in_the_header_works(chromium: Browser, dev: Dev) -> None:
    for size in (DESK, PHONE):
        context = chromium.new_context(viewport=size, locale="en-US", java_script_enabled=False)
        page = come_in(context, dev, JANE)
        form = header(page)
        if size is DESK:
            form.get_by_role("searchbox").fill("INV-2026-001")
            form.get_by_role("searchbox").press("Enter")
        else:
            form.get_by_role("button", name="Search").click()
            expect(
                page.get_by_text("Search your engagements, invoices and activity.")
            ).to_be_visible()
            page.get_by_label("Search for").fill("INV-2026-001")
            page.get_by_role("main").get_by_role("button", name="Search").click()
        page.wait_for_url(f"{dev.portal}/search?q=INV-2026-001")
        page.get_by_role("main").get_by_role("link", name=re.compile("INV-2026-001")).first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("INV-2026-001")
        context.close()


def test_on_a_phone_its_button_opens_the_dialog(chromium: Browser, dev: Dev) -> None:
    context = chromium.new_context(viewport=PHONE, locale="en-US", has_touch=True)
    page = come_in(context, dev, SAM)
    form = header(page)
    button = form.get_by_role("button", name="Search")
    box = button.bounding_box()
    assert box
    assert min(box["width"], box["height"]) >= 44
    button.tap()
    expect(field(page)).to_be_focused()
    page.keyboard.type("retainer")
    expect(palette(page).get_by_role("link").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    palette(page).get_by_role("button", name="Close").tap()
    expect(palette(page)).to_be_hidden()
    context.close()


@pytest.mark.parametrize(
    ("scheme", "size"), [("dark", PHONE), ("light", DESK)], ids=["dark phone", "light desk"]
)
def test_axe_finds_nothing_on_the_page_nor_in_the_dialog(
    chromium: Browser, dev: Dev, scheme: Any, size: Any
) -> None:
    context = chromium.new_context(
        viewport=size, color_scheme=scheme, locale="en-US", reduced_motion="reduce"
    )
    page = come_in(context, dev, JANE)
    problems: list[str] = []
    for path in ("/search", "/search?q=nosuchword", "/search?q=retainer"):
        page.goto(f"{dev.portal}{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        problems += [f"{path}: {fault}" for fault in faults_of(page)]
    for words in ("newark", "nosuchword"):
        page.goto(f"{dev.portal}/activity")
        search_for(page, words)
        page.keyboard.press("ArrowDown")
        problems += [f"dialog, {words}: {fault}" for fault in faults_of(page)]
    context.close()
    assert problems == []


def test_the_page_and_the_dialog_weigh_little(chromium: Browser, dev: Dev) -> None:
    context = chromium.new_context(viewport=DESK, locale="en-US")
    page = come_in(context, dev, JANE)
    client = context.new_cdp_session(page)
    client.send("Network.enable")
    client.send("Network.setCacheDisabled", {"cacheDisabled": True})
    weights: list[float] = []
    client.on("Network.loadingFinished", lambda event: weights.append(event["encodedDataLength"]))
    page.goto(f"{dev.portal}/search?q=retainer", wait_until="networkidle")
    assert len(weights) > 5
    assert sum(weights) < WEIGHT
    weights.clear()
    search_for(page, "newark")
    page.wait_for_load_state("networkidle")
    assert 0 < sum(weights) < DIALOG_WEIGHT
    context.close()
