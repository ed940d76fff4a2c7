"""A person with a browser: from the front door to signed out, as the README promises it."""

from __future__ import annotations

import re
import time
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from tests.processes import Dev

pytestmark = pytest.mark.browser

MAIL_SECONDS: Final = 30


def newest_mail(page: Page, dev: Dev, email: str) -> str | None:
    """The id of the latest mail to this address."""
    found = page.request.get(f"{dev.sandbox}/mailbox/messages", params={"to": email}).json()
    return str(found[0]["id"]) if found else None


def sign_in(page: Page, dev: Dev, email: str) -> None:
    """Ask for a link, find it in the mailbox, open it in the same browser and press its button."""
    older = newest_mail(page, dev, email)
    page.goto(dev.portal)
    page.get_by_label("Work e-mail").fill(email)
    page.get_by_role("button", name="E-mail me a sign-in link").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()

    deadline = time.monotonic() + MAIL_SECONDS
    while newest_mail(page, dev, email) == older:
        assert time.monotonic() < deadline, f"no mail for {email}"
    page.goto(f"{dev.sandbox}/mailbox")
    page.get_by_role("link", name=re.compile("Sign in to Mode")).first.click()
    link = page.locator("a[href*='/auth/magic/verify?token=']").first
    page.goto(str(link.get_attribute("href")))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{dev.portal}/")


def test_a_client_comes_in_by_mail_reads_and_leaves(page: Page, dev: Dev) -> None:
    page.goto(dev.portal)
    assert page.url == f"{dev.portal}/auth/login"
    sign_in(page, dev, "jane@acme.com")

    expect(page).to_have_url(f"{dev.portal}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Jane")
    expect(page.get_by_text("Acme Corp").first).to_be_visible()
    expect(page.get_by_text("Owed", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Lately")).to_be_visible()

    page.get_by_role("link", name=re.compile("Mode implementation retainer")).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mode implementation retainer")

    page.get_by_role("navigation", name="Main").get_by_role("link", name="Invoices").click()
    page.get_by_role("link", name="INV-2026-001").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("INV-2026-001")

    session = next(c for c in page.context.cookies() if c.get("name") == "sm_client")
    page.locator("summary.menu__button").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{dev.portal}/auth/login")
    page.context.add_cookies([session])  # type: ignore[list-item] # the same shape, another name
    page.goto(f"{dev.portal}/invoices")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
