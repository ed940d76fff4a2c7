"""How a document speaks to its reader: words, amounts, days and who sends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.support import NullTranslations
from starlette.requests import Request

from portal import format as formats
from portal.auth.gate import access_of
from portal.documents.typesetting import MISSING, shown
from portal.domain.invoices import Standing, StandingKind
from portal.templating import Brand, Templates, colour_of


@dataclass(frozen=True)
class Wording:
    """The reader's language and locale, and the portal's name, colour and address for questions."""

    language: str
    locale: Locale
    translations: NullTranslations
    portal_name: str
    colour: str
    support_email: str

    @classmethod
    def of(cls, request: Request) -> Wording:
        """How to speak to whoever asked: the client, also in a preview."""
        templates: Templates = request.app.state.templates
        brand: Brand = request.app.state.env.settings
        return cls.speaking(templates, brand, access_of(request).viewer.locale)

    @classmethod
    def speaking(cls, templates: Templates, brand: Brand, locale: str) -> Wording:
        """How to speak to a viewer of this locale, a Babel identifier; no request belongs to it."""
        language = templates.words.language_of(locale)
        return cls(
            language=language,
            locale=formats.locale_of(locale),
            translations=templates.words.of(language),
            portal_name=brand.portal_name,
            colour=colour_of(brand, templates.assets),
            support_email=brand.support_email,
        )

    @classmethod
    def printed(cls, request: Request) -> Wording:
        """How a PDF speaks to whoever asked."""
        return cls.of(request).for_print()

    def for_print(self) -> Wording:
        """The same on paper: in American English formats where our font has no letters."""
        return replace(self, locale=printable(str(self.locale)))

    def gettext(self, text: str, **values: object) -> str:
        """A message in the reader's language, with its `%(name)s` filled in."""
        said = str(self.translations.ugettext(text))
        return said % values if values else said

    def ngettext(self, one: str, many: str, number: int) -> str:
        """The form of a message for so many, with `%(num)s` filled in."""
        return str(self.translations.ungettext(one, many, number)) % {"num": number}

    def money(self, amount: Decimal, currency: str) -> str:
        """An amount as the reader's locale writes it."""
        return formats.money(amount, currency, self.locale)

    def number(self, value: Decimal) -> str:
        """A quantity as the reader's locale writes it."""
        return formats.number(value, self.locale)

    def day(self, value: date | None) -> str:
        """A day as the reader's locale writes it; a dash for none."""
        return formats.day(value, self.locale) if value else "–"  # noqa: RUF001 # as on the pages

    def frame(self, title: str) -> Mapping[str, Any]:
        """What every document has: its title and language, who sends it, how its pages count."""
        return {
            "title": title,
            "language": self.language,
            "colour": self.colour,
            "sender": self.portal_name,
            "questions": self.gettext("Questions? Write to %(email)s.", email=self.support_email),
            # The template fills in what only it knows; a translation may turn them around.
            "page_of": self.gettext("Page %(page)s of %(pages)s", page="{page}", pages="{pages}"),
        }

    def standing(self, standing: Standing) -> str:
        """How an invoice stands, in the words of the pages."""
        words = self._standing(standing)
        if not standing.partly or not standing.wants_payment:
            return words
        if standing.kind is StandingKind.PARTLY_PAID:
            if standing.days is None:
                return words
            rest = self.ngettext(
                "The rest is due in %(num)s day", "The rest is due in %(num)s days", standing.days
            )
            return f"{words}. {rest}"
        return f"{words}. {self.gettext('Partly paid')}"

    def _standing(self, standing: Standing) -> str:
        days = standing.days or 0
        match standing.kind:
            case StandingKind.OVERDUE:
                return self.ngettext("Overdue by %(num)s day", "Overdue by %(num)s days", days)
            case StandingKind.OPEN if standing.days is not None:
                return self.ngettext("Due in %(num)s day", "Due in %(num)s days", days)
            case StandingKind.PAID if standing.on:
                return self.gettext("Paid on %(on)s", on=self.day(standing.on))
            case kind:
                return self.gettext(_PLAIN_WORDS[kind])


_PLAIN_WORDS = {
    StandingKind.DUE_TODAY: "Due today",
    StandingKind.PARTLY_PAID: "Partly paid",
    StandingKind.OPEN: "Open",
    StandingKind.PAID: "Paid",
    StandingKind.CREDIT: "Credit",
    StandingKind.VOID: "Void",
    StandingKind.DRAFT: "Draft",
}
"""Message ids that templates/macros/status.html says, too, where they are collected."""


@lru_cache(maxsize=256)
def printable(identifier: str) -> Locale:
    """The locale of an identifier; American English when our font cannot write its days."""
    locale = formats.locale_of(identifier)
    sample = formats.day(date(2026, 12, 31), locale) + formats.money(Decimal(-1), "EUR", locale)
    return formats.locale_of(formats.FALLBACK_LOCALE) if MISSING in shown(sample) else locale
