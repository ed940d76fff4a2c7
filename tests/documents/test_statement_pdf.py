"""The statement as PDF and CSV: what the page says, to the cent, and only to client admins."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Final

import httpx2 as httpx
import pytest

from portal.crm.models import Invoice
from portal.domain.invoices import balance
from tests.documents.reading import amounts_of, fonts_of, reader, tags_of, words_of
from tests.pages.billing import HOSTILE, bill, text_of
from tests.staff.stand import previewing
from tests.stage import Stage, stage

SECTION: Final = re.compile(r'<section class="card statement".*?</section>', re.DOTALL)
QUERIES: Final = (
    "",
    "?from=2026-09-01&to=2026-10-31",
    "?from=2026-11-05",
    "?currency=eur",
    "?to=2025-12-31",
    "?from=2026-11-15&to=2026-11-15&currency=USD",
)


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def rows_of(content: bytes) -> list[dict[str, str]]:
    """The rows of a CSV, as a program reads them."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


async def pdf_words(browser: httpx.AsyncClient, query: str = "") -> str:
    """The words of the statement's PDF."""
    answer = await browser.get(f"/statement.pdf{query}")
    assert answer.status_code == 200, answer.text
    return words_of(answer.content)


async def test_they_are_named_by_their_days_and_kept_by_nobody(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    pdf = await browser.get("/statement.pdf?currency=EUR")
    assert pdf.headers["content-type"] == "application/pdf"
    name = "statement-2026-01-01-2026-11-24-EUR"
    assert pdf.headers["content-disposition"] == f'inline; filename="{name}.pdf"'
    file = await browser.get("/statement.csv?from=2026-11-01")
    assert file.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert file.headers["content-disposition"] == (
        'attachment; filename="statement-2026-11-01-2026-11-24.csv"'
    )
    assert {one.headers["cache-control"] for one in (pdf, file)} == {"private, no-store"}


@pytest.mark.parametrize("query", QUERIES)
async def test_the_pdf_says_every_amount_of_the_page(on: Stage, query: str) -> None:
    await bill(on, amount=-50, invoice_number="CREDIT-1", due_date=None)
    await bill(on, amount=0.01, issued_date=None, invoice_number="UNDATED-1")
    await bill(on, amount=10, amount_paid=12.5, invoice_number="OVER-1")
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get(f"/statement{query}")).text
    sections = [text_of(found) for found in SECTION.findall(page)]
    found = await pdf_words(browser, query)
    on_page = [amount for section in sections for amount in amounts_of(section)]
    assert amounts_of(found) == on_page
    if query != "?to=2025-12-31":
        assert on_page
    for number in re.findall(
        r"\b(?:INV-\d{4}-\d{3}|CREDIT-1|OVER-1|UNDATED-1)", " ".join(sections)
    ):
        assert number in found


@pytest.mark.parametrize("query", QUERIES)
async def test_the_csv_says_every_entry_of_the_page(on: Stage, query: str) -> None:
    await bill(on, amount=-50, invoice_number="CREDIT-1", due_date=None)
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get(f"/statement{query}")).text
    shown = [
        amounts_of(text_of(row))
        for row in re.findall(r"<tr role=\"row\".*?</tr>", page, re.DOTALL)
        if "rowheader" in row
    ]
    rows = rows_of((await browser.get(f"/statement.csv{query}")).content)
    assert len(rows) == len(shown)
    for row, amounts in zip(rows, shown, strict=True):
        written = [row[name] for name in ("charged", "credited", "balance") if row[name]]
        plain = [amount.replace(",", "").replace("$", "").replace("€", "") for amount in amounts]
        # The sums of the columns stand on the page only.
        assert written == (plain[-1:] if row["entry"].endswith("balance") else plain)


