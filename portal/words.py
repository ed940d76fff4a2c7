"""The interface's own words: message ids in the code and templates, one catalogue a language.

English is what the ids say. Another language is a file `portal/locale/LANGUAGE.po`; `make words`
collects the ids into `portal/locale/messages.pot`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from babel.support import NullTranslations, Translations

ENGLISH: Final = "en"
LOCALE_DIR: Final = Path(__file__).parent / "locale"


def msgid(text: str) -> str:
    """Mark a text as one to be translated where it is shown."""
    return text


class Words:
    """The catalogues there are. A language without one speaks English."""

    def __init__(self, folder: Path = LOCALE_DIR) -> None:
        self._files = {file.stem: file for file in sorted(folder.glob("*.po"))}
        self._translations: dict[str, NullTranslations] = {ENGLISH: NullTranslations()}

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that pages can be shown in, as `en`, `es`."""
        return (ENGLISH, *(language for language in self._files if language != ENGLISH))

    def language_of(self, locale: str | None) -> str:
        """The language for a locale such as `es_MX`: its own, else English."""
        language = (locale or ENGLISH).replace("-", "_").partition("_")[0].lower()
        return language if language in self._files else ENGLISH

    def of(self, language: str) -> NullTranslations:
        """The catalogue of a language that `languages` names."""
        # Once it is first spoken: each takes 30 ms of a start.
        if language not in self._translations:
            self._translations[language] = _compiled(self._files[language])
        return self._translations[language]

    def files_of(self, language: str) -> tuple[Path, ...]:
        """What the catalogue of a language is read from."""
        return (self._files[language],) if language in self._files else ()

    def say(self, language: str, text: str, values: Mapping[str, Any] | None = None) -> str:
        """A message in a language, with its values filled in."""
        said = str(self.of(language).ugettext(text))
        return said % values if values else said


def _compiled(file: Path) -> Translations:
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with file.open("rb") as source:
        catalogue = read_po(source, locale=file.stem)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(fp=compiled)
