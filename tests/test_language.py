"""A second language: complete, switchable, in pages, mails and documents."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Final

import httpx2 as httpx
import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from portal.language import COOKIE
from portal.words import LOCALE_DIR
from tests.documents.reading import words_of
from tests.pages.test_crawl import crawl
from tests.stage import Stage, stage

PLACE: Final = re.compile(r"%\((\w+)\)s|%%|\{(\w+)\}")
TAGS: Final = re.compile(r"<(?:style|script|title id)[^>]*>.*?</\w+>|<[^>]+>", re.DOTALL)
SHORTEST: Final = 3
"""Words of a message that can be told from a name in the CRM's own, English records."""

PEOPLE: Final = {
    "jane@acme.com": "ct_abc123",
    "sam@acme.com": "ct_def456",
    "zoe@lukasiewicz.example": "ct_zoeluk1",
}


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def messages(name: str) -> dict[str, Message]:
    """The messages of a catalogue by their first form."""
    with (LOCALE_DIR / name).open("rb") as file:
        found = [message for message in read_po(file) if message.id]
    return {m.id if isinstance(m.id, str) else m.id[0]: m for m in found}


def forms(text: str | tuple[str, ...] | list[str] | None) -> list[str]:
    return [text or ""] if isinstance(text, str | None) else list(text)


@pytest.mark.parametrize("catalogue", sorted(path.name for path in LOCALE_DIR.glob("*.po")))
def test_no_string_is_left_untranslated(catalogue: str) -> None:
    wanted, found = messages("messages.pot"), messages(catalogue)
    assert set(found) == set(wanted)
    for name, message in found.items():
        assert not message.fuzzy, name
        assert len(forms(message.string)) == len(forms(message.id)), name
        for given, said in zip(forms(message.id), forms(message.string), strict=True):
            assert said.strip(), name
            assert Counter(PLACE.findall(said)) == Counter(PLACE.findall(given)), name
            assert said[:1].isspace() == given[:1].isspace(), name
            assert said[-1:].isspace() == given[-1:].isspace(), name


def english() -> Iterator[str]:
    """Messages of a few words whose Spanish is another."""
    for name, message in messages("es.po").items():
        plain = not PLACE.search(name) and isinstance(message.id, str)
        if plain and len(name.split()) >= SHORTEST and message.string != name:
            yield " ".join(name.split())


def shown(page: str) -> str:
    """The text of a page, and what it says to screen readers."""
    spoken = re.findall(r'(?:aria-label|placeholder|title|data-label)="([^"]*)"', page)
    text = " ".join([TAGS.sub(" ", page), *spoken])
    return " ".join(html.unescape(text).split())


async def in_spanish(on: Stage, email: str) -> httpx.AsyncClient:
    await on.patch(f"/api/contacts/{PEOPLE[email]}", locale="es_ES")
    browser = await on.signed_in(email)
    # Pages for anybody, such as the check of an invoice, follow the browser.
    browser.headers["Accept-Language"] = "es"
    return browser


@pytest.mark.parametrize("email", PEOPLE)
async def test_every_page_that_can_be_reached_speaks_spanish_alone(on: Stage, email: str) -> None:
    browser = await in_spanish(on, email)
    # The stage names and titles of the CRM are its own words, in English.
    known = list(english())
    assert len(known) > 300
    pages = await crawl(browser, "/")
    seen = 0
    for path, answer in pages.items():
        if answer.headers["content-type"].startswith("text/html"):
            assert '<html lang="es"' in answer.text, path
            text = shown(answer.text)
            assert [words for words in known if words in text] == [], path
            seen += 1
    assert seen >= 8


async def test_the_sign_in_mail_is_in_the_language_of_who_it_is_for(on: Stage) -> None:
    await in_spanish(on, "zoe@lukasiewicz.example")
    letter = on.post.letters[-1]
    assert letter.subject == "Iniciar sesión en Mode"
    assert "Hola, Zoë" in letter.text
    assert [w for w in english() if w in f"{letter.text} {shown(letter.html)}"] == []


async def test_a_documents_words_are_in_the_language_of_who_asks(on: Stage) -> None:
    browser = await in_spanish(on, "jane@acme.com")
    invoice = words_of((await browser.get("/invoices/inv_2026001.pdf")).content)
    assert "Factura INV-2026-001" in invoice
    statement = words_of((await browser.get("/statement.pdf")).content)
    assert "Estado de cuenta" in statement
    assert [w for w in english() if w in f"{invoice} {statement}"] == []


async def test_a_browser_that_wishes_spanish_gets_it_before_anybody_signs_in(on: Stage) -> None:
    for wish, language in (
        ("es-MX,es;q=0.9,en;q=0.5", "es"),
        ("de-DE,de;q=0.9,es;q=0.3", "es"),
        ("en-GB,es;q=0.9", "en"),
        ("es;q=0, fr", "en"),
        ("*", "en"),
        (",;q=x,e%s", "en"),
        ("", "en"),
    ):
        page = await on.browser(**{"Accept-Language": wish}).get("/auth/login")
        assert f'<html lang="{language}"' in page.text, wish


async def test_the_language_is_switched_on_the_sign_in_page_and_stays(on: Stage) -> None:
    browser = on.browser(**{"Accept-Language": "en"})
    page = await browser.get("/auth/login?redirect=/invoices")
    assert 'name="language" value="es" lang="es">Español</button>' in page.text
    answer = await browser.post(
        "/auth/language", data={"language": "es", "next": "/invoices", "page": "/auth/login"}
    )
    assert answer.headers["location"] == "/auth/login?redirect=%2Finvoices"
    assert browser.cookies[COOKIE] == "es"
    page = await browser.get(answer.headers["location"])
    assert '<html lang="es"' in page.text
    assert 'value="en" lang="en">English</button>' in page.text
    assert [words for words in english() if words in shown(page.text)] == []
    wrong = await browser.post("/auth/magic", data={"email": "nobody"})
    assert wrong.status_code == 422
    assert [words for words in english() if words in shown(wrong.text)] == []


async def test_a_person_is_spoken_to_in_their_own_language_whatever_the_browser_wishes(
    on: Stage,
) -> None:
    browser = await in_spanish(on, "jane@acme.com")
    page = await browser.get("/", headers={"Accept-Language": "en"})
    assert '<html lang="es"' in page.text


async def test_the_account_page_switches_it(on: Stage) -> None:
    browser = await on.signed_in("jane@acme.com")
    fields = {"full_name": "Jane Smith", "timezone": "America/New_York", "locale": "es_MX"}
    answer = await browser.post("/account", data=fields)
    assert answer.status_code == 303
    assert '<html lang="es"' in (await browser.get("/")).text


async def test_a_language_that_there_is_not_is_refused_and_leads_nowhere_else(on: Stage) -> None:
    browser = on.browser()
    for data in ({"language": "xx"}, {"language": ""}, {}):
        assert (await browser.post("/auth/language", data=data)).status_code == 422
    away = {"language": "es", "next": "https://evil.example/", "page": "//evil.example"}
    answer = await browser.post("/auth/language", data=away)
    assert answer.headers["location"] == "/auth/login?redirect=%2F"
    back = await browser.post("/auth/language", data={"language": "es", "page": "/verify"})
    assert back.headers["location"] == "/verify"


async def test_a_cookie_of_another_language_is_no_language(on: Stage) -> None:
    browser = on.browser()
    browser.cookies.set(COOKIE, "../../etc", domain="127.0.0.1", path="/")
    assert '<html lang="en"' in (await browser.get("/auth/login")).text
