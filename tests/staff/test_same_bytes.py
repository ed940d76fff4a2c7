"""A preview shows the very bytes that the client would get, but for the banner."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from typing import Final

import httpx2 as httpx
import pytest

from portal.api.reads import COLLECTIONS
from portal.routes import ROUTES
from tests.pages.test_isolation import Record, addresses, everything
from tests.staff.stand import previewing
from tests.stage import Stage, stage

BANNER: Final = re.compile(r' *<aside class="preview".*?</aside>\n', re.DOTALL)
NONCE: Final = re.compile(r"nonce(=\"|-)[A-Za-z0-9+/_=-]+")
REQUEST_ID: Final = "the-same-for-both"
PER_ANSWER: Final = frozenset(
    {"content-length", "etag", "set-cookie", "x-request-id", "server-timing"}
)

NOT_COMPARED: Final = ("/auth/me", "/auth/logout", "/auth/sso/google", "/staff", "/metrics")
"""The session itself, the way out, a fresh random state, and pages that are no client's.

The worker's counts differ with every request, whoever makes it.
"""

PEOPLE: Final = {
    "jane@acme.com": ("ct_abc123", "co_abc123"),
    "sam@acme.com": ("ct_def456", "co_abc123"),
    "hank@globex.com": ("ct_globex1", "co_globex1"),
    "zoe@lukasiewicz.example": ("ct_zoeluk1", "co_zoelu01"),
}

NARROWED: Final = (
    "/account?saved=1",
    "/account?notices=saved",
    "/team?asked=1",
    "/team?reviewed=1",
    "/invoices?status=overdue",
    "/activity?page=2",
    "/activity?kind=milestone",
    "/api/invoices?status=paid&limit=2",
    "/api/contacts?company_id=co_globex1",
    "/api/engagements?limit=no-number",
    "/no/such/page",
    "/api/deals",
    "/api/no_such_collection",
)


def compared(records: list[Record], company_id: str) -> list[str]:
    """Every address that can be read: those without an id, and those with the company's own."""
    own = _some(r for r in records if r.fields.get("company_id", r.id) == company_id)
    found = []
    for path in addresses(ROUTES):
        if path.removeprefix("/api").startswith(NOT_COMPARED):
            continue
        for named in _named(path):
            filled = [named.replace("{id}", record.id) for record in own]
            found += filled if "{id}" in named else [named]
    return [*found, *NARROWED]


def _some(records: Iterable[Record]) -> list[Record]:
    """A few of each resource: what holds for one holds for its siblings."""
    found = defaultdict[str, list[Record]](list)
    for record in records:
        found[record.resource].append(record)
    return [record for siblings in found.values() for record in siblings[:: len(siblings) // 4 + 1]]


def _named(path: str) -> list[str]:
    return (
        [path.replace("{collection}", n) for n in COLLECTIONS] if "{collection}" in path else [path]
    )


async def answer_to(browser: httpx.AsyncClient, path: str) -> tuple[int, dict[str, str], str, int]:
    """Status, headers and body without what differs from one answer to the next; banners."""
    answer = await browser.get(path, headers={"X-Request-Id": REQUEST_ID})
    body, banners = BANNER.subn("", answer.text)
    headers = {
        name: NONCE.sub("nonce", value)
        for name, value in answer.headers.items()
        if name not in PER_ANSWER
    }
    return answer.status_code, headers, NONCE.sub("nonce", body), banners


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


@pytest.mark.parametrize("email", PEOPLE)
async def test_every_address_answers_a_preview_as_it_answers_the_client(
    on: Stage, email: str
) -> None:
    contact_id, company_id = PEOPLE[email]
    client = await on.signed_in(email)
    # The first page of a session notes in the browser what it showed.
    await client.get("/")
    lens = await previewing(on, contact_id)
    await on.activities("portal_preview_started")
    paths = compared(await everything(on), company_id)
    assert len(paths) > 50
    pages, different = 0, []
    for path in paths:
        theirs, seen = await answer_to(client, path), await answer_to(lens, path)
        assert theirs[3] == 0, path
        if seen[:3] != theirs[:3]:
            different.append(path)
        pages += seen[3]
    assert different == []
    assert pages > 15


async def test_a_client_with_many_sign_ins_is_seen_where_they_came_in_last(on: Stage) -> None:
    await on.signed_in("jane@acme.com")
    on.clock.forward(hours=2)
    last = await on.signed_in("jane@acme.com")
    await last.get("/")
    lens = await previewing(on)
    await on.activities("portal_preview_started")
    assert await answer_to(lens, "/account") != await answer_to(last, "/")
    assert (await answer_to(lens, "/account"))[:3] == (await answer_to(last, "/account"))[:3]


async def test_while_the_crm_is_away_a_preview_says_what_the_client_reads(on: Stage) -> None:
    client = await on.signed_in("jane@acme.com")
    lens = await previewing(on)
    await on.activities("portal_preview_started")
    for browser in (client, lens):
        await browser.get("/")
    on.wire.fault = lambda request: (
        None if "/api/contacts/" in request.url.path else httpx.Response(500, text="down")
    )
    for path in ("/", "/invoices", "/engagements", "/api/invoices", "/account"):
        theirs, seen = await answer_to(client, path), await answer_to(lens, path)
        assert seen[:3] == theirs[:3], path


async def test_in_colours_of_their_own_both_are_the_same(on: Stage) -> None:
    client = await on.signed_in("jane@acme.com")
    await client.get("/")
    lens = await previewing(on)
    await on.activities("portal_preview_started")
    for browser in (client, lens):
        browser.cookies.set("portal_theme", "dark", domain="127.0.0.1", path="/")
    theirs, seen = await answer_to(client, "/"), await answer_to(lens, "/")
    assert 'data-theme="dark"' in seen[2]
    assert seen[:3] == theirs[:3]
