"""`_()` and `ngettext()` as templates call them, in one language.

As Jinja's own: every text is a format string, and values are escaped where the template is.
"""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup


class Gettext:
    """`_()`, which looks each text up once."""

    def __init__(self, translate: Callable[[str], str]) -> None:
        self._translate = translate
        self._formats: dict[str, Markup] = {}
        self._texts: dict[str, Markup] = {}

    def __call__(self, is_escaped: bool, text: str, /, **values: object) -> str:
        """The text in this language, with its values."""
        if text not in self._formats:
            # All of them are constants of ours.
            self._formats[text] = Markup(self._translate(text))  # noqa: S704
        if not is_escaped:
            return str(self._formats[text]) % values
        if values:
            return self._formats[text] % values
        if text not in self._texts:
            self._texts[text] = self._formats[text] % {}
        return self._texts[text]


class Ngettext:
    """`ngettext()`, whose texts may speak of the number as `num`."""

    def __init__(self, translate: Callable[[str, str, int], str]) -> None:
        self._translate = translate

    def __call__(
        self, is_escaped: bool, singular: str, plural: str, number: int, /, **values: object
    ) -> str:
        """The text for this number, with its values."""
        text = self._translate(singular, plural, number)
        values.setdefault("num", number)
        if not is_escaped:
            return text % values
        if all(type(value) is int for value in values.values()):
            return Markup(text % values)  # noqa: S704 # a constant of ours, and numbers
        return Markup(text) % values  # noqa: S704 # a constant of ours
