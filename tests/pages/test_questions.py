"""A question about an invoice reaches our staff once, and nobody else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2 as httpx
import pytest
from markupsafe import escape

from portal.errors import BadInput
from portal.pages.questions import CLAIMED_FOR, LONGEST, read_question
from tests.pages.billing import HOSTILE
from tests.staff.stand import previewing
from tests.stage import Stage, stage

PATH: Final = "/invoices/inv_2026005"
KEY: Final = re.compile(r'<input type="hidden" name="key" value="([^"]+)">')
WORDS: Final = "Why does the second instalment come before the pilot ends?"


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def key_of(browser: httpx.AsyncClient, path: str = PATH) -> str:
    """The one-time key of the form that an invoice's page shows now."""
    found = KEY.search((await browser.get(path)).text)
    assert found
    return found[1]


async def ask(browser: httpx.AsyncClient, text: str, key: str | None = None) -> httpx.Response:
    """Fill in the form of the page and press its button."""
    data = {"key": key or await key_of(browser), "text": text}
    return await browser.post(f"{PATH}/question", data=data)


async def asked(on: Stage) -> list[dict[str, Any]]:
    """The questions that reached the CRM, newest first; the demo has a request of its own."""
    found = await on.activities("support_request")
    return [one for one in found if one["id"] != "act_acme0012"]


async def test_a_question_is_logged_for_staff_and_shown_as_sent(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    answer = await ask(browser, f"  {WORDS}\r\nThanks.  ")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PATH}?sent=1")
    [activity] = await asked(on)
    assert (activity["contact_id"], activity["company_id"]) == ("ct_abc123", "co_abc123")
    assert activity["source"] == "mode"
    assert activity["description"] == f"{WORDS}\nThanks."
    assert activity["metadata"]["invoice_id"] == "inv_2026005"
    assert activity["metadata"]["invoice_number"] == "INV-2026-005"
    page = (await browser.get(f"{PATH}?sent=1")).text
    assert "Your question is on its way to our team." in page
    assert "jane@acme.com" in page
    assert "on its way" not in (await browser.get(PATH)).text


