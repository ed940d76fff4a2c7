"""The session cookies: one for the whole platform, and those of single portals (sm-api §4)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from portal.sandbox.auth.session import LIFETIME
from portal.sandbox.config import SandboxConfig

SHARED: Final = "sm_client"
OF_PORTAL: Final = "sm_session_"
SLUG: Final = re.compile(r"[A-Za-z0-9-]{1,63}", re.ASCII)


def portal_of(request: Request) -> str | None:
    """The portal's slug in `X-SM-Product`, None without one."""
    slug = request.headers.get("x-sm-product", "").strip()
    return slug if SLUG.fullmatch(slug) else None


def session_tokens(request: Request) -> list[str]:
    """The tokens to try: the named portal's own, then the shared one.

    Names are matched whole. One that comes twice counts for nothing: which is meant cannot be
    known, and one may have been planted from a sibling domain.
    """
    slug = portal_of(request)
    names = ([OF_PORTAL + slug] if slug else []) + [SHARED]
    sent = list(_pairs(request))
    found = ([value for key, value in sent if key == name] for name in names)
    return [values[0] for values in found if len(values) == 1 and values[0]]


def set_session(response: Response, request: Request, token: str, config: SandboxConfig) -> None:
    """Issue `sm_client`, and drop what would be read before it."""
    response.set_cookie(
        SHARED,
        token,
        max_age=int(LIFETIME.total_seconds()),
        path="/",
        domain=config.session_cookie_domain,
        secure=config.session_cookie_secure,
        httponly=True,
        samesite=config.session_cookie_samesite,
    )
    _drop(response, _portal_cookies(request), config)


def clear_session(response: Response, request: Request, config: SandboxConfig) -> None:
    """Remove the shared cookie and every portal's that was sent."""
    _drop(response, [SHARED, *_portal_cookies(request)], config)


def _drop(response: Response, names: Iterable[str], config: SandboxConfig) -> None:
    domains = dict.fromkeys((config.session_cookie_domain, None))
    for name in names:
        for domain in domains:
            response.delete_cookie(
                name,
                path="/",
                domain=domain,
                secure=config.session_cookie_secure,
                httponly=True,
                samesite=config.session_cookie_samesite,
            )


def _portal_cookies(request: Request) -> list[str]:
    names = dict.fromkeys(name for name, _ in _pairs(request))
    return [
        name
        for name in names
        if name.startswith(OF_PORTAL) and SLUG.fullmatch(name.removeprefix(OF_PORTAL))
    ]


def _pairs(request: Request) -> Iterable[tuple[str, str]]:
    for header in request.headers.getlist("cookie"):
        for piece in header.split(";"):
            name, equals, value = piece.strip().partition("=")
            if equals:
                yield name.strip(), value.strip().strip('"')
