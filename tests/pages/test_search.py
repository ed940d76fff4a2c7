"""The search page: everything that the viewer may see, and not a word of anything else."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlencode

import httpx2 as httpx
import pytest

from tests.pages.test_isolation import Record, acme_engagements, everything, is_acmes
from tests.staff.stand import by_google, previewing
from tests.staff.test_same_bytes import answer_to
from tests.stage import Stage, stage

HIT: Final = re.compile(r'<a class="row__link[^"]*" href="([^"]+)"')
MARK: Final = re.compile(r"<mark>(.*?)</mark>", re.DOTALL)
HEADER_FORM: Final = '<form class="finder" action="/search" role="search"'
NOTHING: Final = "Nothing found for"


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def look(browser: httpx.AsyncClient, query: str, **more: str) -> str:
    """The page of what a query finds."""
    answer = await browser.get("/search", params={"q": query, **more})
    assert answer.status_code == 200, query
    return answer.text


def hits(page: str) -> list[str]:
    """Where the results lead to, in their order."""
    return [html.unescape(href) for href in HIT.findall(page)]


def of_page(page: str) -> str:
    """The page's own part, where no menu is."""
    return page.partition('id="main"')[2]


# What is found


async def test_an_admin_finds_engagements_invoices_and_activity(on: Stage) -> None:
    page = await look(await on.signed_in("jane@acme.com"), "newark")
    assert re.findall(r"<h2[^>]*>([^<]+)", page) == ["Engagements", "Invoices", "Activity"]
    assert "3 results for “newark”" in page
    assert hits(page)[:2] == ["/engagements/eng_abc123", "/invoices/inv_2026001"]
    assert MARK.findall(page) == ["Newark"] * 3


