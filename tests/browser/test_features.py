"""Home opens with what changed since the last visit, in a real browser."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.test_quality import come_in
from tests.processes import Dev

pytestmark = pytest.mark.browser


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    made = chromium.new_context(
        viewport={"width": 1280, "height": 800},
        locale="en-US",
        reduced_motion="reduce",
        accept_downloads=True,
    )
    yield made
    made.close()


def a_day_later(dev: Dev, contact_id: str, lost_invoice: str) -> None:
    """Make the last visit one of yesterday, at which an invoice was not there yet."""
    key = f"visits:{contact_id}"
    with sqlite3.connect(dev.folder / ".portal" / "state.db") as state:
        (kept,) = state.execute("SELECT value FROM entries WHERE key = ?", (key,)).fetchone()
        latest: dict[str, Any] = json.loads(kept)["latest"]
        latest["at"] = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        latest["invoices"].pop(lost_invoice)
        value = json.dumps({"latest": latest}).encode()
        state.execute("UPDATE entries SET value = ? WHERE key = ?", (value, key))


def test_home_opens_with_what_changed_and_leads_there(context: BrowserContext, dev: Dev) -> None:
    page = come_in(context, dev, "jane@acme.com")
    page.goto(f"{dev.portal}/")
    # Each open page notes what it showed just after its answer: the next answer is after that.
    page.goto(f"{dev.portal}/account")
    a_day_later(dev, "ct_abc123", "inv_2026001")
    page.goto(f"{dev.portal}/")
    page.get_by_role("heading", name="Since your last visit").wait_for()
    page.get_by_role("link", name="New invoice INV-2026-001").click()
    page.wait_for_url("**/invoices/inv_2026001")
