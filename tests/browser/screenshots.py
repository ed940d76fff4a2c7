"""The README's pictures: `python -m tests.browser.screenshots` writes them to docs/screenshots."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, sync_playwright

from tests.browser.fixtures import ARGUMENTS
from tests.browser.install import find_browser
from tests.browser.test_journey import sign_in
from tests.processes import Dev, running_dev

FOLDER: Final = Path(__file__).parent.parent.parent / "docs" / "screenshots"
DESK, PHONE = (1280, 800), (360, 740)

Theme = Literal["light", "dark"]
PICTURES: Final[tuple[tuple[str, str, tuple[int, int], Theme], ...]] = (
    ("home", "/", DESK, "light"),
    ("home-dark", "/", DESK, "dark"),
    ("home-phone", "/", PHONE, "light"),
    ("invoices", "/invoices", DESK, "light"),
)


def take_all(browser: Browser, dev: Dev) -> None:
    """Sign in as Jane once, then one picture for each entry."""
    page = browser.new_page()
    sign_in(page, dev, "jane@acme.com")
    signed_in = page.context.storage_state()
    for name, path, (width, height), theme in PICTURES:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            storage_state=signed_in,
            locale="en-US",
        )
        shown = context.new_page()
        shown.goto(f"{dev.portal}{path}")
        shown.screenshot(path=FOLDER / f"{name}.png")
        context.close()


def main() -> int:
    """Start everything, take the pictures; 1 without a browser."""
    path = find_browser()
    if path is None:
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_dev(Path(folder)) as dev,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        take_all(browser, dev)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
