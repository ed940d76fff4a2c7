"""Is this invoice really ours: yes or which field differs, to anybody, and nothing else."""

from __future__ import annotations

import io
import json
import re
import sqlite3
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2 as httpx
import pytest

from portal.auth.check_limits import PER_NETWORK, WRONG_PER_NUMBER
from tests.pages.billing import HOSTILE, bill, text_of
from tests.staff.stand import previewing
from tests.stage import Stage, stage

IBAN: Final = "DE02 1203 0000 0000 2020 51"
OTHER_IBAN: Final = "FR76 3000 6000 0112 3456 7890 189"
WIRE: Final = "Wire to Sprint Mode LLC\nRouting: 000000000   Account: 0001234567"
CODE: Final = re.compile(r"check-code__code\">([0-9A-Z-]{25})<")
YES: Final = "Yes, this is what we issued"
WRONG_NUMBER: Final = "No: this code does not belong to this invoice number"
KEY_A: Final = ("A", "the older secret of the tests")
KEY_B: Final = ("B", "the newer secret of the tests")


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def issued(on: Stage, **fields: Any) -> dict[str, str]:
    """What a person types who holds a fresh invoice of Acme's, its code among it."""
    made = await bill(
        on,
        **{
            "invoice_number": "INV-77",
            "amount": 1234.5,
            "currency": "EUR",
            "payment_instructions": f"SEPA\nIBAN: {IBAN}\nBIC: BYLADEM1001",
            **fields,
        },
    )
    browser = await on.signed_in("jane@acme.com")
    found = CODE.search((await browser.get(f"/invoices/{made}")).text)
    assert found
    return {
        "code": found[1],
        "number": "INV-77",
        "amount": "€1,234.50",
        "currency": "",
        "due": "2026-12-20",
        "bank": IBAN,
    }


async def check(
    on: Stage, copy: dict[str, str], browser: httpx.AsyncClient | None = None, **changes: str
) -> httpx.Response:
    """The answer to a copy, with some of it changed."""
    return await (browser or on.browser()).post("/verify", data={**copy, **changes})


def answer_of(answer: httpx.Response) -> str:
    """The page's heading."""
    assert answer.status_code == 200, answer.text
    found = re.search(r"<h1[^>]*>(.*?)</h1>", answer.text, re.DOTALL)
    assert found
    return text_of(found[1])


def findings_of(answer: httpx.Response) -> list[str]:
    """What the page says of each field, in their order."""
    return [
        text_of(found)
        for found in re.findall(r'<dd class="verify__finding">(.*?)</dd>', answer.text, re.DOTALL)
    ]


async def test_a_copy_as_issued_is_ours_signed_out_and_signed_in(on: Stage) -> None:
    copy = await issued(on)
    for browser in (on.browser(), await on.signed_in("sam@acme.com"), await previewing(on)):
        answer = await check(on, copy, browser)
        assert answer_of(answer) == YES
        assert findings_of(answer) == ["As issued"] * 4
        # So that nobody pays to a second account that a forger added to the copy.
        assert f">{IBAN}<" in answer.text
        assert "Pay to no other account" in answer.text


@pytest.mark.parametrize(
    ("change", "said", "place"),
    [
        ({"amount": "€1,234.51"}, "No: the amount differs", 1),
        ({"amount": "1,234.50", "currency": "USD"}, "No: the amount differs", 1),
        ({"due": "2026-12-21"}, "No: the due date differs", 2),
        ({"due": ""}, "No: the due date differs", 2),
        ({"bank": OTHER_IBAN}, "No: the bank details differ", 3),
        ({"bank": f"{IBAN} or {OTHER_IBAN}"}, "No: the bank details differ", 3),
        ({"bank": "DE02 1203 0000 0000 2020 52"}, "No: the bank details differ", 3),
        ({"bank": ""}, "No: the bank details differ", 3),
    ],
)
async def test_the_field_that_differs_is_named(
    on: Stage, change: dict[str, str], said: str, place: int
) -> None:
    copy = await issued(on)
    answer = await check(on, {**copy, **change})
    assert answer_of(answer) == said
    expected = ["As issued"] * 4
    expected[place] = "Differs"
    assert findings_of(answer) == expected
    assert "Do not pay." in answer.text
    assert "mailto:support@sprintmode.ai" in answer.text


async def test_several_fields_that_differ_are_each_marked(on: Stage) -> None:
    answer = await check(on, await issued(on), bank=OTHER_IBAN, amount="€9,999.99")
    assert answer_of(answer) == "No: several details differ"
    assert findings_of(answer) == ["As issued", "Differs", "As issued", "Differs"]


async def test_a_made_up_number_is_answered_as_a_wrong_code_is(on: Stage) -> None:
    copy = await issued(on)
    same_id = {"X-Request-Id": "the-same-for-all"}
    wrong = {**copy, "code": "0-00000-00000-00000-00000"}
    texts = []
    for sent in (wrong, {**wrong, "number": "INV-00"}, {**wrong, "code": "Z" + "0" * 20}):
        answer = await on.browser().post("/verify", data=sent, headers=same_id)
        assert answer_of(answer) == WRONG_NUMBER
        assert findings_of(answer) == ["Differs", *["Cannot be told"] * 3]
        texts.append(answer.text.replace(sent["number"], "").replace(sent["code"], ""))
    assert len(set(texts)) == 1
    another = await issued(on, invoice_number="INV-78")
    assert answer_of(await check(on, copy, code=another["code"])) == WRONG_NUMBER


