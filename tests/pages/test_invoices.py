"""The invoice pages: the list that the address asks for, and each invoice as it stands today."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

import httpx2 as httpx
import pytest
from markupsafe import escape

from tests.pages.billing import HOSTILE, bill, names_of, rows_of, sums_of, text_of
from tests.staff.stand import previewing
from tests.stage import Stage, stage

OVERDUE: Final = ["INV-2026-006", "INV-2026-005", "INV-2026-007"]


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def link(page: str, words: str) -> str:
    """The address behind a link with these words."""
    for href, inner in re.findall(r'<a\b[^>]*href="([^"]*)"[^>]*>(.*?)</a>', page, re.DOTALL):
        if text_of(inner).rstrip(" ↑↓\u00d7") == words:
            return html.unescape(href)
    raise AssertionError(f"no link {words!r}")


async def test_the_list_shows_everything_but_drafts_and_what_is_anothers(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get("/invoices")).text
    assert len(rows_of(page)) == 18
    assert names_of(page)[:2] == ["INV-2026-003", "INV-2026-002"]
    for hidden in ("INV-2026-004", "INV-2026-S01", "INV-2026-S02", "INV-2025-003"):
        assert hidden not in page
    assert 'href="/statement"' in page
    for query in ("status=draft", "text=INV-2026-004", "text=Training", "sort=status"):
        assert "INV-2026-004</a>" not in (await browser.get(f"/invoices?{query}")).text


async def test_each_filter_narrows_and_can_be_taken_away_alone(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get("/invoices?status=overdue&currency=usd")).text
    assert names_of(page) == OVERDUE[:2]
    assert "2 invoices fit" in page
    assert '<option value="overdue" selected>' in page
    assert '<option value="USD" selected>' in page
    without_currency = link(page, "Remove filter: In USD")
    assert without_currency == "/invoices?status=overdue"
    assert names_of((await browser.get(without_currency)).text) == OVERDUE
    assert link(page, "Remove filter: Status: Overdue") == "/invoices?currency=USD"
    assert link(page, "Show all invoices") == "/invoices"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("text=instalment&status=open", ["INV-2026-005"]),
        ("text=data+foundations+architect", ["INV-2026-002", "INV-2025-029"]),
        ("text=%2419%2C192.50", ["INV-2026-001"]),
        ("text=4421", ["INV-2026-002"]),
        ("text=inv-2025-0&year=2026&sort=number", None),
        ("engagement=eng_abc123&currency=EUR", ["INV-2026-003"]),
        ("sort=amount&currency=EUR&order=asc", ["INV-2026-007", "INV-2026-003"]),
        ("sort=due&status=overdue", ["INV-2026-007", "INV-2026-005", "INV-2026-006"]),
        ("sort=status&status=overdue", ["INV-2026-007", "INV-2026-005", "INV-2026-006"]),
    ],
)
async def test_what_is_asked_for_is_what_is_listed(
    on: Stage, query: str, names: list[str] | None
) -> None:
    browser = await on.signed_in("jane@acme.com")
    found = names_of((await browser.get(f"/invoices?{query}")).text)
    if names is None:
        names = sorted(name for name in found if name.startswith("INV-2025-0"))
        assert len(names) > 5
    assert found == names


async def test_heads_sort_say_how_and_turn_around(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get("/invoices?status=open")).text
    assert re.findall(r'aria-sort="(\w+)"><a class="sort" [^>]*>(\w+)', page) == [
        ("descending", "Issued")
    ]
    by_due = link(page, "Due")
    assert by_due == "/invoices?status=open&sort=due"
    page = (await browser.get(by_due)).text
    assert re.findall(r'aria-sort="(\w+)"><a class="sort" [^>]*>(\w+)', page) == [
        ("ascending", "Due")
    ]
    around = (await browser.get(link(page, "Due"))).text
    dated = [name for name in names_of(page) if name != "INV-2026-008"]
    assert names_of(around) == [*reversed(dated), "INV-2026-008"]


async def test_a_filter_that_finds_nothing_says_which_and_clears_it(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get("/invoices?status=paid&year=2019&engagement=eng_nobodys")).text
    for words in (
        "No invoice fits",
        "These filters together found nothing:",
        "Status: Paid",
        "Issued in 2019",
        "Engagement: Not one of yours",
    ):
        assert words in text_of(page)
    assert sums_of(page) == {}
    assert link(page, "Clear these filters") == "/invoices"
    alone = (await browser.get("/invoices?text=zzz&sort=due")).text
    assert "This filter found nothing: “zzz”" in text_of(alone)
    assert link(alone, "Clear this filter") == "/invoices?sort=due"


async def test_a_client_without_invoices_reads_so_and_gets_no_filter(on: Stage) -> None:
    for one in (await on.sandbox.get("/api/invoices", params={"limit": 5000})).json()["data"]:
        await on.patch(f"/api/invoices/{one['id']}", status="draft")
    browser = await on.signed_in("jane@acme.com")
    for query in ("", "?status=paid"):
        page = (await browser.get(f"/invoices{query}")).text
        assert "No invoices yet" in page
        assert 'name="status"' not in page


@pytest.mark.parametrize(
    "query",
    [
        "status=%00&sort=%F0&page=-9",
        "page=99999999999999999999",
        "year=%D9%A2&currency=%E2%82%AC&order=up",
        "status=open&status=paid&text=%ED%A0%80",
        "text=" + "%CC%81" * 500,
        "engagement=../../x&text=%27%22%3E%3Csvg+onload%3Dalert(1)%3E",
    ],
)
async def test_no_query_fails(on: Stage, query: str) -> None:
    browser = await on.signed_in("jane@acme.com")
    for path in ("/invoices", "/invoices.csv"):
        answer = await browser.get(f"{path}?{query}")
        assert answer.status_code == 200
        assert "<svg onload" not in answer.text


async def test_five_hundred_invoices_go_by_pages_and_sum_up_whole(on: Stage) -> None:
    for number in range(500):
        await bill(on, invoice_number=f"BULK-{number}", amount=1.01, issued_date="2024-02-29")
    browser = await on.signed_in("jane@acme.com")
    path, seen = "/invoices?year=2024&sort=number", list[str]()
    for at in range(1, 21):
        page = (await browser.get(path)).text
        assert f"Page {at} of 20" in page
        assert str(sums_of(page)["USD"]["billed"]) == "505.00"
        seen += names_of(page)
        if at < 20:
            path = link(page, "Next")
    assert 'rel="next"' not in page
    assert seen == [f"BULK-{number}" for number in range(500)]
    assert names_of((await browser.get("/invoices?year=2024&sort=number&page=9999")).text)
    assert link(page, "Previous") == "/invoices?year=2024&sort=number&page=19"


def at(year: int, month: int, day: int, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "zone", "due", "words"),
    [
        # Month ends and the leap day.
        (at(2027, 1, 31), "UTC", "2027-02-01", "Due in 1 day"),
        (at(2027, 2, 28), "UTC", "2027-03-01", "Due in 1 day"),
        (at(2028, 2, 28), "UTC", "2028-03-01", "Due in 2 days"),
        (at(2028, 2, 29), "UTC", "2028-02-29", "Due today"),
        (at(2028, 3, 1), "UTC", "2028-02-29", "Overdue by 1 day"),
        (at(2027, 3, 1), "UTC", "2027-02-28", "Overdue by 1 day"),
        (at(2027, 1, 1, 0, 0), "UTC", "2026-12-31", "Overdue by 1 day"),
        (at(2026, 12, 31, 23, 59), "UTC", "2026-12-31", "Due today"),
        # The day is the one where the reader is, whichever way it differs.
        (at(2026, 12, 1, 4, 59), "America/New_York", "2026-11-30", "Due today"),
        (at(2026, 12, 1, 5, 0), "America/New_York", "2026-11-30", "Overdue by 1 day"),
        (at(2026, 11, 30, 9, 59), "Pacific/Kiritimati", "2026-11-30", "Due today"),
        (at(2026, 11, 30, 10, 0), "Pacific/Kiritimati", "2026-11-30", "Overdue by 1 day"),
        (at(2026, 12, 1, 10, 59), "Pacific/Pago_Pago", "2026-11-30", "Due today"),
        (at(2026, 12, 1, 11, 0), "Pacific/Pago_Pago", "2026-11-30", "Overdue by 1 day"),
        # The nights on which clocks are changed.
        (at(2027, 3, 14, 3, 59), "America/New_York", "2027-03-13", "Due today"),
        (at(2027, 3, 14, 4, 0), "America/New_York", "2027-03-13", "Due today"),
        (at(2027, 3, 14, 5, 0), "America/New_York", "2027-03-13", "Overdue by 1 day"),
        (at(2027, 3, 15, 4, 0), "America/New_York", "2027-03-14", "Overdue by 1 day"),
    ],
)
async def test_overdue_begins_with_the_day_after_where_the_reader_is(
    on: Stage, now: datetime, zone: str, due: str, words: str
) -> None:
    made = await bill(on, invoice_number="EDGE-1", due_date=due, issued_date=None)
    await on.patch("/api/contacts/ct_abc123", timezone=zone)
    # Signing in moves the clock by the minute between two mails.
    on.clock.now = now
    on.clock.forward(minutes=-1)
    browser = await on.signed_in("jane@acme.com")
    assert on.clock.now == now
    listed = (await browser.get("/invoices?text=EDGE-1")).text
    assert f" {words} " in rows_of(listed)[0]
    assert words in text_of((await browser.get(f"/invoices/{made}")).text)
    late = "Overdue" in words
    assert bool(names_of((await browser.get("/invoices?text=EDGE-1&status=overdue")).text)) is late


@pytest.mark.parametrize(
    ("fields", "said", "unsaid"),
    [
        ({"due_date": "2026-11-29"}, ["Due in 5 days", "Left to pay $100.00"], ["Overdue", "Paid"]),
        ({"due_date": "2026-11-24"}, ["Due today"], ["Overdue", "Paid"]),
        ({"due_date": "2026-11-12"}, ["Overdue by 12 days"], ["Paid"]),
        # The CRM's word for it goes stale in both directions; dates and amounts do not.
        ({"due_date": "2026-11-29", "status": "overdue"}, ["Due in 5 days"], ["Overdue"]),
        ({"due_date": None}, ["Open"], ["Overdue", "Paid", "Due in"]),
        (
            {"due_date": "2026-11-29", "amount_paid": 40},
            ["Partly paid", "The rest is due in 5 days", "Paid -$40.00", "Left to pay $60.00"],
            ["Overdue", "Thank you"],
        ),
        (
            {"due_date": "2026-11-24", "amount_paid": 40},
            ["Due today", "Partly paid", "Left to pay $60.00"],
            ["Overdue"],
        ),
        (
            {"due_date": "2026-11-12", "amount_paid": 40},
            ["Overdue by 12 days", "Partly paid", "Left to pay $60.00"],
            ["Thank you"],
        ),
        (
            {"status": "paid", "paid_date": "2026-11-22"},
            ["Paid on Nov 22, 2026", "Paid -$100.00", "Left to pay $0.00", "Thank you."],
            ["Overdue", "Due in", "How to pay", "Pay online"],
        ),
        ({"amount_paid": 100, "due_date": "2026-01-01"}, ["Left to pay $0.00"], ["Overdue"]),
        (
            {"status": "void", "due_date": "2026-01-01"},
            ["Void", "This invoice was cancelled. There is nothing to pay.", "Left to pay $0.00"],
            ["Overdue", "How to pay", "Pay online"],
        ),
        (
            {"amount": -100, "due_date": "2026-01-01"},
            ["Credit", "Credit in your favour $100.00", "There is nothing to pay"],
            ["Overdue", "How to pay", "Pay online", "Left to pay"],
        ),
        (
            {"amount": -100, "amount_paid": -100, "status": "paid"},
            ["Credit", "This credit has been used or paid out."],
            ["Overdue", "Pay online"],
        ),
    ],
)
async def test_the_status_says_in_words_what_is_to_be_done(
    on: Stage, fields: dict[str, object], said: list[str], unsaid: list[str]
) -> None:
    made = await bill(
        on,
        payment_url="https://pay.example/1",
        payment_instructions="By wire.",
        **fields,
    )
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get(f"/invoices/{made}")).text
    shown = text_of(page.partition("<main")[2])
    assert [words for words in said if words not in shown] == []
    assert [words for words in unsaid if words in shown] == []
    assert f'href="/invoices/{made}.pdf"' in page


async def test_an_invoice_shows_its_lines_and_adds_up(on: Stage) -> None:
    made = await bill(
        on,
        amount=119,
        amount_paid=19,
        payment_url="https://pay.example/x",
        payment_instructions="IBAN <DE02>",
        line_items=[{"description": "Work", "quantity": 2.5, "unit_price": 40, "amount": 100}],
    )
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get(f"/invoices/{made}")).text
    shown = text_of(page)
    for words in (
        "Work 2.5 $40.00 $100.00",
        "Subtotal $100.00 Taxes and adjustments $19.00 Total $119.00 Paid -$19.00",
        "Left to pay $100.00",
        "IBAN <DE02>",
    ):
        assert words in shown
    assert 'href="https://pay.example/x"' in page
    plain = (await browser.get(f"/invoices/{await bill(on)}")).text
    for words in ("Subtotal", "Taxes", "Pay online", "How to pay", "Lines of the invoice"):
        assert words not in plain


async def test_hostile_texts_are_shown_as_texts(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    for hostile in HOSTILE:
        made = await bill(
            on,
            invoice_number=hostile,
            payment_instructions=hostile,
            line_items=[{"description": hostile, "amount": 100}],
        )
        pages = [
            (await browser.get("/invoices")).text,
            (await browser.get("/invoices", params={"text": hostile})).text,
            (await browser.get(f"/invoices/{made}")).text,
        ]
        for page in pages:
            assert str(escape(hostile)) in page
            assert "<script>alert" not in page
            assert "<img src=x" not in page
            assert "{% raw %}" not in page or "{{ 7 * 7 }}" in page


async def test_money_is_never_added_across_currencies(on: Stage) -> None:
    await bill(on, amount=1, currency="JPY")
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get("/invoices")).text
    assert set(sums_of(page)) == {"EUR", "JPY", "USD"}
    only = (await browser.get("/invoices?currency=EUR")).text
    assert list(sums_of(only)) == ["EUR"]
    assert sums_of(only)["EUR"] == sums_of(page)["EUR"]


async def test_a_viewer_gets_no_amount_and_no_page(on: Stage) -> None:
    browser = await on.signed_in("sam@acme.com")
    for path in (
        "/invoices",
        "/invoices?status=overdue&text=18500",
        "/invoices.csv",
        "/invoices/inv_2026001",
        "/invoices/inv_2026001?sent=1",
        "/invoices/inv_globex01",
    ):
        answer = await browser.get(path)
        assert answer.status_code == 403, path
        assert "$" not in answer.text
        assert "INV-" not in answer.text


async def test_another_clients_invoice_is_not_found(on: Stage) -> None:
    found = (await on.sandbox.get("/api/invoices", params={"limit": 5000})).json()["data"]
    foreign = [one["id"] for one in found if one["company_id"] != "co_abc123"]
    assert foreign
    browser = await on.signed_in("jane@acme.com")
    for invoice_id in (*foreign, "inv_2026004", "inv_acmesig01", "inv_none"):
        assert (await browser.get(f"/invoices/{invoice_id}")).status_code == 404


async def test_a_preview_shows_the_same_bytes(on: Stage) -> None:
    client = await on.signed_in("jane@acme.com")
    await client.get("/")
    await client.post("/invoices/inv_2026001/question", data={"key": "first", "text": "Why?"})
    lens = await previewing(on)
    await on.activities("portal_preview_started")
    unlike = re.compile(r' *<aside class="preview".*?</aside>\n|nonce="[^"]*"', re.DOTALL)
    for path in (
        "/invoices?status=open&sort=amount&text=days",
        "/invoices.csv?currency=EUR",
        "/invoices/inv_2026001",
        "/invoices/inv_2026001?sent=1",
    ):
        theirs, seen = (await client.get(path)).text, (await lens.get(path)).text
        assert unlike.sub("", seen) == unlike.sub("", theirs), path


async def test_records_that_cannot_be_read_are_not_an_empty_list(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    on.wire.fault = lambda request: (
        httpx.Response(500, text="down") if request.url.path == "/api/invoices" else None
    )
    for path in ("/invoices", "/invoices?status=open", "/invoices.csv", "/invoices/inv_2026001"):
        answer = await browser.get(path)
        assert answer.status_code == 503, path
        for words in ("No invoice", "left_to_pay", "INV-"):
            assert words not in answer.text
