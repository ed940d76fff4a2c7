"""Sign-ins under way: each browser tab has a cookie of its own, signed, and good for one return."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import Response

from portal.auth.google.provider import Attempt
from portal.edge.kv import KV
from portal.settings import Settings

PREFIX: Final = "portal_sso_"
PATH: Final = "/auth/sso/google"
LIFETIME: Final = 600
"""Seconds a person may take at Google."""

SPENT: Final = "sso:"


@dataclass(frozen=True)
class Started:
    """An attempt and the page that the person wanted."""

    attempt: Attempt
    redirect: str


def new_attempt() -> Attempt:
    """Fresh random values; the verifier has the 43 characters that RFC 7636 §4.1 asks for."""
    return Attempt(*(secrets.token_urlsafe(32) for _ in range(3)))


def remember(response: Response, started: Started, settings: Settings) -> None:
    """Bind the attempt to this browser. Lax, because Google sends the person back here."""
    attempt = started.attempt
    value = _serializer(settings).dumps(
        [attempt.state, attempt.nonce, attempt.code_verifier, started.redirect]
    )
    response.set_cookie(
        _name(attempt.state),
        value if isinstance(value, str) else value.decode(),
        max_age=LIFETIME,
        path=PATH,
        secure=settings.session_cookie_secure,
        httponly=True,
        samesite="lax",
    )


async def take_back(request: Request, state: str, settings: Settings, store: KV) -> Started | None:
    """The attempt that `state` belongs to, once; None when this browser has none, or had it."""
    try:
        kept = _serializer(settings).loads(request.cookies.get(_name(state), ""), max_age=LIFETIME)
        *values, redirect = kept
        started = Started(Attempt(*values), redirect)
    except (BadData, TypeError, ValueError):
        return None
    if started.attempt.state != state:
        return None
    fresh = await store.add(SPENT + _digest(state), b"1", ttl=LIFETIME)
    return started if fresh else None


def forget(response: Response, state: str, settings: Settings) -> None:
    """Take the attempt's cookie away."""
    response.delete_cookie(
        _name(state),
        path=PATH,
        secure=settings.session_cookie_secure,
        httponly=True,
        samesite="lax",
    )


def _name(state: str) -> str:
    return PREFIX + _digest(state)[:16]


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "replace")).hexdigest()


def _serializer(settings: Settings) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(list(reversed(settings.session_secrets)), salt="portal.sso")
