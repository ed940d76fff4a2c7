"""A year pack in a real browser: watched with scripts and without, in both themes."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.fixtures import screenshots
from tests.browser.test_quality import WIDTHS, come_in, faults_of
from tests.processes import Dev

pytestmark = pytest.mark.browser

WHOLE: Final = 30_000
"""Milliseconds in which a pack of the demo data is made on a slow machine."""


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(locale="en-US", reduced_motion="reduce")
    yield context
    context.close()


def remove_all(page: Page, dev: Dev) -> None:
    """Start from nothing: other tests may have left packs."""
    page.goto(f"{dev.portal}/year-pack")
    packs = page.get_by_role("region", name="Your packs").get_by_role("link")
    while packs.count():
        packs.first.click()
        stop = page.get_by_role("button", name="Cancel", exact=True)
        if stop.is_visible():
            stop.click()
        page.get_by_role("button", name=re.compile("Delete this pack|Remove from")).click()
        expect(page).to_have_url(f"{dev.portal}/year-pack")


def test_a_pack_is_watched_until_it_can_be_downloaded(page: Page, dev: Dev, tmp_path: Path) -> None:
    watched = come_in(page.context, dev, "jane@acme.com")
    problems: list[str] = []
    watched.on("console", lambda message: problems.append(message.text))
    remove_all(watched, dev)
    watched.goto(f"{dev.portal}/invoices")
    watched.get_by_role("link", name="All documents of a year in one file").click()
    watched.get_by_role("button", name="Make the pack").click()
    bar = watched.get_by_role("progressbar", name="Files that are made")
    expect(bar).to_be_visible()
    link = watched.get_by_role("link", name=re.compile(r"Download mode-\d{4}\.zip"))
    expect(link).to_be_visible(timeout=WHOLE)
    # It was swapped in: the page itself was not loaded again.
    expect(bar).to_have_js_property("value", float(bar.get_attribute("max") or "-1"))
    expect(watched.get_by_role("status").filter(has_text="The pack is ready.")).to_be_visible()
    expect(watched.get_by_role("button", name="Cancel", exact=True)).to_be_hidden()
    expect(watched.get_by_text("Not yet made").first).to_be_hidden()
    expect(watched.get_by_text("Made", exact=True).first).to_be_visible()
    assert faults_of(watched) == []
    if pictures := screenshots():
        watched.screenshot(path=pictures / "pack-swapped.png")
    with watched.expect_download() as download:
        link.click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    with zipfile.ZipFile(saved) as archive:
        lines = archive.read("SHA256SUMS").decode().splitlines()
        for digest, name in (line.split("  ", 1) for line in lines):
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest
    assert problems == []


def test_without_scripts_the_page_asks_again_by_itself(chromium: Browser, dev: Dev) -> None:
    context = chromium.new_context(locale="en-US", java_script_enabled=False)
    page = come_in(context, dev, "jane@acme.com")
    remove_all(page, dev)
    page.get_by_role("button", name="Make the pack").click()
    expect(page.get_by_role("progressbar", name="Files that are made")).to_be_visible()
    expect(page.get_by_role("link", name="Ask now")).to_be_visible()
    # Nobody presses anything.
    link = page.get_by_role("link", name=re.compile(r"Download mode-\d{4}\.zip"))
    expect(link).to_be_visible(timeout=WHOLE)
    assert page.get_by_role("progressbar").count() == 0
    context.close()


def test_a_pack_is_cancelled_where_it_is_watched(context: BrowserContext, dev: Dev) -> None:
    page = come_in(context, dev, "jane@acme.com")
    remove_all(page, dev)
    page.get_by_role("button", name="Make the pack").click()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.get_by_text("This pack was cancelled")).to_be_visible()
    page.get_by_role("button", name="Remove from the list").click()
    expect(page.get_by_text("No packs")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_overflows(chromium: Browser, dev: Dev, scheme: str) -> None:
    context = chromium.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        locale="en-US",
        reduced_motion="reduce",
    )
    page, problems, pictures = come_in(context, dev, "jane@acme.com"), [], screenshots()

    def look(name: str) -> None:
        for width in ("phone", "desk"):
            page.set_viewport_size({"width": WIDTHS[width][0], "height": WIDTHS[width][1]})
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                problems.append(f"{name} {width}: wider than the window")
            problems.extend(f"{name} {width}: {fault}" for fault in faults_of(page))
            if pictures:
                page.screenshot(path=pictures / f"{name}-{scheme}-{width}.png", full_page=True)

    remove_all(page, dev)
    look("packs-none")
    # Held back, so that it can be looked at while it is made.
    page.route("**/events", lambda route: route.abort())
    page.get_by_role("button", name="Make the pack").click()
    page.wait_for_url(re.compile(r"/year-pack/[\w-]+$"), wait_until="load")
    look("pack-building")
    page.unroute("**/events")
    page.reload()
    expect(page.get_by_role("link", name=re.compile("Download"))).to_be_visible(timeout=WHOLE)
    page.reload()
    look("pack-done")
    page.goto(f"{dev.portal}/year-pack")
    look("packs")
    page.get_by_role("button", name="Make the pack").click()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.get_by_text("This pack was cancelled")).to_be_visible()
    look("pack-cancelled")
    context.close()
    assert problems == []