async def test_no_record_is_asked_for(on: Stage) -> None:
    copy = await issued(on)
    on.wire.calls.clear()
    assert answer_of(await check(on, copy)) == YES
    assert on.wire.calls == []
    on.wire.fault = lambda _: httpx.Response(500)
    assert answer_of(await check(on, copy)) == YES


async def test_it_is_read_as_people_type_it(on: Stage) -> None:
    copy = await issued(on)
    answer = await check(
        on,
        copy,
        code=f"  {copy['code'].lower().replace('-', ' ').replace('0', 'o').replace('1', 'l')} ",
        number="inv – 77",  # noqa: RUF001
        amount="1.234,50",
        currency="EUR",
        bank=f"iban {IBAN.lower()}\r\nBIC BYLADEM1001",
    )
    assert answer_of(answer) == YES


async def test_without_an_iban_every_letter_and_digit_counts(on: Stage) -> None:
    copy = await issued(on, payment_instructions=WIRE)
    typed = "wire to sprint mode llc routing 000000000, account 0001234567"
    assert answer_of(await check(on, copy, bank=typed)) == YES
    for bank in (typed.replace("llc", "ltd"), typed.replace("4567", "4568"), IBAN):
        assert answer_of(await check(on, copy, bank=bank)) == "No: the bank details differ"


@pytest.mark.parametrize(
    "fields",
    [{"payment_instructions": None}, {"status": "paid", "paid_date": "2026-11-22"}],
)
async def test_an_invoice_that_names_no_account_says_so(on: Stage, fields: dict[str, Any]) -> None:
    copy = await issued(on, **fields)
    answer = await check(on, copy, bank="")
    assert answer_of(answer) == YES
    warning = "This invoice names no bank account: if your copy names one, do not pay."
    assert warning in answer.text
    assert answer_of(await check(on, copy)) == "No: the bank details differ"
    assert warning not in (await check(on, await issued(on))).text


async def test_what_cannot_be_read_is_told_all_at_once_and_kept(on: Stage) -> None:
    typed = {
        "code": "K-123",
        "number": " ",
        "amount": "1.234",
        "currency": "EUR",
        "due": "2026-02-30",
        "bank": "my own words",
    }
    answer = await on.browser().post("/verify", data=typed)
    assert answer.status_code == 422
    for said in (
        "A check code has 21 letters and digits.",
        "Type the number of the invoice.",
        "This can be read in two ways.",
        "Choose a day, or type it as 2026-12-31.",
        "Nothing was compared yet",
        'value="K-123"',
        'value="1.234"',
        "<option selected>EUR</option>",
        "my own words</textarea>",
    ):
        assert said in answer.text
    assert answer.text.count('aria-invalid="true"') == 4
    dollars = await check(on, typed, amount="$5.00", currency="")
    assert "Choose the currency" in dollars.text
    assert dollars.status_code == 422


async def test_a_qr_code_fills_in_the_code_and_the_number_and_nothing_else(on: Stage) -> None:
    answer = await on.browser().get(
        "/verify",
        params={
            "code": "K7QX2M",
            "number": "INV-77",
            "amount": "55.00",
            "due": "2026-12-20",
            "bank": OTHER_IBAN,
            "currency": "USD",
        },
    )
    assert answer.status_code == 200
    assert 'value="K7QX2M"' in answer.text
    assert 'value="INV-77"' in answer.text
    for absent in ("55.00", "2026-12-20", OTHER_IBAN, "<option selected"):
        assert absent not in answer.text


async def test_markup_comes_out_as_text(on: Stage) -> None:
    copy = await issued(on)
    for hostile in HOSTILE:
        pages = [
            await check(on, copy, number=hostile, bank=hostile),
            await check(on, copy, number=hostile, bank=hostile, code=hostile),
            await on.browser().get("/verify", params={"code": hostile, "number": hostile}),
        ]
        for page in pages:
            assert page.status_code in (200, 422)
            for raw in ("<script>alert", "<img src=x", "&amp;<b>"):
                assert raw not in page.text
            assert "49" not in text_of(page.text)


