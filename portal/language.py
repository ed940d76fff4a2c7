"""Which language a page speaks: the person's own, else the browser's choice, else its wish."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from portal.words import Words

COOKIE: Final = "portal_language"
SECONDS: Final = 365 * 86_400
MOST_WISHES: Final = 20
WISH: Final = re.compile(
    r"([A-Za-z]{1,8})(?:-[A-Za-z0-9-]+)?(?:\s*;\s*q=(0(?:\.\d{1,3})?|1(?:\.0{1,3})?))?"
)


def language_of(request: Request, words: Words, locale: str | None) -> str:
    """The language of a page: that of `locale` when the person is known.

    Somebody who is not is spoken to as they chose on a sign-in page, else as their browser
    wishes (`Accept-Language`, RFC 9110 §12.5.4), else in English.
    """
    if locale is not None:
        return words.language_of(locale)
    chosen = request.cookies.get(COOKIE)
    if chosen in words.languages:
        return chosen
    wished = _wishes(request.headers.get("accept-language", ""))
    return next((one for one in wished if one in words.languages), words.language_of(None))


def remember_language(response: Response, language: str) -> None:
    """Keep the choice in the browser."""
    response.set_cookie(COOKIE, language, max_age=SECONDS, path="/", samesite="lax", httponly=True)


def _wishes(header: str) -> Iterator[str]:
    """The languages of the header, the most wanted first; what cannot be read is left out."""
    found: list[tuple[float, int, str]] = []
    for part in header.split(",")[:MOST_WISHES]:
        wish = WISH.fullmatch(part.strip())
        if wish and (weight := float(wish[2] or 1)):
            found.append((-weight, len(found), wish[1].lower()))
    return (language for _, _, language in sorted(found))
