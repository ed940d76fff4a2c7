"""The statement page: its usual days, what is wrong with others, and that it adds up."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import pytest

from tests.pages.billing import HOSTILE, bill, dollars, sums_of, text_of
from tests.staff.stand import previewing
from tests.stage import Stage, stage

SECTION: Final = re.compile(r'<section class="card statement".*?</section>', re.DOTALL)
ROW: Final = re.compile(r'<tr role="row".*?</tr>', re.DOTALL)


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def accounts_of(page: str) -> dict[str, list[str]]:
    """The words of the rows of each currency, the heads and the ages among them."""
    return {
        text_of(section.partition("</h2>")[0].partition("<h2")[2].partition(">")[2]): [
            text_of(row) for row in ROW.findall(section)
        ]
        for section in SECTION.findall(page)
    }


def value_of(page: str, name: str) -> str:
    """What stands in a field of the form."""
    [field] = re.findall(rf'<input [^>]*name="{name}"[^>]*>', page)
    return html.unescape(re.findall(r'value="([^"]*)"', field)[0])


async def test_it_is_the_year_to_today_in_every_currency(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get("/statement")).text
    assert (value_of(page, "from"), value_of(page, "to")) == ("2026-01-01", "2026-11-24")
    accounts = accounts_of(page)
    assert list(accounts) == ["EUR", "USD"]
    assert accounts["EUR"] == [
        "Day What Due Charged Paid or credited Balance",
        "Jan 1, 2026 Opening balance €0.00",
        "Oct 3, 2026 Invoice INV-2026-007 Nov 2, 2026 €2,340.00 €2,340.00",
        "Nov 19, 2026 Invoice INV-2026-003 Dec 3, 2026 €3,512.80 €5,852.80",
        "Nov 24, 2026 Closing balance €5,852.80 €0.00 €5,852.80",
        "Current 1 to 30 days late 31 to 60 days late 61 to 90 days late "
        "More than 90 days late Outstanding",
        "€3,512.80 €2,340.00 €0.00 €0.00 €0.00 €5,852.80",
    ]
    assert page.count("<caption") == 4
    assert "Day of payment not recorded: shown on the day of the invoice." in page
    assert "Credit not used yet: $2,500.00." in page


async def test_it_closes_with_what_the_list_of_invoices_says_is_left(on: Stage) -> None:
    await bill(on, amount=75.25, issued_date="2024-02-29", due_date="2024-03-01")
    browser = await on.signed_in("jane@acme.com")
    sums = sums_of((await browser.get("/invoices")).text)
    page = (await browser.get("/statement")).text
    for currency, rows in accounts_of(page).items():
        closing = dollars(rows[-3].split()[-1])
        ages = [dollars(age) for age in rows[-1].split()]
        assert closing == sums[currency]["left"] - sums[currency]["credit"]
        assert sum(ages[:-1]) == ages[-1] == sums[currency]["left"]
        assert sum(ages[1:-1]) == sums[currency]["overdue"]
    assert "Opening balance $75.25" in text_of(page)
    assert Decimal("75.25") == dollars(accounts_of(page)["USD"][-1].split()[4])


async def test_a_period_and_a_currency_narrow_it_and_the_files_with_it(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get("/statement?from=2026-10-01&to=2026-10-31&currency=eur")).text
    assert list(accounts_of(page)) == ["EUR"]
    assert '<option value="EUR" selected>' in page
    query = "from=2026-10-01&amp;to=2026-10-31&amp;currency=EUR"
    assert f'href="/statement.pdf?{query}"' in page
    assert f'href="/statement.csv?{query}"' in page
    assert "INV-2026-007" in page
    assert "INV-2026-003" not in page
    for path in re.findall(r'href="(/statement\.[^"]*)"', page):
        assert (await browser.get(html.unescape(path))).status_code == 200


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("from=2026-13-01", "from", "This is not a date."),
        ("to=2026-02-30", "to", "This is not a date."),
        ("from=2026-12-24", "from", "A statement cannot begin after today."),
        ("from=2026-05-02&to=2026-05-01", "from", "The first day must not be after the last."),
        ("from=%00%22%3E%3Cscript%3E", "from", "This is not a date."),
    ],
)
async def test_what_is_wrong_with_the_days_is_said_beside_them(
    on: Stage, query: str, field: str, said: str
) -> None:
    browser = await on.signed_in("jane@acme.com")
    answer = await browser.get(f"/statement?{query}")
    assert answer.status_code == 422
    page = answer.text
    assert said in text_of(page.partition(f'id="{field}-error"')[2].partition("</p>")[0])
    assert f'aria-describedby="{field}-error"' in page
    assert accounts_of(page) == {}
    assert "/statement.pdf" not in page
    assert "<script>" not in page


async def test_a_currency_that_is_none_is_said(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    answer = await browser.get("/statement?currency=dollars")
    assert answer.status_code == 422
    assert "This is not a currency." in answer.text
    unused = await browser.get("/statement?currency=CHF")
    assert unused.status_code == 200
    assert "Nothing in this time" in unused.text
    assert '<option value="CHF" selected>' in unused.text


async def test_an_end_ahead_is_today_and_says_so(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get("/statement?to=2026-12-31")).text
    assert value_of(page, "to") == "2026-11-24"
    assert "A statement ends today at the latest: this one ends on Nov 24, 2026" in text_of(page)
    assert "ends today at the latest" not in (await browser.get("/statement")).text


async def test_what_the_crm_does_not_know_is_told(on: Stage) -> None:
    await bill(on, invoice_number="NO-DAY", issued_date=None, amount=7)
    await bill(on, invoice_number="AHEAD", issued_date="2026-12-01", amount=8)
    await bill(on, invoice_number="OVER", amount=9, amount_paid=10.5)
    await bill(on, invoice_number="PART", amount=20, amount_paid=5, status="paid")
    await bill(on, invoice_number="GONE", amount=999, status="void")
    browser = await on.signed_in("jane@acme.com")
    page = text_of((await browser.get("/statement?from=2026-11-16&currency=USD")).text)
    for said in (
        "Counted in the opening balance, because they have no day of issue: Invoice NO-DAY: $7.00.",
        "Nov 24, 2026 Invoice AHEAD Dated Dec 1, 2026: counted as of today.",
        "Payment of OVER Day of payment not recorded: shown on the day of the invoice. "
        "$1.50 more was paid than billed; it is not counted. $9.00",
        "Settled without payment, PART $15.00",
    ):
        assert said in page
    assert "GONE" not in page


@pytest.mark.parametrize(
    ("now", "zone", "since", "until"),
    [
        (datetime(2027, 1, 1, 4, 59, tzinfo=UTC), "America/New_York", "2026-01-01", "2026-12-31"),
        (datetime(2027, 1, 1, 5, 0, tzinfo=UTC), "America/New_York", "2027-01-01", "2027-01-01"),
        (
            datetime(2026, 12, 31, 9, 59, tzinfo=UTC),
            "Pacific/Kiritimati",
            "2026-01-01",
            "2026-12-31",
        ),
        (
            datetime(2026, 12, 31, 10, 0, tzinfo=UTC),
            "Pacific/Kiritimati",
            "2027-01-01",
            "2027-01-01",
        ),
        (datetime(2028, 2, 29, 12, 0, tzinfo=UTC), "UTC", "2028-01-01", "2028-02-29"),
        (datetime(2027, 2, 28, 23, 59, tzinfo=UTC), "UTC", "2027-01-01", "2027-02-28"),
        (datetime(2027, 3, 1, 0, 0, tzinfo=UTC), "UTC", "2027-01-01", "2027-03-01"),
        (datetime(2027, 3, 14, 4, 30, tzinfo=UTC), "America/New_York", "2027-01-01", "2027-03-13"),
    ],
)
async def test_today_is_where_the_reader_is(
    on: Stage, now: datetime, zone: str, since: str, until: str
) -> None:
    await bill(on, due_date="2026-12-31", issued_date="2026-12-01", currency="EUR", amount=1)
    await on.patch("/api/contacts/ct_abc123", timezone=zone)
    # Signing in moves the clock by the minute between two mails.
    on.clock.now = now
    on.clock.forward(minutes=-1)
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get("/statement?currency=EUR")).text
    assert (value_of(page, "from"), value_of(page, "to")) == (since, until)
    if until[:7] in ("2026-12", "2027-01"):
        # The invoice of one euro is late with the first of January, wherever that is first.
        current = dollars(accounts_of(page)["EUR"][-1].split()[0])
        assert current == (1 if until == "2026-12-31" else 0)


async def test_hostile_texts_are_shown_as_texts(on: Stage) -> None:
    for hostile in HOSTILE:
        await bill(on, invoice_number=hostile)
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get("/statement")).text
    for hostile in HOSTILE:
        assert " ".join(hostile.split()) in text_of(page)
    assert "<script>alert" not in page
    assert "<img src=x" not in page


async def test_a_viewer_gets_no_amount_and_no_page(on: Stage) -> None:
    browser = await on.signed_in("sam@acme.com")
    for path in ("/statement", "/statement?from=x", "/statement?currency=USD"):
        answer = await browser.get(path)
        assert answer.status_code == 403, path
        assert "$" not in answer.text
        assert "INV-" not in answer.text


async def test_drafts_and_what_is_anothers_are_in_none(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get("/statement?from=2000-01-01")).text
    for hidden in ("INV-2026-004", "INV-2026-S01", "INV-2026-S02", "INV-2025-003", "GLX"):
        assert hidden not in page
    assert "INV-2026-009" not in page


async def test_a_preview_shows_the_same_bytes_and_a_client_without_invoices_reads_so(
    on: Stage,
) -> None:
    client = await on.signed_in("jane@acme.com")
    await client.get("/")
    lens = await previewing(on)
    await on.activities("portal_preview_started")
    unlike = re.compile(r' *<aside class="preview".*?</aside>\n|nonce="[^"]*"', re.DOTALL)
    for path in ("/statement", "/statement?from=2026-10-01&currency=USD", "/statement?from=x"):
        theirs, seen = (await client.get(path)).text, (await lens.get(path)).text
        assert unlike.sub("", seen) == unlike.sub("", theirs), path
    for one in (await on.sandbox.get("/api/invoices", params={"limit": 5000})).json()["data"]:
        await on.patch(f"/api/invoices/{one['id']}", status="draft")
    on.clock.forward(minutes=2)
    page = (await client.get("/statement")).text
    assert "Nothing in this time" in page
    assert "/statement.pdf" not in page
