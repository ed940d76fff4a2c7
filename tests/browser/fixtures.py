"""A real Chromium and a real `portal dev`, shared by the browser tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.install import find_browser
from tests.processes import Dev, running_dev

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


# A module at a time: while Playwright's loop runs, no async test can.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The installed browser. A missing one is a failure in CI, else a skip that says why."""
    path = find_browser()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium or Chrome: make test installs one")
        pytest.skip("no Chromium or Chrome: make test installs one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """One `portal dev` for all browser tests."""
    with running_dev(tmp_path_factory.mktemp("dev")) as running:
        yield running


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a fresh browser profile; an error in its console fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: _note(message, problems))
    yield page
    context.close()
    assert problems == []


def _note(message: Any, problems: list[str]) -> None:
    expected = "Failed to load resource: the server responded with a status of 4"
    if message.type == "error" and not message.text.startswith(expected):
        problems.append(message.text)


def screenshots() -> Path | None:
    """Where to keep pictures of the pages, when somebody wants to look at them."""
    folder = os.environ.get("SCREENSHOTS")
    return Path(folder) if folder else None
