"""What the tests of the invoice pages share: bills in the CRM, and figures read off a page."""

from __future__ import annotations

import html
import re
from decimal import Decimal
from typing import Any, Final

from tests.stage import Stage

ROW: Final = re.compile(r'<tr role="row" class="table__row--link">.*?</tr>', re.DOTALL)
CARD: Final = re.compile(r'<div class="card stat">.*?</dl>', re.DOTALL)
FIGURE: Final = re.compile(r"<div[^>]*><dt>(.*?)</dt><dd>(.*?)</dd></div>", re.DOTALL)
FIGURES: Final = {
    "Billed": "billed",
    "Paid": "paid",
    "Overdue": "overdue",
    "Credit in your favour": "credit",
}

HOSTILE: Final = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>'",
    "{{ 7 * 7 }}{% raw %}",
    "&amp;<b>",
    "\u202egnp.exe",
    '=HYPERLINK("http://evil.example","pay")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
)


async def bill(on: Stage, **fields: Any) -> str:
    """An invoice of Acme's, sent and due in a month, in the CRM; its id."""
    body = {
        "company_id": "co_abc123",
        "amount": 100,
        "status": "sent",
        "product": "mode",
        "issued_date": "2026-11-20",
        "due_date": "2026-12-20",
        **fields,
    }
    answer = await on.sandbox.post("/api/invoices", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


def text_of(markup: str) -> str:
    """The words of some markup, as they are read."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def rows_of(page: str) -> list[str]:
    """The words of each row of the list."""
    return [text_of(found) for found in ROW.findall(page)]


def names_of(page: str) -> list[str]:
    """The invoice numbers on the page, in their order."""
    return [found.split(" ")[0] for found in rows_of(page)]


def dollars(shown: str) -> Decimal:
    """`-$1,200.50` or `€3.00` as a number."""
    return Decimal(re.sub(r"[^0-9.\-]", "", shown))


def sums_of(page: str) -> dict[str, dict[str, Decimal]]:
    """The figures of the page's cards, by currency."""
    found = {}
    for card in CARD.findall(page):
        label, left = re.findall(r"<p [^>]*>(.*?)</p>", card, re.DOTALL)[:2]
        figures = {FIGURES[text_of(name)]: dollars(text_of(v)) for name, v in FIGURE.findall(card)}
        figures.setdefault("credit", Decimal(0))
        found[text_of(label)[:3]] = {**figures, "left": dollars(text_of(left))}
    return found
