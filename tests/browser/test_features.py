"""What changed, why a figure is what it is, one's own data, another language: in a real browser."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

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


def test_a_figure_opens_to_records_that_add_up_to_it(context: BrowserContext, dev: Dev) -> None:
    page = come_in(context, dev, "jane@acme.com")
    page.goto(f"{dev.portal}/")
    shown = page.locator("a.stat__link[href*='currency=USD']").first.inner_text()
    page.locator("summary", has_text="Owed").click()
    page.get_by_role("link", name=re.compile("Every record that counts.*Owed")).click()
    page.wait_for_url("**/explain/owed")
    account = page.get_by_role("region", name="USD")
    rows = account.locator("tbody tr td:last-child").all_inner_texts()
    assert account.locator("tfoot td").inner_text() == shown
    cents = sum(int(re.sub(r"\D", "", row)) for row in rows)
    assert cents == int(re.sub(r"\D", "", shown))


def test_a_viewer_is_refused_a_figure_of_money(context: BrowserContext, dev: Dev) -> None:
    page = come_in(context, dev, "sam@acme.com")
    answer = page.goto(f"{dev.portal}/explain/owed")
    assert answer is not None
    assert answer.status == 403
    assert "$" not in page.inner_text("body")
    foreign = page.goto(f"{dev.portal}/explain/progress?engagement=eng_globex001")
    assert foreign is not None
    assert foreign.status == 404


def _data(page: Page) -> dict[str, Any]:
    with page.expect_download() as found:
        page.get_by_role("link", name="Download", exact=True).click()
    content: dict[str, Any] = json.loads(found.value.path().read_text("utf-8"))
    return content


@pytest.mark.parametrize(
    ("email", "sees_money"), [("jane@acme.com", True), ("sam@acme.com", False)]
)
def test_ones_own_data_is_a_file_and_a_viewers_has_no_invoices(
    context: BrowserContext, dev: Dev, email: str, sees_money: bool
) -> None:
    page = come_in(context, dev, email)
    page.goto(f"{dev.portal}/account")
    data = _data(page)
    assert data["you"]["email"] == email
    assert ("invoices" in data) is sees_money


def test_nobody_downloads_anything_signed_out(context: BrowserContext, dev: Dev) -> None:
    page = context.new_page()
    page.goto(f"{dev.portal}/account/data.json")
    page.wait_for_url("**/auth/login?**")


def test_spanish_is_chosen_before_and_after_signing_in(context: BrowserContext, dev: Dev) -> None:
    page = context.new_page()
    page.goto(f"{dev.portal}/auth/login")
    page.get_by_role("button", name="Español").click()
    page.get_by_role("heading", name="Iniciar sesión").wait_for()
    assert page.get_attribute("html", "lang") == "es"
    page = come_in(context, dev, "hank@globex.com")
    page.goto(f"{dev.portal}/account")
    page.locator("#locale").select_option("es_MX")
    page.get_by_role("button", name="Save", exact=True).first.click()
    page.get_by_role("heading", name="Cuenta", exact=True).wait_for()
    page.locator("#locale").select_option("en_US")
    page.get_by_role("button", name="Guardar", exact=True).first.click()
    page.get_by_role("heading", name="Account", exact=True).wait_for()
