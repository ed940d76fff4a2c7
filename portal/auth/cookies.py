"""The cookies of a session: reading them by exact name, setting and clearing them (sm-api §4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from portal.errors import SignInNeeded
from portal.raw_headers import values_of
from portal.settings import Settings

SHARED_COOKIE: Final = "sm_client"
"""One login for every portal of the platform: the cookie that we issue."""


def door_cookie(product: str) -> str:
    """The per-portal cookie that newer portals set; read before the shared one."""
    return f"sm_session_{product}"


def session_tokens(request: Request, product: str) -> list[str]:
    """The session tokens the browser sent, the portal's own cookie first.

    Raises SignInNeeded when a name comes twice: which of the two is meant cannot be known, and
    one may have been planted from a sibling domain.
    """
    found: dict[str, list[str]] = {door_cookie(product): [], SHARED_COOKIE: []}
    for name, value in _pairs(values_of(request.scope["headers"], b"cookie")):
        if name in found:
            found[name].append(value)
    if any(len(values) > 1 for values in found.values()):
        raise SignInNeeded
    return [token for values in found.values() for token in values if token]


def set_session(response: Response, token: str, settings: Settings) -> None:
    """Issue `sm_client`, and drop a per-portal cookie that would be read before it."""
    response.set_cookie(
        SHARED_COOKIE,
        token,
        max_age=settings.session_days * 86_400,
        path="/",
        domain=settings.session_cookie_domain,
        secure=settings.session_cookie_secure,
        httponly=True,
        samesite=settings.session_cookie_samesite,
    )
    for domain in {settings.session_cookie_domain, None}:
        _clear(response, door_cookie(settings.product), settings, domain)


def set_preview(response: Response, token: str, settings: Settings) -> None:
    """Issue a staff preview as this portal's own cookie (sm-api §10), gone with the browser.

    The shared cookie stays as it is: other portals are not to be previewed by this.
    """
    response.set_cookie(
        door_cookie(settings.product),
        token,
        path="/",
        domain=settings.session_cookie_domain,
        secure=settings.session_cookie_secure,
        httponly=True,
        samesite=settings.session_cookie_samesite,
    )


def clear_preview(response: Response, settings: Settings) -> None:
    """Remove a staff preview; the session beneath it stays."""
    _clear(response, door_cookie(settings.product), settings, settings.session_cookie_domain)


def clear_session(response: Response, settings: Settings) -> None:
    """Remove every session cookie we read, on the shared domain and on this host alone."""
    for domain in {settings.session_cookie_domain, None}:
        for name in (SHARED_COOKIE, door_cookie(settings.product)):
            _clear(response, name, settings, domain)


def _clear(response: Response, name: str, settings: Settings, domain: str | None) -> None:
    response.delete_cookie(
        name,
        path="/",
        domain=domain,
        secure=settings.session_cookie_secure,
        httponly=True,
        samesite=settings.session_cookie_samesite,
    )


def _pairs(headers: Iterable[bytes]) -> Iterable[tuple[str, str]]:
    for header in headers:
        for piece in header.decode("latin-1").split(";"):
            name, equals, value = piece.strip().partition("=")
            if equals:
                yield name.strip(), value.strip().strip('"')
