"""The activity page: the client's own timeline, narrowed by its address."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from tests.stage import Stage, stage


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def titles(page: str) -> list[str]:
    return re.findall(r'<p class="timeline__title">([^<]*)</p>', page)


async def log(on: Stage, title: str, **fields: object) -> None:
    """An activity of Acme's, as the CRM has it."""
    body = {
        "activity_type": "milestone",
        "title": title,
        "company_id": "co_abc123",
        "source": "mode",
        **fields,
    }
    answer = await on.sandbox.post("/api/activities", json=body)
    assert answer.status_code == 201, answer.text


async def test_the_timeline_shows_what_is_for_clients_and_nothing_internal(on: Stage) -> None:
    await log(on, "A milestone for all")
    await log(on, "A call about margins", activity_type="call")
    browser = await on.signed_in("jane@acme.com")
    page = await browser.get("/activity")
    assert "A milestone for all" in titles(page.text)
    assert "margins" not in page.text


async def test_a_kind_narrows_it_and_can_be_taken_back(on: Stage) -> None:
    await log(on, "The one report", activity_type="report_generated")
    await log(on, "A milestone")
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get("/activity?kind=milestone")).text
    assert "A milestone" in titles(page)
    assert "The one report" not in page
    assert '<a class="link filters__clear" href="/activity">' in page
    assert '<option value="milestone" selected>' in page


async def test_an_engagement_narrows_it(on: Stage) -> None:
    await log(on, "Of no engagement")
    browser = await on.signed_in("jane@acme.com")
    own = (await browser.get("/api/engagements")).json()["data"]
    for engagement in own:
        page = (await browser.get(f"/activity?engagement={engagement['id']}")).text
        assert "Of no engagement" not in page


async def test_more_is_shown_on_demand(on: Stage) -> None:
    for number in range(30):
        await log(on, f"Number {number}", activity_type="status_change")
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get("/activity?kind=status_change")).text
    assert len(titles(page)) == 25
    assert "25 of 3" in page
    more = re.search(r'href="(/activity\?[^"#]+)#more"', page)
    assert more
    assert len(titles((await browser.get(more[1].replace("&amp;", "&"))).text)) > 29


async def test_a_filter_that_fits_nothing_says_so(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = await browser.get("/activity?kind=%3Cscript%3E&engagement=en_of_others")
    assert page.status_code == 200
    assert "Nothing fits this filter" in page.text
    assert "<script>" not in page.text


async def test_a_viewer_reads_of_no_amounts(on: Stage) -> None:
    await log(on, "Invoice INV-77 paid", activity_type="invoice_paid")
    await log(on, "Budget of $81,234.50 approved", description="Or 81.234,50 €")
    jane, sam = await on.signed_in("jane@acme.com"), await on.signed_in("sam@acme.com")
    whole = (await jane.get("/activity")).text
    assert "INV-77" in whole
    assert "$81,234.50" in whole
    for place in ("/activity", "/", "/api/activities"):
        page = (await sam.get(place)).text
        assert "INV-77" not in page
        assert "Budget of ••• approved" in page
        assert "81" not in re.sub(r"[0-9a-f_-]{12,}", "", page).partition("<main")[2]
        assert "234" not in page


async def test_what_another_source_reports_is_shown_when_the_configuration_says_so() -> None:
    kinds = frozenset({"milestone", "scanner:scan_completed"})
    async with stage(visible_activities=kinds) as on:
        await log(on, "Scanned", activity_type="scan_completed", source="scanner")
        await log(on, "Ours is not listed", activity_type="scan_completed")
        await log(on, "Not named", activity_type="milestone", source="signal")
        browser = await on.signed_in("jane@acme.com")
        page = (await browser.get("/activity")).text
        assert "Scanned" in page
        assert "Ours is not listed" not in page
        assert "Not named" not in page
