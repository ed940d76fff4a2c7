"""The mail itself: what it says, in whose language, and the headers that mail programs read."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from email.message import EmailMessage
from html import unescape
from pathlib import Path

import pytest

from portal.mail import Letter, compose
from portal.notices.run import send_due_notices
from portal.templating import STATIC_DIR, TEMPLATES_DIR, Assets, Templates
from portal.words import Words
from tests.notices.subscribers import JANE, run, subscribed
from tests.pages.billing import HOSTILE, bill, text_of
from tests.stage import Stage


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with subscribed() as made:
        yield made


async def three(on: Stage) -> Letter:
    """The mail about a new, a late and a soon due invoice, in two currencies."""
    await bill(on, invoice_number="INV-N", issued_date="2026-11-24", due_date=None, amount=1200.5)
    await bill(on, invoice_number="INV-S", due_date="2026-11-25", amount=300, currency="EUR")
    await bill(
        on, invoice_number="INV-L", due_date="2026-11-24", amount=70, amount_paid=20, currency="EUR"
    )
    # Till the 25th where Jane is, so that the last one is late; that other one is due by then.
    on.clock.forward(days=1)
    await run(on)
    [letter] = on.post.letters
    return letter


def both_parts(letter: Letter) -> list[str]:
    """What a person reads of the text and of the HTML."""
    return [" ".join(letter.text.split()), text_of(letter.html)]


async def test_a_mail_lists_all_with_amounts_by_currency_and_links(on: Stage) -> None:
    letter = await three(on)
    assert letter.subject == "1 overdue invoice, 1 new invoice, 1 invoice due soon"
    for part in both_parts(letter):
        for said in (
            "Hello Jane Smith, this is about invoices to Acme Corp.",
            "Was due on Nov 24, 2026, 1 day late",
            "Due today, Nov 25, 2026",
            "No due date",
            "$1,200.50",
            "€300.00",
            "€50.00",
            "To pay in EUR, of these: €350.00",
            "To pay in USD, of these: $1,200.50",
            "A payment that is on its way may not be in here yet.",
        ):
            assert said in part, part
        assert "1,550" not in part
    links = re.findall(r"http://127\.0\.0\.1:8787/invoices/\w+", letter.text)
    assert len(set(links)) == 3
    assert set(links) < set(re.findall(r'href="([^"]+)"', letter.html))
    # Overdue first.
    assert letter.text.index("INV-L") < letter.text.index("INV-N") < letter.text.index("INV-S")


async def test_a_mail_says_how_to_change_and_end_it(on: Stage) -> None:
    letter = await three(on)
    stop = re.search(r"http://\S+/notices/unsubscribe\?token=\S+", letter.text)
    assert stop
    assert stop[0] in unescape(letter.html)
    assert letter.headers == {
        "List-Unsubscribe": (
            f"<{stop[0]}>, <mailto:{on.settings.support_email}?subject=unsubscribe>"
        ),
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert "http://127.0.0.1:8787/account#notices" in letter.text
    assert "http://127.0.0.1:8787/account#notices" in letter.html
    message = compose(letter, on.settings.mail_from)
    assert isinstance(message, EmailMessage)
    assert message["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch(r"<notices\.[0-9a-f]{24}@sprintmode\.ai>", message["Message-ID"])


async def test_the_html_has_only_what_mail_programs_show(on: Stage) -> None:
    html = (await three(on)).html
    assert "<img" not in html
    assert "<script" not in html
    assert "stylesheet" not in html
    assert html.count("<h1") == 1


async def test_the_message_id_depends_on_whom_and_what_alone(on: Stage) -> None:
    await bill(on, invoice_number="INV-1", issued_date="2026-11-24")
    refused, accepted = on.post, []
    for _ in range(2):
        refused.is_down = True
        await run(on)
        refused.is_down = False
        await send_due_notices(on.env)
        accepted += [letter.reference for letter in on.post.letters]
        on.post.letters.clear()
        await bill(on, invoice_number="INV-2", issued_date="2026-11-24")
    assert len(set(accepted)) == 2


async def test_a_mail_is_in_the_readers_formats_and_counts_days_where_they_are(on: Stage) -> None:
    await on.patch(f"/api/contacts/{JANE}", locale="de_DE", timezone="Pacific/Auckland")
    on.clock.forward(seconds=31)
    await bill(on, invoice_number="INV-DE", due_date="2026-11-25", amount=1200.5, currency="EUR")
    await run(on)
    [letter] = on.post.letters
    # 15:31 UTC on the 24th is the 25th in Auckland.
    assert letter.subject == "Invoice INV-DE is due today"
    for part in both_parts(letter):
        assert "1.200,50\u00a0€" in part.replace("€ ", "€") or "1.200,50 €" in part
        assert "25.11.2026" in part


GERMAN = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "New invoice %(number)s"
msgstr "Neue Rechnung %(number)s"

msgid "Stop these mails"
msgstr "Keine Mails mehr"

msgid "%(num)s new invoice"
msgid_plural "%(num)s new invoices"
msgstr[0] "%(num)s neue Rechnung"
msgstr[1] "%(num)s neue Rechnungen"
"""


async def test_a_mail_is_in_the_readers_language(on: Stage, tmp_path: Path) -> None:
    (tmp_path / "de.po").write_text(GERMAN, encoding="utf-8")
    assets = Assets(STATIC_DIR, fixed=True)
    words = Words(tmp_path)
    templates = Templates(
        on.settings, templates=TEMPLATES_DIR, assets=assets, words=words, reload=False
    )
    await on.patch(f"/api/contacts/{JANE}", locale="de_DE")
    on.clock.forward(seconds=31)
    await bill(on, invoice_number="INV-DE", issued_date="2026-11-24")
    await send_due_notices(replace(on.env, templates=templates))
    [letter] = on.post.letters
    assert letter.subject == "Neue Rechnung INV-DE"
    assert "Keine Mails mehr" in letter.html
    assert '<html lang="de">' in letter.html


async def test_nothing_in_an_invoice_can_change_the_mail(on: Stage) -> None:
    for text in HOSTILE:
        await bill(on, invoice_number=text[:60], issued_date="2026-11-24")
    await run(on)
    [letter] = on.post.letters
    assert "<script>" not in letter.html
    assert "<img" not in letter.html
    assert "49" not in letter.subject
    # As it is in the text, where nothing is markup.
    assert "<script>alert(1)</script>" in letter.text
    compose(letter, on.settings.mail_from)


async def test_a_line_break_in_a_number_ends_no_header(on: Stage) -> None:
    await bill(on, invoice_number="INV\r\nBcc: x@evil.example", issued_date="2026-11-24")
    await run(on)
    [letter] = on.post.letters
    assert letter.subject == "New invoice INV Bcc: x@evil.example"
    assert compose(letter, on.settings.mail_from)["Bcc"] is None


async def test_an_invoice_without_a_number_has_words_for_it(on: Stage) -> None:
    await bill(on, issued_date="2026-11-24")
    await run(on)
    [letter] = on.post.letters
    assert letter.subject == "1 new invoice"
    for part in both_parts(letter):
        assert "Invoice without a number" in part
