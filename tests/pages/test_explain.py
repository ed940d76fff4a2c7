"""Explain this number: the records behind each figure, and one truth in page, file and API."""

from __future__ import annotations

import csv
import html
import io
import random
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import httpx2 as httpx
import pytest

from tests.documents.reading import words_of
from tests.pages.billing import bill, dollars, text_of
from tests.staff.stand import previewing
from tests.stage import Stage, stage

TODAY: Final = date(2026, 11, 24)
ACCOUNT: Final = re.compile(r'<section class="card explained".*?</section>', re.DOTALL)
ROW: Final = re.compile(r'<tr role="row" class="table__row--link">.*?</tr>', re.DOTALL)
CELL: Final = re.compile(r"<td[^>]*>(.*?)</td>", re.DOTALL)
Sums = dict[str, Decimal]


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def explained(browser: httpx.AsyncClient, path: str) -> Sums:
    """The figure of each currency on a page that explains it, whose rows add up to it."""
    page = await browser.get(path)
    assert page.status_code == 200, path
    found = {}
    for account in ACCOUNT.findall(page.text):
        currency = re.search(r'<h2[^>]*id="of-([A-Z]{3})"', account)
        total = re.search(r"<strong>(.*?)</strong>", account, re.DOTALL)
        assert currency
        assert total
        found[currency[1]] = dollars(text_of(total[1]))
        parts = [dollars(text_of(CELL.findall(row)[-1])) for row in ROW.findall(account)]
        assert sum(parts) == found[currency[1]], path
        foot = account.partition("<tfoot")[2]
        assert dollars(text_of(CELL.findall(foot)[-1])) == found[currency[1]]
    return found


def random_bill(draw: random.Random) -> dict[str, Any]:
    """An invoice such as a CRM may hold; half of them with a payment, some with odd figures."""
    issued = TODAY - timedelta(days=draw.randrange(0, 500))
    amount = Decimal(draw.randrange(-300_00, 9_000_00)) / 100
    status = draw.choice(["sent", "sent", "paid", "overdue", "void", "draft"])
    paid = amount if status == "paid" else max(amount, Decimal(0)) * draw.choice([0, 0, 1]) / 4
    return {
        "amount": float(amount),
        "amount_paid": float(round(paid, 2)),
        "status": status,
        "currency": draw.choice(["USD", "USD", "EUR", "GBP"]),
        "issued_date": issued.isoformat(),
        "due_date": (issued + timedelta(days=draw.choice([0, 14, 30, 60]))).isoformat(),
        "paid_date": (issued + timedelta(days=9)).isoformat() if paid else None,
        "invoice_number": f"R-{draw.randrange(10**6)}",
    }


async def of_home(browser: httpx.AsyncClient) -> dict[str, Sums]:
    """What the home page says is owed, overdue, invoiced and paid, by currency."""
    page = (await browser.get("/")).text
    found: dict[str, Sums] = defaultdict(dict)
    for status, figure in (("open", "owed"), ("overdue", "overdue")):
        links = re.findall(
            rf'<a class="stat__link[^"]*" href="/invoices\?status={status}&amp;currency=(\w+)">'
            r"(.*?)</a>",
            page,
            re.DOTALL,
        )
        found[figure] = {currency: dollars(text_of(words)) for currency, words in links}
    for figure in ("invoiced", "paid"):
        whole = re.findall(
            rf'<dd><a class="chart__sum" href="/explain/{figure}\?currency=(\w+)">(.*?)</a>',
            page,
            re.DOTALL,
        )
        found[figure] = {currency: dollars(text_of(words)) for currency, words in whole}
    return found


async def of_csv(browser: httpx.AsyncClient, status: str) -> Sums:
    """What is left to pay of the invoices in the file."""
    answer = await browser.get(f"/invoices.csv?status={status}")
    sums: Sums = defaultdict(Decimal)
    for row in csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))):
        # A credit is open, too, and is taken off nothing.
        sums[row["currency"]] += max(Decimal(row["left_to_pay"]), Decimal(0))
    return {currency: left for currency, left in sums.items() if left}


