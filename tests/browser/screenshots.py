"""The README's pictures: `python -m tests.browser.screenshots` writes them to docs/screenshots."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import httpx2 as httpx
from playwright.sync_api import Browser, StorageState, sync_playwright

from tests.browser.fixtures import ARGUMENTS
from tests.browser.install import find_browser
from tests.browser.test_journey import sign_in
from tests.browser.test_products import by_google, serving_signal
from tests.processes import Dev, running_dev

FOLDER: Final = Path(__file__).parent.parent.parent / "docs" / "screenshots"
DESK, PHONE = (1280, 800), (360, 740)

Theme = Literal["light", "dark"]
WIDE_LOW = (1280, 560)

PICTURES: Final[tuple[tuple[str, str, tuple[int, int], Theme], ...]] = (
    ("home", "/", DESK, "light"),
    ("home-dark", "/", DESK, "dark"),
    ("home-phone", "/", PHONE, "light"),
    ("invoices", "/invoices", DESK, "light"),
    ("explain", "/explain/overdue", WIDE_LOW, "light"),
    ("search", "/search?q=report", WIDE_LOW, "light"),
    ("calendar", "/calendar", WIDE_LOW, "dark"),
    ("year-pack", "/year-pack", WIDE_LOW, "light"),
    ("verify", "/verify", DESK, "light"),
    ("mail-choice", "/account#notices", DESK, "light"),
    ("access-review", "/team/review", DESK, "light"),
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
    since_last_visit(browser, dev, signed_in)
    spanish(browser, dev, signed_in)


def since_last_visit(browser: Browser, dev: Dev, signed_in: StorageState) -> None:
    """Home, as it is for somebody whose last visit was a day ago."""
    state = sqlite3.connect(dev.folder / ".portal" / "state.db")
    (kept,) = state.execute("SELECT value FROM entries WHERE key = 'visits:ct_abc123'").fetchone()
    visits = json.loads(kept)
    before = datetime.now(UTC) - timedelta(days=2)
    for moment in ("at", "latest"):
        visits["latest"][moment] = before.isoformat()
    visits["latest"]["invoices"].popitem()
    visits["latest"]["engagements"]["eng_abc123"][1] = 1
    state.execute(
        "UPDATE entries SET value = ? WHERE key = 'visits:ct_abc123'",
        (json.dumps(visits).encode(),),
    )
    state.commit()
    state.close()
    context = browser.new_context(
        viewport={"width": 1280, "height": 560}, storage_state=signed_in, locale="en-US"
    )
    page = context.new_page()
    page.goto(f"{dev.portal}/")
    page.get_by_role("heading", name="Since your last visit").wait_for()
    page.screenshot(path=FOLDER / "since-last-visit.png")
    # Live: what happens in the CRM shows on the open page.
    page.wait_for_timeout(3000)
    key = re.search(r"SM_API_KEY=(\S+)", (dev.folder / ".dev.vars").read_text())
    assert key
    httpx.patch(
        f"{dev.sandbox}/api/engagements/eng_abc123",
        json={"plain_status": "The pilot begins on Monday."},
        headers={"X-SM-Key": key[1]},
        trust_env=False,
    ).raise_for_status()
    page.get_by_text("Updated just now").wait_for()
    page.screenshot(path=FOLDER / "live.png")
    context.close()


def spanish(browser: Browser, dev: Dev, signed_in: StorageState) -> None:
    """Home, after choosing Spanish on the account page."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800},
        storage_state=signed_in,
        locale="en-US",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(f"{dev.portal}/account")
    page.locator("#locale").select_option("es_ES")
    page.get_by_role("button", name="Save", exact=True).first.click()
    page.get_by_role("heading", name="Cuenta").wait_for()
    page.goto(f"{dev.portal}/")
    page.screenshot(path=FOLDER / "spanish.png")
    context.close()


def another_product(browser: Browser, dev: Dev, folder: Path) -> None:
    """Signal's portal, beside this one."""
    with serving_signal(dev, folder) as origin:
        page = browser.new_page(
            viewport={"width": 1280, "height": 800}, locale="en-US", reduced_motion="reduce"
        )
        by_google(page, origin, "nadia@wayne.example")
        page.screenshot(path=FOLDER / "signal.png")
        page.close()


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
        another_product(browser, dev, Path(folder) / "signal")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
