"""The pre-login cookie: binds a magic link to the browser that asked for it."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from typing import Final

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import Response

from portal.settings import Settings

COOKIE: Final = "portal_prelogin"
LIFETIME: Final = 15 * 60
"""Seconds; a little longer than a link lives, so that the cookie is never the first to go."""


@dataclass(frozen=True)
class Prelogin:
    """A browser on its way in: a random nonce, and the address and page it asked for."""

    nonce: str
    email: str
    redirect: str

    @property
    def browser_hash(self) -> str:
        """What is stored with the link: SHA-256 of the nonce, lower-case hex."""
        return hashlib.sha256(self.nonce.encode()).hexdigest()

    def code_hash(self, code: str) -> str:
        """SHA-256 of the six digits together with the nonce: useless without this browser."""
        return hashlib.sha256(f"{self.nonce}:{code}".encode()).hexdigest()


def new_prelogin(email: str, redirect: str) -> Prelogin:
    """A fresh binding for a browser that asks for a link."""
    return Prelogin(secrets.token_urlsafe(32), email, redirect)


def renewed(prelogin: Prelogin, redirect: str) -> Prelogin:
    """The same browser asking once more for the same address."""
    return replace(prelogin, redirect=redirect)


def read_prelogin(request: Request, settings: Settings) -> Prelogin | None:
    """The binding this browser carries, or None when absent, altered or too old."""
    try:
        value = _serializer(settings).loads(request.cookies.get(COOKIE, ""), max_age=LIFETIME)
        return Prelogin(**value)
    except (BadData, TypeError):
        return None


def set_prelogin(response: Response, prelogin: Prelogin, settings: Settings) -> None:
    """Give the browser its binding. Lax, because the link is opened from a mail program."""
    value = _serializer(settings).dumps(
        {"nonce": prelogin.nonce, "email": prelogin.email, "redirect": prelogin.redirect}
    )
    response.set_cookie(
        COOKIE,
        value if isinstance(value, str) else value.decode(),
        max_age=LIFETIME,
        path="/auth",
        secure=settings.session_cookie_secure,
        httponly=True,
        samesite="lax",
    )


def clear_prelogin(response: Response, settings: Settings) -> None:
    """Take the binding away once it has served."""
    response.delete_cookie(
        COOKIE,
        path="/auth",
        secure=settings.session_cookie_secure,
        httponly=True,
        samesite="lax",
    )


def _serializer(settings: Settings) -> URLSafeTimedSerializer:
    # itsdangerous signs with the last key and accepts them all; our first is the one that signs.
    return URLSafeTimedSerializer(list(reversed(settings.session_secrets)), salt="portal.prelogin")