async def test_the_csv_adds_up_and_closes_with_what_is_owed(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    rows = rows_of((await browser.get("/statement.csv?from=2026-09-01")).content)
    listed = rows_of((await browser.get("/invoices.csv")).content)
    for currency in ("EUR", "USD"):
        own = [row for row in rows if row["currency"] == currency]
        running = Decimal(own[0]["balance"])
        assert own[0]["entry"] == "opening balance"
        for row in own[1:-1]:
            running += Decimal(row["charged"] or 0) - Decimal(row["credited"] or 0)
            assert running == Decimal(row["balance"])
        assert (own[-1]["entry"], Decimal(own[-1]["balance"])) == ("closing balance", running)
        left = (Decimal(row["left_to_pay"]) for row in listed if row["currency"] == currency)
        assert running == sum(left)


async def test_it_closes_with_the_balances_of_the_crm(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    answer = await on.sandbox.get("/api/invoices", params={"company_id": "co_abc123"})
    listed = rows_of((await browser.get("/invoices.csv")).content)
    shown = {row["invoice_number"] for row in listed}
    bills = [
        Invoice(
            id=one["id"],
            company_id="co_abc123",
            amount=Decimal(str(one["amount"])),
            amount_paid=Decimal(str(one["amount_paid"] or 0)),
            status=one["status"],
            currency=one["currency"],
        )
        for one in answer.json()["data"]
        if one["invoice_number"] in shown
    ]
    owed = sum((balance(one) for one in bills if one.currency == "USD"), Decimal(0))
    assert f"Closing balance $188,806.10 $155,398.50 ${owed:,.2f}" in await pdf_words(browser)


async def test_the_document_is_tagged_titled_and_carries_its_fonts(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    content = (await browser.get("/statement.pdf")).content
    found = reader(content)
    assert found.metadata is not None
    assert found.metadata.title == "Statement from Jan 1, 2026 to Nov 24, 2026"
    assert {"/H1", "/H2", "/H3", "/Table", "/TH", "/TD"} <= tags_of(content)
    assert all(fonts_of(content).values())
    total = len(found.pages)
    assert total == 2
    for number, page in enumerate(found.pages, start=1):
        assert f"Page {number} of {total}" in page.extract_text()


async def test_a_long_statement_runs_over_many_pages_with_a_head_on_each(on: Stage) -> None:
    for number in range(300):
        await bill(on, invoice_number=f"BULK-{number:03}", amount=1.01, issued_date="2026-02-28")
    browser = await on.signed_in("jane@acme.com")
    content = (await browser.get("/statement.pdf?to=2026-02-28")).content
    pages = reader(content).pages
    assert len(pages) > 5
    for page in pages:
        text = page.extract_text()
        assert ("Paid or credited" in text) is ("Invoice BULK-" in text)
    assert "Closing balance $303.00 $0.00 $303.00" in words_of(content)


async def test_hostile_texts_come_out_as_texts(on: Stage) -> None:
    markup = ('#read("/etc/passwd")', "*bold* $x$ \\ `c` <a> @b", "Zażółć Ωμέγα €")
    for hostile in (*HOSTILE, *markup):
        await bill(on, invoice_number=hostile)
    browser = await on.signed_in("jane@acme.com")
    found = (await pdf_words(browser)).replace(" ", "")
    page = text_of((await browser.get("/statement")).text)
    rows = rows_of((await browser.get("/statement.csv")).content)
    numbers = [row["invoice_number"] for row in rows]
    for hostile in (*HOSTILE, *markup):
        # A column may break a word; what turns the direction of a text is left out of it.
        assert "".join(hostile.replace("\u202e", "").split()) in found
        assert " ".join(hostile.split()) in page
        risky = hostile.startswith(("=", "+", "-", "@"))
        assert (f"'{hostile}" if risky else hostile) in numbers


async def test_a_time_in_which_nothing_moved_is_no_empty_file(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    found = await pdf_words(browser, "?from=2019-01-01&to=2019-12-31")
    assert "Nothing was billed or paid in this time, and nothing is left to pay." in found
    rows = (await browser.get("/statement.csv?from=2019-01-01&to=2019-12-31")).content
    assert rows_of(rows) == []
    assert rows.startswith(b"\xef\xbb\xbfcurrency,date,entry,")


@pytest.mark.parametrize(
    "query", ["from=2026-13-01", "to=x", "from=2027-01-01", "currency=%3Cb%3E"]
)
async def test_days_that_are_none_are_explained(on: Stage, query: str) -> None:
    browser = await on.signed_in("jane@acme.com")
    for path in ("/statement.pdf", "/statement.csv"):
        answer = await browser.get(f"{path}?{query}")
        assert answer.status_code == 422
        assert answer.headers["content-type"].startswith("text/html")
        assert "That did not work" in answer.text


async def test_the_same_statement_on_the_same_day_gives_the_same_bytes_in_a_preview_too(
    on: Stage,
) -> None:
    browser = await on.signed_in("jane@acme.com")
    lens = await previewing(on)
    for path in ("/statement.pdf?from=2026-10-01", "/statement.csv"):
        first = (await browser.get(path)).content
        assert (await browser.get(path)).content == first
        assert (await lens.get(path)).content == first


async def test_a_viewer_and_a_stranger_get_none(on: Stage) -> None:
    browser = await on.signed_in("sam@acme.com")
    for path in (
        "/statement.pdf",
        "/statement.csv",
        "/statement.pdf?from=x",
        "/statement.csv?to=x",
    ):
        answer = await browser.get(path)
        assert answer.status_code == 403, path
        assert "$" not in answer.text
        assert "INV-" not in answer.text
        assert (await on.browser().get(path)).status_code in (302, 303)


async def test_nothing_of_another_client_and_no_draft_is_in_them(on: Stage) -> None:
    found = (await on.sandbox.get("/api/invoices", params={"limit": 5000})).json()["data"]
    hidden = {
        str(one["invoice_number"])
        for one in found
        if one["invoice_number"] and (one["company_id"] != "co_abc123" or one["status"] == "draft")
    }
    assert "INV-2026-004" in hidden
    browser = await on.signed_in("jane@acme.com")
    everything = await pdf_words(browser, "?from=2000-01-01")
    everything += (await browser.get("/statement.csv?from=2000-01-01")).text
    own = {row["invoice_number"] for row in rows_of((await browser.get("/invoices.csv")).content)}
    assert [number for number in hidden - own if number in everything] == []


async def test_records_that_cannot_be_read_are_no_empty_statement(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    on.wire.fault = lambda request: (
        httpx.Response(500, text="down") if request.url.path == "/api/invoices" else None
    )
    for path in ("/statement", "/statement.pdf", "/statement.csv"):
        answer = await browser.get(path)
        assert answer.status_code == 503, path
        assert "Nothing was billed" not in answer.text
