"""Home: how work stands, what is owed, a year of billing, and where each figure is from."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import httpx2 as httpx
import pytest

from portal.domain.journey import Journey
from tests.stage import Stage, stage

ACME: Final = "co_abc123"
TAG: Final = re.compile(r"<[^>]+>")


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def home(on: Stage, email: str = "jane@acme.com") -> str:
    """The home page of somebody."""
    browser = await on.signed_in(email)
    page = await browser.get("/")
    assert page.status_code == 200
    return page.text


def words(page: str) -> str:
    """What a page says, in one line."""
    return " ".join(html.unescape(TAG.sub(" ", page)).split())


def row_of(page: str, engagement_id: str) -> str:
    """The row of an engagement under way."""
    start = f'<a class="row__link row__link--tall" href="/engagements/{engagement_id}">'
    return page.partition(start)[2].partition("</a>")[0]


async def invoices(browser: httpx.AsyncClient) -> list[dict[str, Any]]:
    """What the viewer's own API gives, amounts as Decimal."""
    found = (await browser.get("/api/invoices")).json()["data"]
    return [{**one, "amount": Decimal(str(one["amount"]))} for one in found]


async def bill(on: Stage, **fields: Any) -> str:
    """A sent invoice of Acme's in the CRM; its id."""
    body = {"company_id": ACME, "product": "mode", "status": "sent", "amount": 100, **fields}
    answer = await on.sandbox.post("/api/invoices", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


async def engage(on: Stage, **fields: Any) -> str:
    """An active engagement of Acme's in the CRM; its id."""
    body = {"company_id": ACME, "product": "mode", "name": "New work", "status": "active", **fields}
    answer = await on.sandbox.post("/api/engagements", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


# Figures


async def test_what_is_owed_is_told_by_currency_and_leads_to_its_invoices(on: Stage) -> None:
    page = await home(on)
    for currency, owed, overdue in (
        ("USD", "$35,907.60", "$12,294.10 overdue"),
        ("EUR", "€5,852.80", "€2,340.00 overdue"),
    ):
        link = re.search(rf'href="/invoices\?status=open&amp;currency={currency}">(.*?)</a>', page)
        assert link
        assert words(link[1]) == owed
        late = re.search(
            rf'href="/invoices\?status=overdue&amp;currency={currency}">(.*?)</a>', page
        )
        assert late
        assert words(late[1]) == overdue
    assert "3 invoices are overdue: $12,294.10 and €2,340.00" in words(page)
    assert 'href="/invoices?status=overdue">See what is overdue</a>' in page


async def test_every_figure_says_how_it_is_counted(on: Stage) -> None:
    for email in ("jane@acme.com", "sam@acme.com"):
        page = await home(on, email)
        stats = page.partition('<section class="stats"')[2].partition("</section>")[0]
        assert stats.count('<div class="card stat">') == 3
        assert stats.count('<details class="how">') == 3
    assert "Balance of every invoice that is sent and not settled" in await home(on)


async def test_nothing_owed_is_said_in_words(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    for one in await invoices(browser):
        await on.patch(f"/api/invoices/{one['id']}", status="paid")
    page = words((await browser.get("/")).text)
    assert "Every invoice is settled" in page
    assert "overdue" not in page.partition("How this is counted")[0]


async def test_the_dates_ahead_lead_to_their_work(on: Stage) -> None:
    first = await engage(on, name="Zebra audit", start_date="2026-11-25")
    page = await home(on)
    assert f'href="/engagements/{first}">Start of Zebra audit</a>' in page
    assert "Nov 25, 2026" in page
    assert "Renewal of Mode implementation retainer" in page


# Work


async def test_active_work_shows_its_state_its_stage_and_its_time(on: Stage) -> None:
    page = await home(on)
    row = row_of(page, "eng_abc123")
    said = words(row)
    assert "In progress" in said
    assert "Stage 4 of 7: Build" in said
    assert "215 days left" in said
    assert "41% of the time" in said
    assert '<svg class="time-bar"' in row
    assert "/engagements/eng_acmeaudit1" not in page


async def test_work_that_starts_later_is_planned_and_not_counted_as_under_way(on: Stage) -> None:
    before = await home(on)
    later = await engage(on, name="Later work", start_date="2026-12-24")
    page = await home(on)
    row = words(row_of(page, later))
    assert "Planned" in row
    assert "In progress" not in row
    assert "Starts in 30 days" in row
    assert words(before).count("2 of 5 engagements") == 1
    assert words(page).count("2 of 6 engagements") == 1


async def test_a_product_without_a_journey_shows_no_stage() -> None:
    async with stage(journey=Journey()) as on:
        page = await home(on)
        assert "In progress" in page
        assert "Stage " not in words(page)
        assert "row__stage" not in page


# A year of billing


def charts(page: str) -> dict[str, str]:
    """The chart of each currency."""
    found = re.findall(r'<figure class="chart".*?</figure>', page, re.DOTALL)
    return {re.search(r">In (\w+)</h3>", one)[1]: one for one in found}  # type: ignore[index] # fails the test


def rows(chart: str) -> dict[str, tuple[str, str]]:
    """The rows of the table behind a chart: invoiced and paid by the first cell."""
    found = re.findall(r"<tr><th[^>]*>(.*?)</th><td>(.*?)</td><td>(.*?)</td></tr>", chart)
    return {words(name): (words(invoiced), words(paid)) for name, invoiced, paid in found}


def dollars(text: str) -> Decimal:
    """An amount in American English as a number."""
    return Decimal(re.sub(r"[^\d.-]", "", text))


async def test_the_table_behind_the_chart_has_the_sums_of_the_invoices_to_the_cent(
    on: Stage,
) -> None:
    browser = await on.signed_in("jane@acme.com")
    found = [i for i in await invoices(browser) if i["status"] != "void"]
    for currency, chart in charts((await browser.get("/")).text).items():
        table = rows(chart)
        assert len(table) == 13
        months = [pair for name, pair in table.items() if name != "In all"]
        own = [i for i in found if i["currency"] == currency and i["issued_date"] >= "2025-12-01"]
        invoiced = sum((one["amount"] for one in own), Decimal(0))
        paid = sum((Decimal(str(i["amount_paid"])) for i in own if i["paid_date"]), Decimal(0))
        assert invoiced > 0
        assert [dollars(text) for text in table["In all"]] == [invoiced, paid]
        assert sum(dollars(pair[0]) for pair in months) == invoiced
        assert sum(dollars(pair[1]) for pair in months) == paid


async def test_an_invoice_shows_in_its_month_and_leads_to_what_makes_it(on: Stage) -> None:
    await bill(on, amount=70.07, currency="CHF", issued_date="2026-02-28")
    await bill(on, amount=0.03, currency="CHF", issued_date="2025-12-01")
    await bill(on, amount=9, currency="CHF", issued_date="2025-11-30")
    chart = charts(await home(on))["CHF"]
    table = rows(chart)
    assert table["Feb 2026"] == ("CHF70.07", "CHF0.00")
    assert table["Dec 2025"][0] == "CHF0.03"
    assert table["In all"] == ("CHF70.10", "CHF0.00")
    assert 'href="/explain/invoiced?currency=CHF&amp;month=2026-02"' in chart
    assert 'href="/explain/invoiced?currency=CHF&amp;month=2025-12"' in chart


async def test_a_payment_without_a_day_is_told_and_not_hidden(on: Stage) -> None:
    chart = words(charts(await home(on))["USD"])
    assert "$4,000.00 more was paid on invoices that do not say when; it is in no month." in chart


async def test_those_who_see_no_bars_hear_them(on: Stage) -> None:
    for chart in charts(await home(on)).values():
        plot = chart.partition('<svg class="chart__plot"')[2].partition("</svg>")[0]
        label = re.search(r'aria-labelledby="([^"]+)" aria-describedby="([^"]+)"', plot)
        assert label
        assert f'<title id="{label[1]}">' in plot
        assert f'<desc id="{label[2]}">' in plot
        assert re.search(r"<g><title>\w+ 2026: \S+ invoiced, \S+ paid</title>", plot)
        assert "<caption" in chart
        assert chart.count('<th scope="row">') == 13
        assert chart.count("<li>") >= 14
    page = await home(on)
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


async def test_amounts_and_months_are_the_locales(on: Stage) -> None:
    await on.patch("/api/contacts/ct_abc123", locale="de_DE")
    page = words(await home(on))
    assert "35.907,60 $" in page
    assert "5.852,80 €" in page
    assert "Okt. 2026" in page


@pytest.mark.parametrize(
    ("zone", "last"), [("America/New_York", "Feb 2028"), ("Asia/Tokyo", "Mar 2028")]
)
async def test_at_the_turn_of_a_month_the_year_is_that_of_the_viewers_zone(
    on: Stage, zone: str, last: str
) -> None:
    await on.patch("/api/contacts/ct_abc123", timezone=zone)
    on.clock.now = datetime(2028, 3, 1, 3, 0, tzinfo=UTC)
    await bill(on, issued_date="2028-02-29", due_date="2028-02-29", currency="GBP")
    page = await home(on)
    assert list(rows(charts(page)["GBP"]))[-2] == last
    assert ("Overdue by 1 day" in page) == (zone == "Asia/Tokyo")


async def test_without_a_bill_in_the_year_there_is_no_chart(on: Stage) -> None:
    on.clock.forward(days=800)
    page = await home(on)
    assert "Twelve months of billing" not in page
    assert charts(page) == {}


# Viewers


async def test_a_viewers_home_has_activity_in_the_place_of_money(on: Stage) -> None:
    page = await home(on, "sam@acme.com")
    assert "chart" not in page
    assert "/invoices" not in page
    assert "Owed" not in page
    count = re.search(r'<a class="stat__link" href="/explain/updates">(\d+)</a>', page)
    assert count
    browser = await on.signed_in("sam@acme.com")
    found = (await browser.get("/api/activities?limit=500")).json()["data"]
    since = on.clock() - timedelta(days=30)
    recent = [a for a in found if datetime.fromisoformat(a["created_at"]) >= since]
    assert int(count[1]) == len(recent) > 3


async def test_neither_page_has_a_style_of_its_own(on: Stage) -> None:
    for email in ("jane@acme.com", "sam@acme.com"):
        assert re.findall(r"<style|\sstyle=|\son[a-z]+=", await home(on, email)) == []


async def test_looking_changes_nothing(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    await browser.get("/")
    on.wire.calls.clear()
    await browser.get("/")
    assert {call.method for call in on.wire.calls} <= {"GET"}
