"""The list as a file: the same invoices, the same figures, and nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Final

import httpx2 as httpx
import pytest

from tests.pages.billing import HOSTILE, bill, names_of, sums_of
from tests.stage import Stage, stage

HEADER: Final = [
    *("invoice_number", "issued_date", "due_date", "status", "currency"),
    *("amount", "paid", "left_to_pay", "paid_date", "engagement"),
]


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def read(answer: httpx.Response) -> list[dict[str, str]]:
    """The rows of a file, as any reader of CSV sees them."""
    assert answer.status_code == 200, answer.text
    text = answer.content.decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert header == HEADER
    return [dict(zip(header, cells, strict=True)) for cells in rows]


def sums_in(rows: list[dict[str, str]]) -> dict[str, dict[str, Decimal]]:
    """The figures of a file, by currency, added up by its columns alone."""
    found = {
        one["currency"]: dict.fromkeys(("billed", "paid", "left", "overdue", "credit"), Decimal(0))
        for one in rows
    }
    for one in (one for one in rows if one["status"] != "Void"):
        figures, left = found[one["currency"]], Decimal(one["left_to_pay"])
        figures["billed"] += Decimal(one["amount"])
        figures["paid"] += Decimal(one["paid"])
        figures["left" if left > 0 else "credit"] += abs(left)
        if one["status"].startswith("Overdue"):
            figures["overdue"] += left
    return found


async def many(on: Stage) -> None:
    """Three pages more of every status, in amounts that floats would get wrong."""
    statuses = ("sent", "paid", "overdue", "void", "draft")
    for number in range(60):
        await bill(
            on,
            invoice_number=f"MANY-{number}",
            amount=float(f"{number * 7 % 13 - 2}.{number % 10}1"),
            amount_paid=0.07 if number % 3 == 0 else 0,
            status=statuses[number % 5],
            currency=("USD", "EUR", "CHF")[number % 3],
            due_date=(None, "2026-11-24", "2026-11-01", "2027-02-28")[number % 4],
            issued_date=("2024-02-29", "2025-12-31", None)[number % 3],
            engagement_id="eng_abc123" if number % 2 else None,
        )


FILTERS: Final = [
    "",
    *(f"status={status}" for status in ("open", "overdue", "paid", "all")),
    *(f"currency={currency}" for currency in ("USD", "eur", "CHF", "JPY")),
    *(f"year={year}" for year in (2024, 2025, 2026, 1999)),
    "engagement=eng_abc123",
    "text=many",
    "text=18%2C500",
    "status=open&currency=EUR&year=2024&engagement=eng_abc123&text=many",
    *(f"sort={sort}" for sort in ("issued", "due", "amount", "number", "status")),
    "sort=amount&order=asc&status=open",
]


async def test_the_page_and_the_file_agree_to_the_cent_for_every_filter(on: Stage) -> None:
    await many(on)
    browser = await on.signed_in("jane@acme.com")
    counts = set()
    for query in FILTERS:
        rows = read(await browser.get(f"/invoices.csv?{query}"))
        pages, listed = -(-len(rows) // 25), list[str]()
        for page in range(1, max(1, pages) + 1):
            text = (await browser.get(f"/invoices?{query}&page={page}")).text
            listed += names_of(text)
            assert sums_of(text) == sums_in(rows), query
        assert listed == [one["invoice_number"] for one in rows], query
        assert len(read(await browser.get(f"/invoices.csv?{query}&page=2"))) == len(rows)
        counts.add(len(rows))
    assert 0 in counts
    assert max(counts) == 66
    assert len(counts) > 7


async def test_the_file_is_linked_with_the_same_query(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get("/invoices?status=open&sort=due&text=a%26b&page=1")).text
    assert 'href="/invoices.csv?status=open&amp;text=a%26b&amp;sort=due"' in page


async def test_days_are_iso_amounts_plain_and_statuses_words(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    await on.patch("/api/contacts/ct_abc123", locale="de_DE")
    on.clock.forward(minutes=2)
    answer = await browser.get("/invoices.csv")
    rows = {one["invoice_number"]: one for one in read(answer)}
    assert rows["INV-2026-002"] == {
        "invoice_number": "INV-2026-002",
        "issued_date": "2026-11-15",
        "due_date": "2026-12-15",
        "status": "Partly paid",
        "currency": "USD",
        "amount": "8421.00",
        "paid": "4000.00",
        "left_to_pay": "4421.00",
        "paid_date": "",
        "engagement": "Data foundations",
    }
    assert rows["INV-2026-008"]["left_to_pay"] == "-2500.00"
    assert rows["INV-2025-031"]["paid_date"] == "2026-11-06"
    statuses = {one["status"] for one in rows.values()}
    assert statuses == {"Open", "Partly paid", "Overdue", "Credit", "Void", "Paid"}
    assert answer.headers["content-type"].startswith("text/csv; charset=utf-8")
    disposition = answer.headers["content-disposition"]
    assert disposition == 'attachment; filename="invoices-2026-11-24.csv"'


async def test_an_overdue_rest_and_a_rest_due_today_say_both(on: Stage) -> None:
    await bill(on, invoice_number="A", amount_paid=1, due_date="2026-11-23")
    await bill(on, invoice_number="B", amount_paid=1, due_date="2026-11-24")
    await bill(on, invoice_number="C", due_date="2026-11-24")
    browser = await on.signed_in("jane@acme.com")
    rows = {
        one["invoice_number"]: one["status"] for one in read(await browser.get("/invoices.csv"))
    }
    assert rows["A"] == "Overdue, partly paid"
    assert rows["B"] == "Due today, partly paid"
    assert rows["C"] == "Due today"


async def test_drafts_and_what_is_anothers_are_in_no_file(on: Stage) -> None:
    jane, hank = await on.signed_in("jane@acme.com"), await on.signed_in("hank@globex.com")
    own = {one["invoice_number"] for one in read(await jane.get("/invoices.csv"))}
    theirs = {one["invoice_number"] for one in read(await hank.get("/invoices.csv"))}
    assert own
    assert theirs
    assert not own & theirs
    for hidden in ("INV-2026-004", "INV-2026-S01", "INV-2026-S02", "INV-2025-003"):
        assert hidden not in own
    assert "double run" not in (await jane.get("/invoices.csv?text=2026-009")).text


@pytest.mark.parametrize(
    "text", [*HOSTILE, "=1+1", "+1", "-1+1", "@A1", "\t=1", "\r=1", " =1", "\uff1d1", 'a"b;c,d\ne']
)
async def test_no_text_runs_as_a_formula_or_breaks_the_table(on: Stage, text: str) -> None:
    await on.patch("/api/engagements/eng_abc123", name=text)
    await bill(on, invoice_number=text, engagement_id="eng_abc123", issued_date="2026-11-24")
    browser = await on.signed_in("jane@acme.com")
    first, *others = read(await browser.get("/invoices.csv"))
    assert first["invoice_number"].removeprefix("'").strip() == text.strip()
    assert len(others) == 18
    for one in (first, *others):
        for name in ("invoice_number", "engagement", "status", "currency"):
            assert not one[name].lstrip().startswith(("=", "+", "-", "@", "\uff1d")), one
    assert {one["amount"][:1] for one in others} >= {"-", "1"}


async def test_letters_of_every_script_come_through(on: Stage) -> None:
    name = "Łódź, 東京, \u05e2\u05d1\u05e8\u05d9\u05ea, 🙂"
    await bill(on, invoice_number=name, issued_date="2026-11-24")
    browser = await on.signed_in("jane@acme.com")
    answer = await browser.get("/invoices.csv", params={"text": "東京"})
    assert [one["invoice_number"] for one in read(answer)] == [name]
    assert answer.content.startswith(b"\xef\xbb\xbf")


async def test_an_empty_list_is_a_file_with_a_header(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    assert read(await browser.get("/invoices.csv?text=nothing-like-it")) == []


async def test_a_viewer_and_a_stranger_get_no_file(on: Stage) -> None:
    viewer = await on.signed_in("sam@acme.com")
    answer = await viewer.get("/invoices.csv?status=open")
    assert answer.status_code == 403
    assert "invoice_number" not in answer.text
    stranger = await on.browser().get("/invoices.csv")
    assert "invoice_number" not in stranger.text
    assert stranger.status_code in (302, 303, 401)
