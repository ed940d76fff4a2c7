"""Every page as people of each role meet it: both themes, three widths, axe-core on each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.processes import Dev

pytestmark = pytest.mark.browser

WIDTHS: Final = {"phone": (360, 740), "tablet": (820, 1100), "desk": (1280, 800)}
RULES: Final = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "resultTypes": ["violations"],
}
RULES_OF_COLOUR: Final = {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
    "resultTypes": ["violations"],
}
"""The other theme changes colours alone, and a tablet shows what a desk does, closer together."""

SEEN_WHOLE: Final = (("light", "phone"), ("light", "desk"))
SESSION: Final = "sm_client"
WEIGHT: Final = 60_000
SEEN_DARK: Final = ("phone", "desk")
"""Where the colours are looked at in the dark: between them nothing has another one."""

THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")

ADMIN: Final = (
    *("/", "/engagements", "/engagements/eng_abc123", "/activity", "/invoices"),
    *("/invoices/inv_2026001", "/statement", "/year-pack", "/team", "/account", "/nowhere"),
    *("/explain/owed", "/explain/progress?engagement=eng_abc123", "/calendar"),
)
VIEWER: Final = (
    "/",
    "/engagements",
    "/engagements/eng_abc123",
    "/activity",
    "/account",
    "/explain/updates",
    "/invoices",
)
STAFF: Final = (
    *("/staff", "/staff/companies/co_abc123", "/staff/contacts/ct_abc123"),
    "/staff/contacts/ct_patdoy1/access?role=client_admin",
)
PUBLIC: Final = ("/auth/login", "/auth/magic/verify?token=nothing", "/verify")
WHO: Final = {
    "jane@acme.com": ADMIN,
    "sam@acme.com": VIEWER,
    "ava@sprintmode.ai": STAFF,
    "": PUBLIC,
}


SIGNED_IN: Final[dict[tuple[str, str], str]] = {}
"""The session of who came in before, by portal and address: the way in has tests of its own."""


def come_in(context: BrowserContext, dev: Dev, email: str) -> Page:
    """A page in which somebody is signed in, by Google at first; nobody for an empty address."""
    page = context.new_page()
    if not email:
        return page
    kept = SIGNED_IN.get((dev.portal, email))
    if kept:
        context.add_cookies([{"name": SESSION, "value": kept, "url": dev.portal}])
    page.goto(f"{dev.portal}/")
    if "/auth/login" in page.url:
        page.get_by_role("link", name=re.compile("Google")).click()
        page.get_by_role("button", name=email, exact=True).click()
        page.wait_for_url(f"{dev.portal}/**")
        cookies = {cookie["name"]: cookie["value"] for cookie in context.cookies(dev.portal)}
        SIGNED_IN[dev.portal, email] = cookies[SESSION]
    return page


AXE: Final = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
RUN_AXE: Final = """async (options) => (await axe.run(document, options)).violations.flatMap(
  (rule) => rule.nodes.map((node) => `${rule.id}: ${node.target} ${node.html.slice(0, 120)}`))"""


@pytest.fixture
def page(chromium: Browser, dev: Dev, email: str) -> Iterator[Page]:
    context = chromium.new_context(locale="en-US", reduced_motion="reduce")
    yield come_in(context, dev, email)
    context.close()


def faults_of(page: Page, rules: Mapping[str, Any] = RULES) -> list[str]:
    """What axe-core finds on the page as it is shown now, in a line each."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found: list[str] = page.evaluate(RUN_AXE, rules)
    return found


def faults_at(page: Page, url: str) -> list[str]:
    """What is wrong with a page in any width and theme, in a line each."""
    page.goto(url)
    page.evaluate("document.querySelectorAll('main details').forEach(d => d.open = true)")
    found = []
    for (width, (wide, high)), theme in product(WIDTHS.items(), THEMES):
        page.set_viewport_size({"width": wide, "height": high})
        page.emulate_media(color_scheme=theme)
        faults = []
        if (theme, width) in SEEN_WHOLE:
            faults = faults_of(page, RULES)
        elif theme == "dark" and width in SEEN_DARK:
            faults = faults_of(page, RULES_OF_COLOUR)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            faults.append("wider than the window")
        found += [f"{url} {width} {theme}: {fault}" for fault in faults]
    return found


@pytest.mark.parametrize("email", WHO, ids=lambda email: email.partition("@")[0] or "nobody")
def test_axe_finds_nothing_and_nothing_overflows(page: Page, dev: Dev, email: str) -> None:
    assert [f for path in WHO[email] for f in faults_at(page, f"{dev.portal}{path}")] == []


