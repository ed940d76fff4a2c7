"""An open page follows the CRM: without a reload, without taking anything from who reads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.test_journey import sign_in
from tests.processes import Dev

pytestmark = pytest.mark.browser

Crm = Callable[..., dict[str, Any]]
HELD = "window.held = true"
STREAMS = "performance.getEntriesByType('resource').filter(r => r.name.endsWith('/live')).length"


@pytest.fixture
def crm(page: Page, dev: Dev) -> Crm:
    """Calls of the CRM, as its own people make them."""
    key = re.search(
        r'^SM_API_KEY="?([^"\n]+)', (dev.folder / ".dev.vars").read_text(), re.MULTILINE
    )
    assert key
    headers = {"X-SM-Key": key[1]}

    def call(method: str, path: str, **values: Any) -> dict[str, Any]:
        answer = page.request.fetch(
            f"{dev.sandbox}{path}", method=method, headers=headers, data=values
        )
        assert answer.ok, answer.text()
        found: dict[str, Any] = answer.json()["data"]
        return found

    return call


@dataclass(frozen=True)
class Invoice:
    """An invoice of Acme's that one test made."""

    id: str
    number: str
    crm: Crm

    def pay(self) -> None:
        self.crm("PATCH", f"/api/invoices/{self.id}", status="paid", paid_date="2026-11-24")


def new_invoice(crm: Crm) -> Invoice:
    number = f"LIVE-{uuid4().hex[:8]}"
    made = crm(
        "POST",
        "/api/invoices",
        company_id="co_abc123",
        engagement_id="eng_abc123",
        invoice_number=number,
        amount=4321,
        currency="USD",
        status="sent",
        issued_date="2030-11-20",
        due_date="2030-12-20",
        product="mode",
    )
    return Invoice(str(made["id"]), number, crm)


@pytest.fixture
def invoice(crm: Crm) -> Invoice:
    """An open invoice of Acme's."""
    return new_invoice(crm)


def said(page: Page) -> Any:
    """Where a page says what changed."""
    return page.locator("[data-live-notice]")


def test_an_invoice_paid_in_the_crm_leaves_the_home_page_by_itself(
    page: Page, dev: Dev, crm: Crm, invoice: Invoice
) -> None:
    with page.expect_request("**/live"):
        sign_in(page, dev, "jane@acme.com")
    to_pay = page.get_by_role("region", name="To pay")
    expect(to_pay).to_contain_text(invoice.number)
    lately = page.get_by_role("region", name="Lately")
    page.evaluate(HELD)
    explained = page.locator("section.stats details").first
    explained.locator("summary").click()
    link = page.get_by_role("link", name="All invoices")
    link.focus()

    invoice.pay()
    expect(to_pay).not_to_contain_text(invoice.number)
    expect(said(page)).to_have_text("Updated just now: invoices")
    assert page.evaluate("window.held")
    expect(link).to_be_focused()
    expect(explained).to_have_attribute("open", "")

    crm(
        "POST",
        "/api/activities",
        activity_type="phase_started",
        title="Phase of the live test",
        company_id="co_abc123",
        engagement_id="eng_abc123",
        source="mode",
    )
    expect(lately).to_contain_text("Phase of the live test")
    expect(said(page)).to_contain_text("activity")
    assert page.evaluate("window.held")


def test_a_new_row_leaves_the_others_and_the_focus_where_they_are(
    page: Page, dev: Dev, crm: Crm, invoice: Invoice
) -> None:
    sign_in(page, dev, "jane@acme.com")
    with page.expect_request("**/live"):
        page.goto(f"{dev.portal}/invoices")
    page.evaluate(HELD)
    row = page.get_by_role("link", name=invoice.number)
    row.focus()
    page.evaluate("window.row = document.activeElement")
    newer = new_invoice(crm)
    expect(page.get_by_role("link", name=newer.number)).to_be_visible()
    expect(row).to_be_focused()
    assert page.evaluate("window.row === document.activeElement && window.held")


def test_what_somebody_types_stays_while_the_page_around_it_changes(
    page: Page, dev: Dev, crm: Crm, invoice: Invoice
) -> None:
    sign_in(page, dev, "jane@acme.com")
    with page.expect_request("**/live"):
        page.goto(f"{dev.portal}/invoices/{invoice.id}")
    page.get_by_text("I have a question").click()
    field = page.get_by_label("Your question about this invoice")
    field.fill("Half a quest")
    invoice.pay()
    expect(page.get_by_text("Thank you.")).to_be_visible()
    expect(field).to_have_value("Half a quest")
    expect(field).to_be_focused()


def test_who_loses_access_is_told_so(page: Page, dev: Dev, crm: Crm) -> None:
    person = crm(
        "POST",
        "/api/contacts",
        email="lea.live@acme.com",
        full_name="Lea Live",
        company_id="co_abc123",
        portal_access=1,
        portal_role="client_viewer",
        product="mode",
    )
    with page.expect_request("**/live"):
        sign_in(page, dev, "lea.live@acme.com")
    crm("PATCH", f"/api/contacts/{person['id']}", portal_access=0)
    expect(page.get_by_role("heading", name="Your access has ended")).to_be_visible(timeout=60_000)


def test_a_page_that_was_rendered_before_a_change_catches_up(
    page: Page, dev: Dev, crm: Crm, invoice: Invoice
) -> None:
    with page.expect_request("**/live"):
        sign_in(page, dev, "jane@acme.com")
    held: list[Route] = []
    page.route("**/live", lambda route: held.append(route))
    with page.expect_request("**/live"):
        page.goto(f"{dev.portal}/invoices")
    row = page.get_by_role("row", name=re.compile(invoice.number))
    expect(row).to_contain_text("Due in")
    invoice.pay()
    held[0].continue_()
    expect(row).to_contain_text("Paid")


def test_without_scripts_the_page_is_whole_and_opens_no_stream(
    chromium: Browser, page: Page, dev: Dev, crm: Crm, invoice: Invoice
) -> None:
    sign_in(page, dev, "jane@acme.com")
    context = chromium.new_context(java_script_enabled=False, locale="en-US")
    context.add_cookies(page.context.cookies())  # type: ignore[arg-type] # the same shape
    plain = context.new_page()
    asked: list[str] = []
    plain.on("request", lambda request: asked.append(request.url))
    plain.goto(dev.portal)
    expect(plain.get_by_role("region", name="To pay")).to_contain_text(invoice.number)
    assert said(plain).inner_text() == ""
    assert [url for url in asked if url.endswith("/live")] == []
    context.close()


def test_pages_with_nothing_to_keep_up_to_date_open_no_stream(page: Page, dev: Dev) -> None:
    sign_in(page, dev, "jane@acme.com")
    page.goto(f"{dev.portal}/account", wait_until="load")
    assert page.evaluate(STREAMS) == 0