async def test_every_result_leads_to_a_page_that_opens(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    found = hits(await look(browser, "a"))
    assert len(found) > 12
    for href in found:
        assert (await browser.get(href)).status_code == 200, href


@pytest.mark.parametrize("query", ["INV-2026-001", "inv2026001", "19192.50", "$19,192.50"])
async def test_an_admin_finds_an_invoice_by_its_number_and_its_amount(
    on: Stage, query: str
) -> None:
    page = await look(await on.signed_in("jane@acme.com"), query)
    assert hits(page)[0] == "/invoices/inv_2026001"
    assert "$19,192.50" in page


async def test_an_admin_finds_invoices_by_how_they_stand(on: Stage) -> None:
    page = await look(await on.signed_in("jane@acme.com"), "overdue")
    assert "/invoices/inv_2026005" in hits(page)
    assert "/invoices/inv_2026001" not in hits(page)


async def test_case_and_accents_make_no_difference(on: Stage) -> None:
    zoe = await on.signed_in("zoe@lukasiewicz.example")
    page = await look(zoe, "PRZEGLAD umow")
    assert "/engagements/eng_zoelu0001" in hits(page)
    assert "<mark>Przegląd</mark> <mark>umów</mark>" in page


async def test_more_than_is_shown_is_one_link_away(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = await look(browser, "retainer")
    links = dict(re.findall(r'href="([^"]+)">(All \d+ \w+)<', page))
    assert links == {
        "/invoices?text=retainer": "All 9 invoices",
        "/activity?engagement=eng_abc123": "All 12 activities",
    }
    assert "9 invoices fit" in (await browser.get("/invoices?text=retainer")).text


async def test_where_no_list_shows_exactly_these_the_search_shows_them_all(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    page = await look(browser, "paid")
    [(href, count)] = re.findall(r'href="([^"]+)">All (\d+) invoices<', page)
    assert html.unescape(href) == "/search?q=paid&kind=invoices"
    whole = (await browser.get(html.unescape(href))).text
    assert len(hits(whole)) == int(count) > 6
    assert "Show every kind" in whole


async def test_without_words_it_says_what_can_be_searched(on: Stage) -> None:
    for query in ("", "  ", "\u0301"):
        page = await look(await on.signed_in("jane@acme.com"), query)
        assert "Search your engagements, invoices and activity." in page
        assert hits(page) == []


async def test_without_a_result_it_says_what_to_try(on: Stage) -> None:
    page = await look(await on.signed_in("jane@acme.com"), "nosuchword retainer")
    assert "Nothing found for “nosuchword retainer”" in page
    assert "Try fewer words" in page


async def test_a_query_without_end_is_cut(on: Stage) -> None:
    page = await look(await on.signed_in("jane@acme.com"), "x" * 5000)
    assert f"Nothing found for “{'x' * 100}”" in page


async def test_markup_in_a_query_stays_text(on: Stage) -> None:
    typed = "<script>alert(1)</script>\"'><img src=x>"
    page = await look(await on.signed_in("jane@acme.com"), typed)
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


async def test_markup_in_a_record_stays_text_where_it_is_marked(on: Stage) -> None:
    await on.patch("/api/engagements/eng_abc123", name="<b>Bold</b> & <i>new</i>")
    page = await look(await on.signed_in("jane@acme.com"), "bold")
    assert "&lt;b&gt;<mark>Bold</mark>&lt;/b&gt; &amp; &lt;i&gt;new&lt;/i&gt;" in page


# Who finds what


async def test_a_viewer_finds_engagements_and_activity(on: Stage) -> None:
    page = await look(await on.signed_in("sam@acme.com"), "newark")
    assert hits(page) == ["/engagements/eng_abc123"]
    assert "Invoices" not in page


async def test_a_viewer_finds_neither_amounts_nor_invoices_nor_a_hint_of_them(on: Stage) -> None:
    sam = await on.signed_in("sam@acme.com")
    nowhere = of_page(await look(sam, "nosuchword"))
    for query in ("INV-2026-001", "inv2026001", "18500", "$18,500.00", "19192.50", "overdue"):
        for more in ({}, {"kind": "invoices"}, {"part": "1"}):
            page = await look(sam, query, **more)
            assert NOTHING in page
            assert hits(page) == []
            if not more:
                assert of_page(page).replace(query, "nosuchword") == nowhere
    assert not [call for call in on.wire.calls if call.url.path == "/api/invoices"]


async def test_a_viewer_is_not_told_that_invoices_can_be_searched(on: Stage) -> None:
    page = await look(await on.signed_in("sam@acme.com"), "")
    assert "Search your engagements and activity." in page
    assert "nvoice" not in page


async def test_amounts_in_texts_are_blotted_out_before_a_viewer_searches(on: Stage) -> None:
    await on.patch("/api/engagements/eng_abc123", plain_status="Budget of $77,431.00 agreed.")
    jane, sam = await on.signed_in("jane@acme.com"), await on.signed_in("sam@acme.com")
    assert "/engagements/eng_abc123" in hits(await look(jane, "77,431.00"))
    assert hits(await look(sam, "77,431.00")) == []
    page = await look(sam, "budget")
    assert hits(page) == ["/engagements/eng_abc123"]
    assert "77,431" not in page
    assert "•••" in page


async def test_words_of_other_clients_and_products_find_nothing(on: Stage) -> None:
    records = await everything(on)
    own = acme_engagements(records)
    words = foreign_words(records, own)
    assert len(words) > 20
    for email in ("jane@acme.com", "sam@acme.com"):
        browser = await on.signed_in(email)
        for word in sorted(words):
            page = await look(browser, word, part="1")
            assert NOTHING in page, word


def foreign_words(records: list[Record], own: set[str]) -> set[str]:
    """Names and numbers that only others have."""
    mine = [r for r in records if r.fields.get("company_id", r.id) == "co_abc123"]
    said = " ".join(str(value) for r in mine if is_acmes(r, own) for value in r.fields.values())
    names = ("name", "invoice_number", "title")
    kinds = ("engagements", "invoices", "deals", "companies")
    found = {
        str(r.fields[name])
        for r in records
        for name in names
        if r.resource in kinds and not is_acmes(r, own) and r.fields.get(name)
    }
    return {word for word in found if word not in said and word != "Acme Corp"}


async def test_internal_notes_and_figures_find_nothing(on: Stage) -> None:
    jane = await on.signed_in("jane@acme.com")
    for query in ("Priya covers", "scope for free", "margin", "9620", "expansion deal", "jira"):
        assert NOTHING in await look(jane, query, part="1"), query


async def test_a_preview_finds_the_very_bytes_that_the_client_does(on: Stage) -> None:
    for email, contact_id in (("jane@acme.com", "ct_abc123"), ("sam@acme.com", "ct_def456")):
        client = await on.signed_in(email)
        await client.get("/")
        lens = await previewing(on, contact_id)
        await on.activities("portal_preview_started")
        for query in ("", "retainer", "INV-2026-001", "nosuchword"):
            for more in ({}, {"part": "1"}, {"part": "dialog"}, {"kind": "invoices"}):
                path = f"/search?{urlencode({'q': query, **more})}"
                theirs, seen = await answer_to(client, path), await answer_to(lens, path)
                assert seen[:3] == theirs[:3], path
        await lens.post("/auth/exit-view-as")


async def test_staff_without_a_client_have_nothing_to_search(on: Stage) -> None:
    staff = await by_google(on)
    answer = await staff.get("/search", params={"q": "retainer"})
    assert answer.status_code == 403
    assert answer.status_code == (await staff.get("/activity")).status_code
    for page in (answer.text, (await staff.get("/staff")).text):
        assert HEADER_FORM not in page
        assert "js/search.js" not in page


async def test_nobody_is_sent_to_sign_in_and_back(on: Stage) -> None:
    answer = await on.browser().get("/search?q=retainer")
    assert answer.status_code == 302
    assert answer.headers["location"] == "/auth/login?redirect=%2Fsearch%3Fq%3Dretainer"
    assert "search" not in (await on.browser().get("/auth/login")).text


async def test_searching_changes_nothing(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    assert (await browser.post("/search", data={"q": "retainer"})).status_code == 405
    before = len(on.wire.calls)
    await look(browser, "retainer")
    assert {call.method for call in on.wire.calls[before:]} == {"GET"}


# The form, and the part of the page that the dialog shows


@pytest.mark.parametrize("email", ["jane@acme.com", "sam@acme.com"])
async def test_every_page_of_a_client_has_the_form_in_its_header(on: Stage, email: str) -> None:
    browser = await on.signed_in(email)
    for path in ("/", "/engagements", "/activity", "/account", "/search", "/nowhere", "/invoices"):
        page = (await browser.get(path)).text
        head, _, body = page.partition('id="main"')
        assert HEADER_FORM in head, path
        assert HEADER_FORM not in body


async def test_the_part_is_what_the_page_shows(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    for query in ("retainer", "", "nosuchword"):
        part = await look(browser, query, part="1")
        assert "<html" not in part
        assert part.strip() in await look(browser, query)


async def test_the_dialog_says_what_can_be_searched_until_something_is_typed(on: Stage) -> None:
    for email in ("jane@acme.com", "sam@acme.com"):
        browser = await on.signed_in(email)
        dialog = (await browser.get("/search?part=dialog")).text
        assert "<html" not in dialog
        assert dialog.count("<dialog") == 1
        assert (await look(browser, "", part="1")).strip() in dialog


async def test_a_changed_standing_is_told_by_a_page_and_not_lost_in_a_part(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    await browser.get("/")
    await on.patch("/api/contacts/ct_abc123", portal_role="client_viewer")
    on.clock.forward(minutes=2)
    for part in ("1", "dialog"):
        answer = await browser.get("/search", params={"q": "newark", "part": part})
        assert (answer.status_code, answer.headers["location"]) == (303, "/search?q=newark")
    assert "Your role is now viewer" in await look(browser, "newark")
    assert hits(await look(browser, "newark", part="1")) == ["/engagements/eng_abc123"]


async def test_while_the_crm_is_away_it_does_not_say_that_there_is_nothing(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    on.wire.fault = lambda request: (
        None if "/api/contacts/" in request.url.path else httpx.Response(500, text="down")
    )
    for more in ({}, {"part": "1"}):
        answer = await browser.get("/search", params={"q": "retainer", **more})
        assert answer.status_code == 503
        assert NOTHING not in answer.text
        # What can be searched needs no record.
        assert "Search your engagements" in await look(browser, "", **more)
