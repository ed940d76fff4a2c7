"""Every word of the interface goes through one catalogue, and the catalogue is the code's."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from portal.words import ENGLISH, LOCALE_DIR, Words
from tests.catalogue import TEMPLATE, collect, written

PROJECT = Path(__file__).parent.parent
GERMAN = """
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "You may not set %(field)s here."
msgstr "%(field)s kann hier nicht gesetzt werden."
"""


@pytest.fixture
def words(tmp_path: Path) -> Words:
    (tmp_path / "de.po").write_text(GERMAN, "utf-8")
    return Words(tmp_path)


def test_the_list_of_words_is_that_of_the_code_and_templates() -> None:
    kept = (LOCALE_DIR / TEMPLATE).read_bytes()
    assert kept == written(collect(PROJECT)), "run: make words"


def test_words_of_pages_mails_and_errors_are_in_the_list() -> None:
    with (LOCALE_DIR / TEMPLATE).open("rb") as file:
        known = {m.id if isinstance(m.id, str) else m.id[0] for m in read_po(file)}
    assert "Sign in again" in known
    assert "This link has expired" in known
    assert "Or type this code in the browser where you asked for it:" in known
    assert "Your access has ended" in known


def test_english_is_what_the_ids_say(words: Words) -> None:
    assert words.say(ENGLISH, "Sign in again") == "Sign in again"


def test_a_message_is_translated_with_its_values(words: Words) -> None:
    said = words.say("de", "You may not set %(field)s here.", {"field": "cogs"})
    assert said == "cogs kann hier nicht gesetzt werden."


def test_a_text_that_is_no_message_id_may_hold_a_percent_sign(words: Words) -> None:
    assert words.say("de", "78 % done") == "78 % done"


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de_AT", "de"), ("de-DE", "de"), ("DE", "de"), ("pl_PL", "en"), ("", "en"), (None, "en")],
)
def test_a_locale_without_a_catalogue_speaks_english(
    words: Words, locale: str | None, language: str
) -> None:
    assert words.language_of(locale) == language