async def test_its_page_is_kept_by_nobody_and_named_nowhere(on: Stage) -> None:
    copy = await issued(on)
    browser = on.browser()
    for answer in (
        await browser.get("/verify"),
        await check(on, copy, browser),
        await check(on, copy, browser, amount="x"),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-robots-tag"] == "noindex"
        assert "set-cookie" not in answer.headers
        for shown in ('name="robots" content="noindex"', "og:image", 'rel="icon"'):
            assert shown in answer.text


async def test_another_sites_form_is_refused(on: Stage) -> None:
    copy = await issued(on)
    browser = on.browser(**{"Sec-Fetch-Site": "cross-site"})
    assert (await check(on, copy, browser)).status_code == 403


async def test_older_codes_count_until_their_key_is_dropped() -> None:
    async with stage(invoice_check_keys=(KEY_A,)) as before:
        copy = await issued(before)
    assert copy["code"].startswith("A-")
    async with stage(invoice_check_keys=(KEY_B, KEY_A)) as rotated:
        assert (await issued(rotated))["code"].startswith("B-")
        assert answer_of(await check(rotated, copy)) == YES
        altered = await check(rotated, copy, bank=OTHER_IBAN)
        assert answer_of(altered) == "No: the bank details differ"
    async with stage(invoice_check_keys=(KEY_B,)) as dropped:
        assert answer_of(await check(dropped, copy)) == WRONG_NUMBER


async def test_a_network_checks_twenty_times_in_ten_minutes(on: Stage) -> None:
    copy = await issued(on)
    for _ in range(PER_NETWORK.amount):
        assert answer_of(await check(on, copy)) == YES
    refused = await check(on, copy)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "600"
    assert "Many invoices were checked from your network" in refused.text
    assert f'value="{copy["code"]}"' in refused.text
    on.clock.forward(minutes=10)
    assert answer_of(await check(on, copy)) == YES


async def test_what_could_not_be_read_is_not_counted(on: Stage) -> None:
    copy = await issued(on)
    for _ in range(PER_NETWORK.amount + 1):
        assert (await check(on, copy, amount="x")).status_code == 422
    assert answer_of(await check(on, copy)) == YES


async def test_fifty_wrong_answers_from_anywhere_close_a_number_for_an_hour(on: Stage) -> None:
    copy = await issued(on)
    for tried in range(WRONG_PER_NUMBER.amount):
        if tried % 15 == 0:
            on.clock.forward(minutes=10)
            # A right answer does not count, whoever asks.
            assert answer_of(await check(on, copy)) == YES
        answer = await check(on, copy, bank=OTHER_IBAN, number=["INV-77", "inv - 77"][tried % 2])
        assert answer_of(answer) == "No: the bank details differ"
    on.clock.forward(minutes=10)
    for bank in (OTHER_IBAN, IBAN):
        refused = await check(on, copy, bank=bank)
        assert refused.status_code == 429
        assert "Do not pay; ask us." in refused.text
        assert findings_of(refused) == []
    assert (await check(on, copy, number="INV-78")).status_code == 200
    on.clock.forward(hours=1)
    assert answer_of(await check(on, copy)) == YES


@pytest.mark.parametrize("method", ["increment", "get"])
async def test_nothing_is_compared_while_checks_cannot_be_counted(
    on: Stage, method: str, monkeypatch: pytest.MonkeyPatch, log_lines: io.StringIO
) -> None:
    copy = await issued(on)

    async def away(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(on.env.state, method, away)
    answer = await check(on, copy)
    assert answer.status_code == 503
    assert "Invoices cannot be checked right now. Do not pay before you have checked" in answer.text
    assert findings_of(answer) == []
    assert "checks_unavailable" in log_lines.getvalue()


async def test_a_wrong_answer_that_cannot_be_counted_is_not_given(
    on: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = await issued(on)
    real = on.env.state.increment

    async def full(key: str, ttl: float) -> int:
        if "wrong-check" in key:
            return WRONG_PER_NUMBER.amount + 1
        return await real(key, ttl)

    monkeypatch.setattr(on.env.state, "increment", full)
    answer = await check(on, copy, bank=OTHER_IBAN)
    assert answer.status_code == 429
    assert findings_of(answer) == []


async def test_the_log_has_the_outcome_and_nothing_that_was_typed(
    on: Stage, log_lines: io.StringIO
) -> None:
    copy = await issued(on)
    await on.browser().get("/verify", params={"code": copy["code"], "number": "INV-77"})
    await check(on, copy, bank=OTHER_IBAN)
    await check(on, copy, amount="1.234")
    logged = log_lines.getvalue()
    [told] = [json.loads(line) for line in logged.splitlines() if "invoice_checked" in line]
    assert (told["ours"], told["differing"]) == (False, ["bank"])
    for typed in (copy["code"], copy["code"].replace("-", ""), "INV-77", "1,234", "1234.5"):
        assert typed not in logged
    for iban in (IBAN, OTHER_IBAN):
        assert iban not in logged
        assert iban.replace(" ", "") not in logged


async def test_numbers_are_counted_as_digests(on: Stage) -> None:
    await check(on, await issued(on), bank=OTHER_IBAN)
    keys = await on.env.state.list("limit:")
    assert [key for key in keys if "wrong-check" in key]
    assert not [key for key in keys if "INV" in key.upper()]


async def test_the_invoices_page_shows_its_code_and_what_it_is_for(on: Stage) -> None:
    made = await bill(on, invoice_number="INV-77")
    browser = await on.signed_in("jane@acme.com")
    page = (await browser.get(f"/invoices/{made}")).text
    assert CODE.search(page)
    assert '<a class="link" href="/verify">What is this?</a>' in page
    nameless = (await browser.get(f"/invoices/{await bill(on)}")).text
    assert "Check code" not in nameless