async def of_api(browser: httpx.AsyncClient) -> Sums:
    """What the API's invoices leave to pay."""
    answer = await browser.get("/api/invoices?limit=500")
    sums: Sums = defaultdict(Decimal)
    for one in answer.json()["data"]:
        left = Decimal(str(one["amount"])) - Decimal(str(one["amount_paid"] or 0))
        if one["status"] not in ("paid", "void", "draft") and left > 0:
            sums[one["currency"].upper()] += left
    return dict(sums)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_page_csv_pdf_api_and_explanation_are_equal_to_the_cent(on: Stage, seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(25):
        await bill(on, **random_bill(draw))
    jane = await on.signed_in("jane@acme.com")
    home = await of_home(jane)
    assert set(home["owed"]) >= {"USD", "EUR"}
    for figure, shown in home.items():
        whole = await explained(jane, f"/explain/{figure}")
        assert {currency: whole.get(currency, 0) for currency in shown} == shown, figure
        for currency, amount in shown.items():
            alone = await explained(jane, f"/explain/{figure}?currency={currency}")
            assert alone.get(currency, 0) == amount
    owed = await explained(jane, "/explain/owed")
    assert await of_csv(jane, "open") == owed
    assert await of_csv(jane, "overdue") == await explained(jane, "/explain/overdue")
    assert await of_api(jane) == owed
    credit = await explained(jane, "/explain/credit")
    for currency in owed:
        document = await jane.get(f"/statement.pdf?currency={currency}&to={TODAY.isoformat()}")
        closing = owed[currency] - credit.get(currency, 0)
        assert f"{abs(closing):,.2f}" in words_of(document.content), currency


async def test_every_month_of_the_chart_leads_to_the_records_that_make_it(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    page = (await jane.get("/")).text
    links = re.findall(
        r'<td><a class="chart__sum" href="(/explain/[^"]*month=[^"]*)">(.*?)</a>', page, re.DOTALL
    )
    assert len(links) > 12
    for link, words in links:
        found = await explained(jane, html.unescape(link))
        assert list(found.values()) == [dollars(text_of(words))], link


async def test_progress_is_explained_by_its_days_and_what_led_to_the_stage(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    page = text_of((await jane.get("/engagements/eng_abc123")).text)
    told = text_of((await jane.get("/explain/progress?engagement=eng_abc123")).text)
    percent = re.search(r"(\d+)% of the time", page)
    counted = re.search(r"(\d+) of (\d+) days, (\d+)%", told)
    assert percent
    assert counted
    passed, whole, shown = map(int, counted.groups())
    assert shown == int(percent[1]) == passed * 100 // whole
    assert "Stage 4 of 7: Build" in told
    assert "Build: pilot in accounts payable" in told or "Build pilot" in told


async def test_what_is_under_way_is_listed_apart_from_what_is_not(on: Stage) -> None:
    sam = await on.signed_in("sam@acme.com")
    home = (await sam.get("/")).text
    count = re.search(r'<a class="stat__link" href="/engagements">(\d+)</a>', home)
    page = (await sam.get("/explain/under-way")).text
    counted, _, others = page.partition('id="others"')
    assert count
    assert len(re.findall(r'<a class="row__link"', counted)) == int(count[1])
    assert 'class="row__link"' in others


async def test_the_updates_of_thirty_days_are_the_ones_that_are_counted(on: Stage) -> None:
    sam = await on.signed_in("sam@acme.com")
    home = (await sam.get("/")).text
    count = re.search(r'<a class="stat__link" href="/explain/updates">(\d+)</a>', home)
    page = (await sam.get("/explain/updates")).text
    assert count
    assert page.count('<li class="timeline__entry">') == int(count[1])


async def test_a_viewer_gets_no_figure_of_money_explained(on: Stage) -> None:
    sam = await on.signed_in("sam@acme.com")
    for figure in ("owed", "overdue", "credit", "invoiced", "paid"):
        answer = await sam.get(f"/explain/{figure}")
        assert answer.status_code == 403, figure
        assert "$" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/explain/margin",
        "/explain/OWED",
        "/explain/owed?month=2026-05",
        "/explain/paid?month=2026-5",
        "/explain/paid?month=never",
        "/explain/progress",
        "/explain/progress?engagement=eng_globex1",
        "/explain/progress?engagement=../companies",
    ],
)
async def test_what_there_is_not_is_not_found(on: Stage, path: str) -> None:
    jane = await on.signed_in("jane@acme.com")
    assert (await jane.get(path)).status_code == 404


async def test_nothing_to_explain_says_so(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    page = (await jane.get("/explain/owed?currency=JPY")).text
    assert "Nothing counts here" in page
    assert "<table" not in page


async def test_another_clients_invoices_are_in_no_figure(on: Stage) -> None:
    hank = await on.signed_in("hank@globex.com")
    page = (await hank.get("/explain/owed")).text
    assert "INV-2026-0" not in page
    assert (await hank.get("/explain/progress?engagement=eng_abc123")).status_code == 404


async def test_a_preview_is_told_the_same(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    lens = await previewing(on)
    assert await explained(lens, "/explain/owed") == await explained(jane, "/explain/owed")


def test_the_random_ledgers_hold_every_kind_of_standing() -> None:
    draw = random.Random(1)
    made = [random_bill(draw) for _ in range(75)]
    assert {one["status"] for one in made} == {"sent", "paid", "overdue", "void", "draft"}
    assert any(one["amount"] < 0 for one in made)
