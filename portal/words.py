"""The interface's own words: message ids in the code and templates, one catalogue a language.

English is what the ids say. Another language is a file `portal/locale/LANGUAGE.po`; the ids are
collected into `portal/locale/messages.pot` by `python -m portal.words`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from babel.support import NullTranslations, Translations

ENGLISH: Final = "en"
LOCALE_DIR: Final = Path(__file__).parent / "locale"
TEMPLATE: Final = "messages.pot"
KEYWORDS: Final = {"_": None, "gettext": None, "ngettext": (1, 2), "msgid": None}
SOURCES: Final = (("portal", "**.py", "python"), ("templates", "**", "jinja2"))
JINJA: Final = {
    "newstyle_gettext": "true",
    "trimmed": "true",
    "trim_blocks": "true",
    "lstrip_blocks": "true",
}
"""As `portal.templating` reads the templates."""

SKIPPED: Final = ("sandbox", "cli", "edge")
"""Folders whose words clients never read."""


def msgid(text: str) -> str:
    """Mark a text as one to be translated where it is shown."""
    return text


class Words:
    """The catalogues there are. A language without one speaks English."""

    def __init__(self, folder: Path = LOCALE_DIR) -> None:
        self._translations: dict[str, NullTranslations] = {ENGLISH: NullTranslations()}
        for file in sorted(folder.glob("*.po")):
            self._translations[file.stem] = _compiled(file)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that pages can be shown in, as `en`, `es`."""
        return tuple(self._translations)

    def language_of(self, locale: str | None) -> str:
        """The language for a locale such as `es_MX`: its own, else English."""
        language = (locale or ENGLISH).replace("-", "_").partition("_")[0].lower()
        return language if language in self._translations else ENGLISH

    def of(self, language: str) -> NullTranslations:
        """The catalogue of a language that `languages` names."""
        return self._translations[language]

    def say(self, language: str, text: str, values: Mapping[str, Any] | None = None) -> str:
        """A message in a language, with its values filled in."""
        said = str(self._translations[language].ugettext(text))
        return said % values if values else said


def collect(project: Path) -> Catalog:
    """Every message id of the pages, the mails and the errors, where it stands."""
    found = Catalog(project="mode-portal", charset="utf-8", fuzzy=False)
    for folder, pattern, method in SOURCES:
        extracted = extract_from_dir(
            project / folder,
            method_map=[(pattern, method)],
            options_map={pattern: JINJA},
            keywords=KEYWORDS,
            comment_tags=(),
            directory_filter=lambda path: Path(path).name not in SKIPPED,
        )
        for name, line, message, _comments, context in extracted:
            if message and message != ("", ""):
                found.add(message, None, [(f"{folder}/{name}", line)], context=context)
    return found


def written(catalogue: Catalog) -> bytes:
    """A catalogue as it is kept: sorted and without dates, to change with the words alone."""
    into = io.BytesIO()
    write_po(into, catalogue, sort_output=True, omit_header=True, no_location=True, width=100)
    return into.getvalue()


def _compiled(file: Path) -> Translations:
    with file.open("rb") as source:
        catalogue = read_po(source, locale=file.stem)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(fp=compiled)


if __name__ == "__main__":
    (LOCALE_DIR / TEMPLATE).write_bytes(written(collect(Path(__file__).parent.parent)))
