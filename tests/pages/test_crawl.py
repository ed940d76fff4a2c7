"""Every link that any role is shown leads somewhere of theirs: no dead end, no fault, no leak."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx2 as httpx
import pytest

from tests.staff.stand import by_google
from tests.stage import Stage, stage

LINK: Final = re.compile(r'<a\b[^>]*\bhref="([^"]*)"')
AMOUNT: Final = re.compile(r"[$€£]\s?\d|\d\s?[€£]|\bINV-\d")
MOST: Final = 400
FOREIGN: Final = {
    "jane@acme.com": ("Globex", "hank@globex.com", "Umbrella", "ukasiewicz"),
    "sam@acme.com": ("Globex", "hank@globex.com", "Umbrella", "ukasiewicz"),
    "hank@globex.com": ("Acme", "jane@acme.com", "Umbrella"),
    "zoe@lukasiewicz.example": ("Acme", "Globex", "Umbrella"),
}


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def crawl(browser: httpx.AsyncClient, start: str) -> dict[str, httpx.Response]:
    """Every page that can be reached from `start` by following links, and its answer."""
    waiting, seen = [start], dict[str, httpx.Response]()
    while waiting and len(seen) < MOST:
        path = waiting.pop()
        if path in seen:
            continue
        seen[path] = answer = await browser.get(path)
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        for found in LINK.findall(answer.text):
            target = urldefrag(urljoin(path, html.unescape(found))).url
            parts = urlsplit(target)
            if not parts.scheme and not parts.netloc and "/auth/logout" not in target:
                waiting.append(target)
    return seen


@pytest.mark.parametrize("email", FOREIGN)
async def test_a_clients_links_all_lead_somewhere_of_their_own(on: Stage, email: str) -> None:
    pages = await crawl(await on.signed_in(email), "/")
    assert len(pages) >= 8
    assert {path: a.status_code for path, a in pages.items() if a.status_code != 200} == {}
    for path, answer in pages.items():
        if answer.headers["content-type"].startswith("text/html"):
            shown = [marker for marker in FOREIGN[email] if marker in answer.text]
            assert shown == [], path


async def test_a_viewer_finds_no_amount_on_any_page(on: Stage) -> None:
    pages = await crawl(await on.signed_in("sam@acme.com"), "/")
    for path, answer in pages.items():
        assert AMOUNT.search(re.sub(r"<[^>]+>", " ", answer.text)) is None, path


async def test_staffs_links_all_lead_somewhere(on: Stage) -> None:
    pages = await crawl(await by_google(on), "/staff")
    assert len(pages) > 10
    # The lock-up leads home, and that is where they are.
    assert pages.pop("/").headers["location"] == "/staff"
    assert {path: a.status_code for path, a in pages.items() if a.status_code != 200} == {}


async def test_nobodys_links_lead_to_the_ways_in(on: Stage) -> None:
    pages = await crawl(on.browser(), "/auth/login")
    for path, answer in pages.items():
        assert answer.status_code in (200, 302), path
