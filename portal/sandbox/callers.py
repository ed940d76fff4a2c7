"""Who is calling (sm-api §3): a service token, an API key, or whoever else is recognized."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from starlette.requests import Request

from portal.sandbox.config import SandboxConfig
from portal.sandbox.envelope import Refusal
from portal.sandbox.keys import find_api_key
from portal.sandbox.scope import Scope
from portal.sandbox.store import Store


class CallerKind(StrEnum):
    """By what a caller is known."""

    SERVICE = "service"
    KEY = "key"
    EDGE_USER = "edge_user"
    SESSION = "session"
    PUBLIC = "public"


@dataclass(frozen=True)
class Caller:
    """Whoever sent the request. With a `product`, nothing of another product exists for it.

    `within`: a narrower scope than that, where there is one.
    """

    kind: CallerKind
    name: str
    product: str | None = None
    within: Scope | None = None

    @property
    def scope(self) -> Scope:
        """What it may touch."""
        return self.within or Scope(self.product)

    @property
    def is_machine(self) -> bool:
        """Whether it is a program that was given a credential, and not a person."""
        return self.kind in (CallerKind.SERVICE, CallerKind.KEY)


Recognizer = Callable[[Request], Caller | None]
"""One way to be known. None: this request does not use it. Raises Refusal on a bad credential."""


class Callers:
    """The ways to be known, tried in order."""

    def __init__(self, recognizers: Sequence[Recognizer]) -> None:
        self._recognizers = tuple(recognizers)

    def of(self, request: Request) -> Caller:
        """The caller. Raises Refusal: 302 or 401 for a bad credential, 401 for none, 403."""
        for recognize in self._recognizers:
            caller = recognize(request)
            if caller is not None:
                return caller
        raise Refusal(401, "Not signed in")

    def machine(self, request: Request) -> Caller:
        """Like `of`, and 403 for a caller that is not a program."""
        caller = self.of(request)
        if not caller.is_machine:
            raise Refusal(403, "For service tokens and API keys only", reason="not_authorized")
        return caller


def standard_recognizers(config: SandboxConfig, store: Store) -> tuple[Recognizer, ...]:
    """Service token and API key."""
    return (service_token(config), api_key(store))


def service_token(config: SandboxConfig) -> Recognizer:
    """`CF-Access-Client-Id` and `CF-Access-Client-Secret`.

    The edge in front of SM API answers a pair that is wrong or half missing by sending the caller
    to its login page.
    """

    def recognize(request: Request) -> Caller | None:
        client_id = request.headers.get("cf-access-client-id")
        secret = request.headers.get("cf-access-client-secret")
        if client_id is None and secret is None:
            return None
        known = _same(client_id, config.client_id) & _same(secret, config.client_secret)
        if not known:
            raise _to_login_page(request)
        if config.strict_platform and not request.headers.get("x-sm-platform", "").strip():
            raise Refusal(403, "X-SM-Platform is required", reason="not_authorized")
        return Caller(CallerKind.SERVICE, config.client_id)

    return recognize


def api_key(store: Store) -> Recognizer:
    """`X-SM-Key`, or `Authorization: Bearer`."""

    def recognize(request: Request) -> Caller | None:
        key = request.headers.get("x-sm-key")
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if key is None and scheme.lower() == "bearer":
            key = credentials
        if key is None:
            return None
        found = find_api_key(store, key.strip())
        if found is None:
            raise Refusal(401, "Unknown API key", headers={"WWW-Authenticate": "Bearer"})
        return Caller(CallerKind.KEY, found.name, found.product)

    return recognize


def _same(sent: str | None, expected: str) -> bool:
    return bool(expected) and hmac.compare_digest((sent or "").encode(), expected.encode())


def _to_login_page(request: Request) -> Refusal:
    host = quote(request.headers.get("host", "").partition(":")[0], safe="")
    back = quote(request.scope["path"], safe="")
    where = f"/cdn-cgi/access/login/{host}?redirect_url={back}"
    return Refusal(302, "Sign in to continue", headers={"Location": where})
