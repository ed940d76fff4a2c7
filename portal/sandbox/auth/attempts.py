"""A Google sign-in under way: a signed `state`, and a secret that only this browser has.

Nonce and PKCE verifier are derived from both, so that nothing need be kept here, tabs do not
disturb each other, and a `state` from another browser leads nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from secrets import token_hex, token_urlsafe
from typing import Final

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import Response

from portal.sandbox.config import SandboxConfig

COOKIE: Final = "sm_sso"
PATH: Final = "/auth/sso/google"
LIFETIME: Final = 600
"""Seconds that a person may take at Google."""

SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True)
class Attempt:
    """One attempt. `redirect` and `product` are what the person came with (sm-api §5)."""

    id: str
    redirect: str
    product: str | None
    browser: str

    @property
    def nonce(self) -> str:
        """The `nonce` of the ID token."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """The `code_verifier` (RFC 7636), of 43 characters."""
        return self._derived("verifier")

    def _derived(self, use: str) -> str:
        digest = hmac.digest(self.browser.encode(), f"{use}:{self.id}".encode(), hashlib.sha256)
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


def start_attempt(request: Request, redirect: str, product: str | None) -> Attempt:
    """A new attempt of this browser."""
    browser = request.cookies.get(COOKIE, "")
    if not SECRET.fullmatch(browser):
        browser = token_urlsafe(32)
    return Attempt(token_hex(8), redirect, product, browser)


def state_of(attempt: Attempt, secret: str) -> str:
    """The `state` parameter: readable by anybody, made by us alone."""
    signed = _serializer(secret).dumps([attempt.id, attempt.redirect, attempt.product])
    return signed if isinstance(signed, str) else signed.decode()


def remember(response: Response, attempt: Attempt, config: SandboxConfig) -> None:
    """Give the browser its secret. Lax, because the way back is from another site."""
    response.set_cookie(
        COOKIE,
        attempt.browser,
        max_age=LIFETIME,
        path=PATH,
        secure=config.session_cookie_secure,
        httponly=True,
        samesite="lax",
    )


def resume_attempt(request: Request, state: str, secret: str) -> Attempt | None:
    """The attempt that `state` belongs to, None if it is not ours, too old, or without a cookie."""
    browser = request.cookies.get(COOKIE, "")
    try:
        attempt_id, redirect, product = _serializer(secret).loads(state, max_age=LIFETIME)
    except (BadData, TypeError, ValueError):
        return None
    if not SECRET.fullmatch(browser):
        return None
    return Attempt(attempt_id, redirect, product, browser)


def _serializer(secret: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret, salt="sandbox.sso")
