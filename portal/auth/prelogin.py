"""The pre-login cookie: binds a magic link to the browser that asked for it."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import asdict, dataclass, replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from portal.auth.signed_cookie import SignedCookie
from portal.env import Env
from portal.settings import Settings

COOKIE: Final = SignedCookie("portal_prelogin", lifetime=15 * 60, purpose="prelogin")
"""It lives a little longer than a link does, so that the cookie is never the first to go."""


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


def read_prelogin(request: Request, env: Env) -> Prelogin | None:
    """The binding this browser carries, or None when absent, altered or too old."""
    value = COOKIE.read(request, env)
    try:
        return Prelogin(**value)
    except TypeError:
        return None


def set_prelogin(response: Response, prelogin: Prelogin, env: Env) -> None:
    """Give the browser its binding."""
    COOKIE.put(response, asdict(prelogin), env)


def clear_prelogin(response: Response, settings: Settings) -> None:
    """Take the binding away once it has served."""
    COOKIE.clear(response, settings)
