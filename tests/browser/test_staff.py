"""Staff with a browser: find a client, look as they do, let somebody in; and the client's side."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_journey import sign_in
from tests.processes import Dev

pytestmark = pytest.mark.browser

REASON = "Jane asked about INV-2026-001"
# Asked in one go: to ask again and again, Playwright evaluates text, which our policy forbids.
SCROLLED = """() => new Promise((done, fail) => {
  const started = performance.now();
  (function look() {
    if (scrollY > 0 || document.documentElement.scrollHeight <= innerHeight) done(true);
    else if (performance.now() - started > 10000) fail(new Error("the page did not scroll"));
    else requestAnimationFrame(look);
  })();
})"""
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 800}


def come_in_by_google(page: Page, dev: Dev) -> None:
    """Choose Ava at the Google stand-in."""
    page.goto(dev.portal)
    page.get_by_role("link", name=re.compile("Google")).click()
    page.get_by_role("button", name=re.compile("ava@sprintmode.ai")).click()
    page.wait_for_url(f"{dev.portal}/staff")


def preview_jane(page: Page) -> None:
    """Find Acme, open Jane, say why, and look."""
    page.get_by_label("Search companies and people").fill("acme corp")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", level=2)).to_have_text(["Acme Corp"])
    page.get_by_role("link", name=re.compile("Jane Smith")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Jane Smith")
    page.get_by_label("Why").fill(REASON)
    page.get_by_role("button", name=re.compile("Preview for 30 minutes")).click()
    expect(page.get_by_text("Previewing as Jane Smith — read-only")).to_be_visible()


def visits(page: Page) -> list[str]:
    """The pages of the menu, and the account page."""
    links = page.get_by_role("navigation", name="Main").get_by_role("link").all()
    found = [str(link.get_attribute("href")) for link in links]
    return [href for href in found if href.startswith("/")] + ["/account"]


@pytest.fixture(params=[(PHONE, "dark"), (DESK, "light")], ids=["phone dark", "desk light"])
def looking(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    size, scheme = request.param
    context = chromium.new_context(viewport=size, color_scheme=scheme, locale="en-US")
    yield context
    context.close()


def test_the_banner_stays_in_view_on_every_page(looking: BrowserContext, dev: Dev) -> None:
    page = looking.new_page()
    come_in_by_google(page, dev)
    preview_jane(page)
    paths = visits(page)
    assert {"/", "/engagements", "/invoices", "/activity", "/account"} <= {*paths}
    for path in paths:
        page.goto(f"{dev.portal}{path}")
        banner = page.get_by_role("complementary", name="Preview")
        page.mouse.wheel(0, 4000)
        assert page.evaluate(SCROLLED)
        expect(banner.get_by_text("Previewing as Jane Smith — read-only")).to_be_in_viewport()
        exit_button = banner.get_by_role("button", name=re.compile("Exit"))
        box = exit_button.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 24
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    # The way out can be reached without a mouse: it is the first thing after the skip link.
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(exit_button).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{dev.portal}/staff")
    expect(page.get_by_text("Previewing as")).to_have_count(0)


def test_every_staff_page_works_without_scripts(chromium: Browser, dev: Dev) -> None:
    context = chromium.new_context(java_script_enabled=False, locale="en-US")
    page = context.new_page()
    come_in_by_google(page, dev)
    page.get_by_label("Search companies and people").fill("acme corp")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Acme Corp", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Acme Corp")
    expect(page.get_by_role("heading", name="Who sees what")).to_be_visible()
    hidden = page.get_by_role("group").filter(has_text="Engagements: what is hidden")
    expect(hidden.get_by_text("margin_pct")).to_be_hidden()
    hidden.get_by_text("Engagements: what is hidden").click()
    expect(hidden.get_by_text("margin_pct")).to_be_visible()

    page.get_by_role("link", name=re.compile("Jane Smith")).click()
    page.get_by_label("No access").check()
    page.get_by_role("button", name="See what that means").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Take access away from Jane Smith")
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Jane Smith")

    page.goto(f"{dev.portal}/staff")
    preview_jane(page)
    page.get_by_role("button", name=re.compile("Exit")).click()
    page.wait_for_url(f"{dev.portal}/staff")
    expect(page.get_by_text("Previewing as")).to_have_count(0)
    context.close()


def let_somebody_in(page: Page, dev: Dev, email: str) -> None:
    """Give the new contact access and have the invitation sent."""
    page.goto(f"{dev.portal}/staff?q={email}")
    page.get_by_role("link", name=re.compile(email)).click()
    page.get_by_label("Viewer").check()
    page.get_by_role("button", name="See what that means").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("in as Viewer")
    expect(page.get_by_text("not shown").first).to_be_visible()
    page.get_by_label(f"Send an invitation to {email}").check()
    page.get_by_role("button", name="Give access").click()
    expect(page.get_by_text(f"the invitation is on its way to {email}")).to_be_visible()


def new_contact(page: Page, dev: Dev, email: str) -> None:
    """Somebody at Acme whom nobody has given anything."""
    secrets = (dev.folder / ".dev.vars").read_text()
    key = re.search(r'^SM_API_KEY="?([^"\n]+)', secrets, re.MULTILINE)
    assert key
    answer = page.request.post(
        f"{dev.sandbox}/api/contacts",
        headers={"X-SM-Key": key[1]},
        data={"email": email, "full_name": "Nora New", "company_id": "co_abc123"},
    )
    assert answer.status == 201, answer.text()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_somebody_new_is_let_in_and_comes_by_the_invitation(
    chromium: Browser, dev: Dev, scripts: bool
) -> None:
    email = f"nora.{'a' if scripts else 'b'}@acme.com"
    staff = chromium.new_context(java_script_enabled=scripts, locale="en-US")
    page = staff.new_page()
    new_contact(page, dev, email)
    come_in_by_google(page, dev)
    let_somebody_in(page, dev, email)
    staff.close()

    own = chromium.new_context(locale="en-US")
    page = own.new_page()
    [letter] = page.request.get(f"{dev.sandbox}/mailbox/messages", params={"to": email}).json()
    link = next(word for word in letter["text"].split() if word.startswith("http"))
    page.goto(link)
    expect(page.get_by_label("Work e-mail")).to_have_value(email)
    sign_in(page, dev, email)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Nora")
    expect(page.get_by_role("navigation", name="Main")).not_to_contain_text("Invoices")
    own.close()


def test_the_client_reads_that_somebody_looked_and_why(chromium: Browser, dev: Dev) -> None:
    staff = chromium.new_context(locale="en-US")
    page = staff.new_page()
    come_in_by_google(page, dev)
    preview_jane(page)
    staff.close()
    own = chromium.new_context(locale="en-US")
    page = own.new_page()
    sign_in(page, dev, "jane@acme.com")
    page.goto(f"{dev.portal}/account")
    log = page.get_by_role("region", name="Access log")
    expect(log).to_contain_text("Ava Torres of Sprint Mode looked at the portal as Jane Smith")
    expect(log).to_contain_text(REASON)
    own.close()
