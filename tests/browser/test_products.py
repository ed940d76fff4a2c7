"""Another product is another file: Signal's portal beside Mode's, on one sandbox."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx2 as httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.browser.test_quality import faults_of
from tests.processes import PROJECT, Dev, portal_writing_to, stop

pytestmark = pytest.mark.browser

FILE: Final = PROJECT / "docs" / "signal" / "wrangler-like.toml"
READY_SECONDS: Final = 30


@contextmanager
def serving_signal(dev: Dev, folder: Path) -> Iterator[str]:
    """`portal serve` with Signal's file in `folder`, against the sandbox of `dev`; its origin."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(FILE, folder)
    shutil.copy(dev.folder / ".dev.vars", folder)
    origin = f"http://127.0.0.1:{dev.second_portal}"
    smtp = re.search(r"SMTP_URL \((smtp://[^)]+)\)", dev.printed)
    assert smtp
    told = {
        "PORTAL_ORIGIN": origin,
        "SM_API_URL": dev.sandbox,
        "SMTP_URL": smtp[1],
        "GOOGLE_DISCOVERY_URL": f"{dev.sandbox}/google/.well-known/openid-configuration",
    }
    log = folder / "portal.log"
    port = str(dev.second_portal)
    process = portal_writing_to(log, "serve", "--port", port, folder=folder, **told)
    try:
        _wait_until_ready(origin, log)
        yield origin
    finally:
        stop(process)


@pytest.fixture(scope="module")
def signal(dev: Dev, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving_signal(dev, tmp_path_factory.mktemp("signal")) as origin:
        yield origin


def _wait_until_ready(origin: str, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{origin}/readyz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            continue
    raise AssertionError(log.read_text())


def by_google(page: Page, origin: str, email: str) -> None:
    """Come in at a portal by the stand-in for Google."""
    page.goto(f"{origin}/auth/login")
    page.get_by_role("link", name=re.compile("Google")).click()
    page.get_by_role("button", name=email, exact=True).click()
    page.wait_for_url(f"{origin}/**")


@pytest.fixture
def fresh(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    yield context.new_page()
    context.close()


def test_a_person_of_signal_comes_in_there_and_sees_signals_own(fresh: Page, signal: str) -> None:
    by_google(fresh, signal, "nadia@wayne.example")
    fresh.get_by_role("heading", name="Nadia").wait_for()
    assert fresh.title() == "Home · Signal"
    assert fresh.get_attribute("html", "data-product") == "signal"
    accent = "getComputedStyle(document.documentElement).getPropertyValue('--brand').trim()"
    assert fresh.evaluate(accent) == "#c94277"
    link = fresh.get_by_role("link", name="How we watch")
    assert link.get_attribute("href") == "https://sprintmode.ai/signal"
    fresh.get_by_text("Stage 3 of 3: Briefing").wait_for()
    fresh.get_by_text("SIG-2026-014").wait_for()
    assert "Acme" not in fresh.content()
    assert faults_of(fresh) == []


def test_the_same_person_is_refused_at_mode(fresh: Page, dev: Dev, signal: str) -> None:
    by_google(fresh, dev.portal, "nadia@wayne.example")
    fresh.get_by_role("heading", name="Google did not sign you in").wait_for()
    # Nor does a session of Signal's open Mode: the token does not name the product.
    by_google(fresh, signal, "nadia@wayne.example")
    fresh.goto(f"{dev.portal}/")
    fresh.get_by_role("heading", name="This account has no access here").wait_for()
    assert "SIG-2026-014" not in fresh.content()


def test_a_person_of_mode_is_refused_at_signal(fresh: Page, signal: str) -> None:
    by_google(fresh, signal, "jane@acme.com")
    fresh.get_by_role("heading", name="Google did not sign you in").wait_for()
