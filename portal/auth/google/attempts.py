"""Sign-ins under way: each browser tab has a cookie of its own, signed, and good for one return."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from portal.auth.google.provider import Attempt
from portal.auth.signed_cookie import SignedCookie
from portal.env import Env
from portal.settings import Settings

PREFIX: Final = "portal_sso_"
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


def remember(response: Response, started: Started, env: Env) -> None:
    """Bind the attempt to this browser."""
    attempt = started.attempt
    value = [attempt.state, attempt.nonce, attempt.code_verifier, started.redirect]
    _cookie(attempt.state).put(response, value, env)


async def take_back(request: Request, state: str, env: Env) -> Started | None:
    """The attempt that `state` belongs to, once; None when this browser has none, or had it."""
    kept = _cookie(state).read(request, env)
    try:
        *values, redirect = kept
        started = Started(Attempt(*values), redirect)
    except (TypeError, ValueError):
        return None
    if started.attempt.state != state:
        return None
    fresh = await env.state.add(SPENT + _digest(state), b"1", ttl=LIFETIME)
    return started if fresh else None


def forget(response: Response, state: str, settings: Settings) -> None:
    """Take the attempt's cookie away."""
    _cookie(state).clear(response, settings)


def _cookie(state: str) -> SignedCookie:
    return SignedCookie(PREFIX + _digest(state)[:16], lifetime=LIFETIME, purpose="sso")


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "replace")).hexdigest()
