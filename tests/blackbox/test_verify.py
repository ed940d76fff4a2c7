"""An invoice's paper, checked over HTTP by somebody who has nothing but the paper."""

from __future__ import annotations

import re
from datetime import datetime
from io import BytesIO
from typing import Final

import httpx2 as httpx
import pytest
from pypdf import PdfReader

from tests.blackbox.browser import Browser
from tests.blackbox.stand import Person, Stand

INVOICE: Final = "inv_2026003"
OTHER_IBAN: Final = "FR76 3000 6000 0112 3456 7890 189"
ON_PAPER: Final = {
    "number": r"Invoice (INV-[0-9-]+)",
    "amount": r"Total (€[0-9,.]+)",
    "due": r"Due ([A-Z][a-z]{2} [0-9]{1,2}, [0-9]{4})",
    "bank": r"IBAN: (DE[0-9 ]+[0-9])",
    "code": r"Check code ([0-9A-Z](?:-[0-9A-Z]{5}){4}) ",
}


@pytest.fixture
def paper(stand: Stand, person: Person) -> dict[str, str]:
    """What the PDF of an invoice says, as somebody types it from a printout."""
    content = stand.browser(session=stand.token(person)).get(f"/invoices/{INVOICE}.pdf").content
    pages = PdfReader(BytesIO(content)).pages
    text = " ".join(" ".join(page.extract_text() for page in pages).split())
    typed = {}
    for field, pattern in ON_PAPER.items():
        found = re.search(pattern, text)
        assert found, (field, text)
        typed[field] = found[1]
    typed["due"] = datetime.strptime(typed["due"], "%b %d, %Y").date().isoformat()
    stand.seen.note(typed["code"], typed["code"].replace("-", ""), typed["bank"], typed["amount"])
    return typed


def heading_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    found = re.search(r'<h1 class="verify__title" id="answer">(.*?)</h1>', answer.text)
    assert found
    return found[1]


def test_a_paper_is_ours_until_its_account_is_changed(
    stand: Stand, browser: Browser, paper: dict[str, str]
) -> None:
    assert heading_of(browser.post("/verify", paper)) == "Yes, this is what we issued"
    stand.seen.note(OTHER_IBAN)
    for bank in (OTHER_IBAN, f"{paper['bank']}, or {OTHER_IBAN}", ""):
        answer = browser.post("/verify", {**paper, "bank": bank})
        assert heading_of(answer) == "No: the bank details differ"
        assert "Do not pay." in answer.text
    assert browser.cookies == {}


def test_the_page_is_open_kept_by_nobody_and_filled_in_from_a_qr_code(
    browser: Browser, paper: dict[str, str]
) -> None:
    query = {"code": paper["code"].replace("-", ""), "number": paper["number"]}
    answer = browser.get("/verify", params=query)
    assert answer.status_code == 200
    assert all(f'value="{value}"' in answer.text for value in query.values())
    assert paper["amount"] not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-robots-tag"] == "noindex"


def test_another_portals_keys_make_no_codes_of_ours(stand: Stand, paper: dict[str, str]) -> None:
    # The other one signs with a newer secret and was given no keys of its own.
    answer = stand.browser(stand.production).post("/verify", paper)
    assert heading_of(answer) == "No: this code does not belong to this invoice number"


def test_a_network_address_checks_twenty_times(stand: Stand, paper: dict[str, str]) -> None:
    browser = stand.browser(stand.limited, X_Forwarded_For="198.51.100.200")
    answers = [browser.post("/verify", paper).status_code for _ in range(21)]
    assert answers == [200] * 20 + [429]
    elsewhere = stand.browser(stand.limited, X_Forwarded_For="198.51.100.201")
    assert elsewhere.post("/verify", paper).status_code == 200
