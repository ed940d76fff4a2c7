"""The invoice as a PDF: what its page says, to the cent, and only to those who may read it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest

from portal.crm.models import Invoice
from portal.documents.check_code import CheckCodes, qr_svg
from portal.domain.invoice_check import Code
from portal.domain.invoice_rows import row
from tests.documents.reading import amounts_of, figures_of, reader, tags_of, words_of
from tests.pages.billing import HOSTILE, bill, text_of
from tests.staff.stand import previewing
from tests.stage import Stage, settings_for, stage

PAGE_ONLY: Final = re.compile(r'<section class="card question".*?</section>', re.DOTALL)


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def words(browser: httpx.AsyncClient, invoice_id: str) -> str:
    """The words of an invoice's PDF."""
    answer = await browser.get(f"/invoices/{invoice_id}.pdf")
    assert answer.status_code == 200, answer.text
    return words_of(answer.content)


async def test_it_is_shown_inline_under_its_number_and_kept_by_nobody(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    answer = await browser.get("/invoices/inv_2026001.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'inline; filename="INV-2026-001.pdf"'
    assert answer.headers["cache-control"] == "private, no-store"
    metadata = reader(answer.content).metadata
    assert metadata is not None
    assert metadata.title == "Invoice INV-2026-001"
    assert (await browser.head("/invoices/inv_2026001.pdf")).status_code == 200
    assert (await browser.get("/invoices/inv_2026001")).headers["content-type"] == (
        "text/html; charset=utf-8"
    )


async def test_every_invoice_says_the_amounts_of_its_page(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    listed = (await browser.get("/invoices")).text
    ids = set(re.findall(r'href="/invoices/(inv_\w+)"', listed))
    assert len(ids) == 18
    for invoice_id in ids:
        page = (await browser.get(f"/invoices/{invoice_id}")).text
        paper = page[page.index('<article class="card columns__main paper"') :].partition("</art")[
            0
        ]
        on_page = amounts_of(text_of(paper))
        assert on_page
        found = await words(browser, invoice_id)
        assert amounts_of(found) == on_page, invoice_id
        for said in re.findall(r"<dd>(.*?)</dd>", paper.partition("<table")[0], re.DOTALL):
            assert text_of(said) in found


@pytest.mark.parametrize(
    "fields",
    [
        {"due_date": "2026-11-29"},
        {"due_date": "2026-11-24"},
        {"due_date": "2026-11-23"},
        {"due_date": None},
        {"due_date": "2026-11-29", "amount_paid": 40},
        {"due_date": "2026-11-24", "amount_paid": 40},
        {"due_date": "2026-11-12", "amount_paid": 40},
        {"due_date": None, "amount_paid": 40},
        {"amount_paid": 130},
        {"status": "paid", "paid_date": "2026-11-22"},
        {"status": "paid"},
        {"status": "void"},
        {"amount": -100},
        {"amount": -100, "status": "paid"},
    ],
)
async def test_its_status_and_what_is_to_pay_are_those_of_the_page(
    on: Stage, fields: dict[str, Any]
) -> None:
    made = await bill(
        on,
        payment_url="https://pay.example/1",
        payment_instructions="By wire,\nplease.",
        **fields,
    )
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get(f"/invoices/{made}")).text
    head = page.partition('<div class="page-head__row">')[2].partition("</header>")[0]
    status = text_of(head.partition("</h1>")[2].partition("</div>")[0])
    note = re.search(r'<p class="page-head__lead">(.*?)</p>', head)
    found = await words(browser, made)
    assert f"{status}. {text_of(note[1])} ·" in found if note else f"{status} ·" in found
    assert "as of Nov 24, 2026" in found
    shown = text_of(PAGE_ONLY.sub("", page))
    for said in (
        "By wire, please.",
        "Pay online",
        "This invoice was cancelled. There is nothing to pay.",
        "There is nothing to pay: this can be set against other invoices.",
        "This credit has been used or paid out.",
        "Thank you.",
        "Credit in your favour",
        "Left to pay",
    ):
        assert (said in found) is (said in shown), said
    assert ("Pay online: https://pay.example/1" in found) is ("Pay online" in shown)


async def test_lines_and_what_is_beyond_them_add_up(on: Stage) -> None:
    made = await bill(
        on,
        amount=119,
        amount_paid=19,
        line_items=[{"description": "Work", "quantity": 2.5, "unit_price": 40, "amount": 100}],
    )
    browser = await on.signed_in("jane@acme.com")
    found = await words(browser, made)
    assert "Description Quantity Unit price Amount Work 2.5 $40.00 $100.00" in found
    assert "Subtotal $100.00 Taxes and adjustments $19.00 Total $119.00 Paid -$19.00" in found
    assert "Left to pay $100.00" in found
    plain = await words(browser, await bill(on))
    for unsaid in ("Subtotal", "Description", "Taxes", "How to pay"):
        assert unsaid not in plain


async def test_hostile_texts_come_out_as_texts(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    markup = ('#read("/etc/passwd")', "*bold* $x$ \\ `c` <a> @b", "#panic(1) ]) }")
    for hostile in (*HOSTILE, *markup):
        made = await bill(
            on,
            invoice_number=hostile,
            payment_instructions=hostile,
            line_items=[{"description": hostile, "amount": 100}],
        )
        answer = await browser.get(f"/invoices/{made}.pdf")
        # What turns the direction of a text is left out of it.
        expected = " ".join(hostile.replace("\u202e", "").split())
        assert words_of(answer.content).count(expected) == 3
        header = answer.headers["content-disposition"]
        assert re.fullmatch(
            r'inline; filename="[\w.-]+\.pdf"(; filename\*=UTF-8\'\'[\w.%-]+)?', header
        )


async def test_only_safe_addresses_are_linked(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    made = await bill(on, payment_url="http://pay.example/")
    content = (await browser.get(f"/invoices/{made}.pdf")).content
    assert "pay.example" not in words_of(content)
    assert "/Annots" not in reader(content).pages[0]
    made = await bill(on, payment_url="https://pay.example/ż?a=1&b=%20x")
    page = reader((await browser.get(f"/invoices/{made}.pdf")).content).pages[0]
    links: list[Any] = [one.get_object() for one in page["/Annots"]]  # type: ignore[attr-defined]
    assert {one["/A"]["/URI"] for one in links} == {"https://pay.example/%C5%BC?a=1&b=%20x"}


async def test_polish_and_greek_readers_get_their_own_formats(on: Stage) -> None:
    made = await bill(on, invoice_number="Фактура €", currency="PLN", amount=1234.5)
    for locale, amount, due in (
        ("pl_PL", "1 234,50 zł", "20 gru 2026"),
        ("el_GR", "1.234,50 PLN", "20 Δεκ 2026"),
        ("uk_UA", "1 234,50 PLN", "20 груд. 2026"),
        # Our font has no letters for these: American English is read by more than boxes.
        ("zh_CN", "PLN 1,234.50", "Dec 20, 2026"),
        ("fa_IR", "PLN 1,234.50", "Dec 20, 2026"),
    ):
        await on.patch("/api/contacts/ct_abc123", locale=locale)
        browser = await on.signed_in("jane@acme.com")
        found = (await words(browser, made)).replace("\u00a0", " ").replace("PLN1", "PLN 1")
        assert amount in found, locale
        assert due in found, locale
        assert "Фактура €" in found


async def test_its_day_is_that_of_the_reader(on: Stage) -> None:
    made = await bill(on, due_date="2026-11-30")
    for zone, said in (
        ("Pacific/Kiritimati", "Overdue by 1 day"),
        ("America/New_York", "Due today"),
    ):
        await on.patch("/api/contacts/ct_abc123", timezone=zone)
        on.clock.now = on.clock.now.replace(month=11, day=30, hour=12)
        browser = await on.signed_in("jane@acme.com")
        assert f"{said} · as of " in await words(browser, made)


async def test_the_same_invoice_on_the_same_day_gives_the_same_bytes_in_a_preview_too(
    on: Stage,
) -> None:
    browser = await on.signed_in("jane@acme.com")
    first = (await browser.get("/invoices/inv_2026002.pdf")).content
    on.clock.forward(hours=1)
    assert (await browser.get("/invoices/inv_2026002.pdf")).content == first
    lens = await previewing(on)
    assert (await lens.get("/invoices/inv_2026002.pdf")).content == first
    on.clock.forward(days=1)
    assert (await browser.get("/invoices/inv_2026002.pdf")).content != first


async def test_what_is_not_the_viewers_is_not_found(on: Stage) -> None:
    found = (await on.sandbox.get("/api/invoices", params={"limit": 5000})).json()["data"]
    foreign = [one["id"] for one in found if one["company_id"] != "co_abc123"]
    drafts = [one["id"] for one in found if one["status"] == "draft"]
    assert foreign
    assert drafts
    browser = await on.signed_in("jane@acme.com")
    for invoice_id in (*foreign, *drafts, "inv_acmesig01", "inv_none", "..%2Finv_2026001"):
        answer = await browser.get(f"/invoices/{invoice_id}.pdf")
        assert answer.status_code == 404, invoice_id
        assert not answer.content.startswith(b"%PDF")


async def test_a_viewer_and_a_stranger_get_none(on: Stage) -> None:
    browser = await on.signed_in("sam@acme.com")
    for invoice_id in ("inv_2026001", "inv_globex01", "inv_none"):
        answer = await browser.get(f"/invoices/{invoice_id}.pdf")
        assert answer.status_code == 403
        assert "$" not in answer.text
        assert "INV-" not in answer.text
    assert (await on.browser().get("/invoices/inv_2026001.pdf")).status_code in (302, 303)


async def test_records_that_cannot_be_read_give_no_document(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    on.wire.fault = lambda request: (
        httpx.Response(500, text="down") if request.url.path == "/api/invoices" else None
    )
    assert (await browser.get("/invoices/inv_2026001.pdf")).status_code == 503


async def test_it_carries_the_check_code_of_its_page_and_where_to_check_it(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get("/invoices/inv_2026003")).text
    code = re.search(r'check-code__code">([0-9A-Z-]{25})<', page)
    assert code
    found = await words(browser, "inv_2026003")
    assert f"Check code {code[1]} Check this invoice at http://127.0.0.1:8787/verify" in found
    assert "the total (in EUR)" in found


async def test_its_qr_code_is_a_figure_with_words(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    content = (await browser.get("/invoices/inv_2026003.pdf")).content
    assert "/Figure" in tags_of(content)
    assert figures_of(content) == [
        "QR code: opens http://127.0.0.1:8787/verify with the number and the check code filled in"
    ]


async def test_what_the_qr_code_opens_fills_in_the_number_and_the_code(on: Stage) -> None:
    drawn: list[Any] = []

    async def keeping(template: str, data: Any, today: Any) -> bytes:
        drawn.append(data)
        return b"%PDF"

    browser = await on.signed_in("jane@acme.com")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("portal.documents.invoice_pdf.pdf", keeping)
        await browser.get("/invoices/inv_2026003.pdf")
    [data] = drawn
    tags = data["check"]["code"].split("-")
    code = Code(tags[0], tuple(tags[1:]))
    link = f"http://127.0.0.1:8787/verify?code={code.compact}&number=INV-2026-003"
    assert data["check"]["qr"] == qr_svg(link)
    assert data["check"]["qr"] != qr_svg(f"{link}4")
    assert parse_qs(urlsplit(link).query).keys() == {"code", "number"}
    form = (await on.browser().get(link)).text
    assert f'value="{code.compact}"' in form
    assert 'value="INV-2026-003"' in form


async def test_an_invoice_without_a_number_has_no_code(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    for number in (None, " \u200b "):
        made = await bill(on, **({"invoice_number": number} if number else {}))
        content = (await browser.get(f"/invoices/{made}.pdf")).content
        assert "Check code" not in words_of(content)
        assert figures_of(content) == []


def test_a_qr_code_is_drawn_as_one_black_path_within_its_quiet_zone() -> None:
    svg = qr_svg("https://portal.example/verify")
    side = int(re.findall(r'viewBox="0 0 (\d+) \1"', svg)[0])
    runs = [tuple(map(int, run)) for run in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", svg)]
    assert svg.count("<path") == 1
    assert min(x for x, _, _ in runs) == min(y for _, y, _ in runs) == 4
    assert max(x + length for x, _, length in runs) == max(y for _, y, _ in runs) + 1 == side - 4
    # The finder pattern of the corner (ISO/IEC 18004): 7 dark, then 5 light between 2 dark.
    corner = [run for run in runs if run[0] + run[2] <= 11 and run[1] < 11]
    assert corner[:3] == [(4, 4, 7), (4, 5, 1), (10, 5, 1)]


def test_a_number_too_long_for_a_qr_code_is_left_to_be_typed() -> None:
    settings = settings_for()
    codes = CheckCodes(settings.invoice_checks, settings.portal_origin)
    today = date(2026, 11, 24)
    for length, carried in ((100, True), (101, False)):
        invoice = Invoice(
            id="inv_1", company_id="co_1", amount=Decimal(1), invoice_number="N" * length
        )
        check = codes.of_invoice(row(invoice, today))
        assert check is not None
        assert ("number=" in check.link) is carried