async def test_looking_at_the_page_logs_nothing_and_changes_nothing(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    before = await on.env.state.list()
    for _ in range(2):
        await browser.get(f"{PATH}?sent=1")
    assert await on.env.state.list() == before
    assert await asked(on) == []


async def test_a_double_press_is_one_question_even_at_the_same_time(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    key = await key_of(browser)
    answers = await asyncio.gather(*(ask(browser, WORDS, key) for _ in range(5)))
    assert {a.headers["location"] for a in answers} == {f"{PATH}?sent=1"}
    await ask(browser, WORDS, key)
    assert len(await asked(on)) == 1


async def test_another_question_is_another_whichever_form_it_comes_from(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    key = await key_of(browser)
    await ask(browser, WORDS, key)
    # A second tab that was open before the first question went.
    await ask(browser, "And when is the next one?", key)
    # The same words again, on purpose, from a page opened since.
    assert await key_of(browser) != key
    await ask(browser, WORDS)
    found = await asked(on)
    assert [one["description"] for one in found].count(WORDS) == 2
    assert len(found) == 3


async def test_the_same_words_can_be_sent_again_once_all_is_forgotten(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    first = await key_of(browser)
    await ask(browser, WORDS)
    on.clock.forward(seconds=2 * CLAIMED_FOR + 1)
    # The store keeps time by itself, so it is told to forget.
    for name in await on.env.state.list("question"):
        await on.env.state.delete(name)
    assert await key_of(browser) == first
    await ask(browser, WORDS)
    assert len(await asked(on)) == 2


async def test_each_person_and_each_invoice_has_keys_of_its_own(on: Stage) -> None:
    await on.patch("/api/contacts/ct_def456", portal_role="client_admin")
    jane, sam = await on.signed_in("jane@acme.com"), await on.signed_in("sam@acme.com")
    await ask(jane, WORDS)
    assert await key_of(sam) == await key_of(jane, "/invoices/inv_2026001") == "first"
    await ask(sam, WORDS)
    assert {one["contact_id"] for one in await asked(on)} == {"ct_abc123", "ct_def456"}


async def test_what_could_not_be_kept_is_not_called_sent_and_can_be_sent_again(
    on: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await on.signed_in("jane@acme.com")

    async def full(*_: object) -> str:
        raise OSError("no space left")

    with monkeypatch.context() as broken:
        broken.setattr(type(on.env.outbox), "record", full)
        assert (await ask(browser, WORDS)).status_code == 500
    assert (await ask(browser, WORDS)).status_code == 303
    assert len(await asked(on)) == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Please write your question."),
        (" \r\n\t ", "Please write your question."),
        ("\0\x07", "Please write your question."),
        ("x" * (LONGEST + 1), "At most 2000 characters, please."),
    ],
)
async def test_what_is_wrong_is_said_beside_what_was_typed(
    on: Stage, typed: str, said: str
) -> None:
    browser = await on.signed_in("jane@acme.com")
    key = await key_of(browser)
    answer = await ask(browser, typed, key)
    assert answer.status_code == 422
    assert said in answer.text
    assert '<details class="question__details" open>' in answer.text
    if typed.strip("\0\x07 \r\n\t"):
        assert typed in answer.text
    assert KEY.findall(answer.text) == [key]
    assert await asked(on) == []


async def test_errors_keep_hostile_texts_as_texts(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    for hostile in (*HOSTILE, "</textarea><script>alert(1)</script>"):
        typed = hostile + "x" * LONGEST
        answer = await browser.post(f"{PATH}/question", data={"key": hostile, "text": typed})
        assert answer.status_code == 422
        assert str(escape(typed)) in answer.text
        assert f'name="key" value="{escape(hostile)}"' in answer.text
        assert "<script>alert" not in answer.text


@pytest.mark.parametrize("data", [{}, {"text": WORDS}, {"key": "x" * 5000, "text": WORDS}])
async def test_a_form_made_by_hand_fails_nothing(on: Stage, data: dict[str, str]) -> None:
    browser = await on.signed_in("jane@acme.com")
    answer = await browser.post(f"{PATH}/question", data=data)
    assert answer.status_code == (303 if "text" in data else 422)
    assert len(await asked(on)) == (1 if "text" in data else 0)


async def test_hostile_questions_reach_staff_as_written(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    for hostile in HOSTILE:
        await ask(browser, hostile)
    assert {one["description"] for one in await asked(on)} == set(HOSTILE)


async def test_two_thousand_characters_of_any_script_arrive(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    text = "日本語ß🙂" * 400
    assert (await ask(browser, text)).status_code == 303
    [activity] = await asked(on)
    assert activity["description"] == text


async def test_no_question_goes_to_another_clients_invoice(on: Stage) -> None:
    found = (await on.sandbox.get("/api/invoices", params={"limit": 5000})).json()["data"]
    foreign = [one["id"] for one in found if one["company_id"] != "co_abc123"]
    assert foreign
    browser = await on.signed_in("jane@acme.com")
    for invoice_id in (*foreign, "inv_2026004", "inv_acmesig01", "inv_none"):
        for text in (WORDS, ""):
            data = {"key": "first", "text": text}
            answer = await browser.post(f"/invoices/{invoice_id}/question", data=data)
            assert answer.status_code == 404, invoice_id
    assert await asked(on) == []


async def test_a_viewer_cannot_ask_about_invoices(on: Stage) -> None:
    browser = await on.signed_in("sam@acme.com")
    for text in (WORDS, ""):
        answer = await browser.post(f"{PATH}/question", data={"key": "first", "text": text})
        assert answer.status_code == 403
        assert "INV-" not in answer.text
    assert await asked(on) == []


async def test_staff_cannot_ask_in_a_preview(on: Stage) -> None:
    lens = await previewing(on)
    answer = await lens.post(f"{PATH}/question", data={"key": "first", "text": WORDS})
    assert answer.status_code == 403
    assert await asked(on) == []


async def test_another_site_cannot_ask_for_somebody(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    answer = await browser.post(
        f"{PATH}/question",
        data={"key": "first", "text": WORDS},
        headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    )
    assert answer.status_code == 403
    assert await asked(on) == []


async def test_a_question_shows_to_no_client_of_any_company(on: Stage) -> None:
    # Not even where a portal is configured to show its clients their support requests.
    await ask(await on.signed_in("jane@acme.com"), WORDS)
    assert len(await asked(on)) == 1
    paths = ("/", "/activity", "/team", "/account", "/api/activities", "/api/invoices", "/invoices")
    for email in ("jane@acme.com", "sam@acme.com", "hank@globex.com", "zoe@lukasiewicz.example"):
        browser = await on.signed_in(email)
        for path in paths:
            assert WORDS not in (await browser.get(path)).text, (email, path)


async def test_where_support_requests_are_shown_they_stay_within_the_company() -> None:
    kinds = frozenset({"support_request", "milestone"})
    async with stage(visible_activities=kinds) as on:
        text = "Why is it $12,000.00?"
        await ask(await on.signed_in("jane@acme.com"), text)
        assert len(await asked(on)) == 1
        assert text in (await (await on.signed_in("jane@acme.com")).get("/activity")).text
        seen = (await (await on.signed_in("sam@acme.com")).get("/activity")).text
        assert "12,000" not in seen
        assert "INV-" not in seen
        for email in ("hank@globex.com", "zoe@lukasiewicz.example"):
            browser = await on.signed_in(email)
            for path in ("/", "/activity", "/api/activities"):
                assert "12,000.00" not in (await browser.get(path)).text
                assert "Question about an invoice" not in (await browser.get(path)).text


async def test_while_the_crm_is_away_a_question_waits_and_then_arrives_once(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    key = await key_of(browser)
    on.wire.fault = lambda request: (
        httpx.Response(503, text="down") if request.method == "POST" else None
    )
    assert (await ask(browser, WORDS, key)).status_code == 303
    await on.env.outbox.deliver_due()
    on.wire.fault = None
    waiting = (await on.env.outbox.depth()).waiting
    await ask(browser, WORDS, key)
    assert (await on.env.outbox.depth()).waiting == waiting
    on.clock.forward(minutes=1)
    assert len(await asked(on)) == 1


def test_line_ends_are_one_and_control_characters_are_none() -> None:
    assert read_question(" a\r\nb\rc\n\nd\te\0\x1b[2J ") == "a\nb\nc\n\nd\te[2J"
    assert len(read_question("\r\n".join("x" * 1000))) == 1999
    with pytest.raises(BadInput) as refused:
        read_question("\r\n".join("x" * 1002))
    assert refused.value.field == "text"