def test_the_sandboxs_own_pages_are_as_neat(chromium: Browser, dev: Dev) -> None:
    context = chromium.new_context(locale="en-US", reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{dev.portal}/auth/login")
    page.get_by_label("Work e-mail").fill("jane@acme.com")
    page.keyboard.press("Enter")
    page.wait_for_url("**/check-mail*")
    page.goto(f"{dev.portal}/auth/login")
    at_google = page.get_by_role("link", name=re.compile("Google")).get_attribute("href")
    urls = (f"{dev.sandbox}/", f"{dev.sandbox}/mailbox", f"{dev.portal}{at_google}")
    assert [fault for url in urls for fault in faults_at(page, url)] == []
    assert page.url.startswith(f"{dev.sandbox}/google/")
    context.close()


def test_the_mailbox_shows_a_new_mail_by_itself(chromium: Browser, dev: Dev) -> None:
    context = chromium.new_context(locale="en-US")
    mailbox, portal = context.new_page(), context.new_page()
    mailbox.goto(f"{dev.sandbox}/mailbox?to=hank@globex.com")
    mailbox.get_by_text("No mail to hank@globex.com yet.").wait_for()
    portal.goto(f"{dev.portal}/auth/login")
    portal.get_by_label("Work e-mail").fill("hank@globex.com")
    portal.keyboard.press("Enter")
    mailbox.bring_to_front()
    mailbox.get_by_role("link", name="Sign in to Mode").wait_for()
    context.close()


def test_at_twice_the_size_nothing_is_lost(chromium: Browser, dev: Dev) -> None:
    # 200 % of zoom on a desk is half as many CSS pixels.
    context = chromium.new_context(viewport={"width": 640, "height": 400}, locale="en-US")
    page = come_in(context, dev, "jane@acme.com")
    for path in ADMIN:
        page.goto(f"{dev.portal}{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    context.close()


def test_every_control_is_reached_by_keyboard_and_shows_it(chromium: Browser, dev: Dev) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    page = come_in(context, dev, "jane@acme.com")
    for path in ("/", "/invoices", "/team", "/account"):
        page.goto(f"{dev.portal}{path}")
        wanted = page.evaluate(
            """[...document.querySelectorAll(`a[href], button, input:not([type=hidden]), select,
               textarea, summary`)].filter((e) => e.checkVisibility() && e.tabIndex >= 0
               && !(e.type === "radio" && !e.checked)).length"""
        )
        reached = set()
        for _ in range(wanted + 5):
            page.keyboard.press("Tab")
            seen = page.evaluate(
                """(() => { const e = document.activeElement; if (!e || e === document.body)
                   return null; const s = getComputedStyle(e); e.dataset.seen ??= Math.random();
                   return [e.dataset.seen, s.outlineStyle !== "none" || s.boxShadow !== "none"
                     || getComputedStyle(e, "::after").outlineStyle !== "none"]; })()"""
            )
            if seen:
                reached.add(seen[0])
                assert seen[1], f"{path}: focus cannot be seen"
        assert len(reached) >= wanted, path
    context.close()


@pytest.mark.parametrize("path", ["/auth/login", "/", "/engagements", "/invoices", "/account"])
def test_a_page_weighs_less_than_sixty_kilobytes_with_everything(
    chromium: Browser, dev: Dev, path: str
) -> None:
    context = chromium.new_context(locale="en-US")
    page = come_in(context, dev, "" if path == "/auth/login" else "jane@acme.com")
    client = context.new_cdp_session(page)
    client.send("Network.enable")
    client.send("Network.setCacheDisabled", {"cacheDisabled": True})
    weights: list[float] = []
    client.on("Network.loadingFinished", lambda event: weights.append(event["encodedDataLength"]))
    page.goto(f"{dev.portal}{path}", wait_until="networkidle")
    assert len(weights) > 5
    assert sum(weights) < WEIGHT, f"{path} weighs {sum(weights):.0f} bytes"
    context.close()


def test_nothing_moves_once_it_is_shown(chromium: Browser, dev: Dev) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    page = come_in(context, dev, "jane@acme.com")
    for path in ("/", "/invoices", "/engagements"):
        page.goto(f"{dev.portal}{path}", wait_until="networkidle")
        shift = page.evaluate(
            """new Promise((done) => { let sum = 0; new PerformanceObserver((list) => {
                 for (const entry of list.getEntries()) sum += entry.value;
               }).observe({ type: "layout-shift", buffered: true });
               requestAnimationFrame(() => requestAnimationFrame(() => done(sum))); })"""
        )
        assert shift < 0.02, f"{path} shifts by {shift}"
    context.close()
