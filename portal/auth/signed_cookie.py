"""The cookies of our own that carry something on the way in: signed, dated, and of this host alone.

Platform sessions are not among them: those are in `cookies`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response

from portal.env import Env
from portal.settings import Settings

HOST_ONLY: Final = "__Host-"
"""Browsers take a cookie of this prefix from our host alone, over https, for every path
(RFC 6265bis §4.1.3.2): a sibling domain cannot plant one."""


@dataclass(frozen=True)
class SignedCookie:
    """One cookie: its name, how many seconds it counts, and what its signature is good for."""

    name: str
    lifetime: int
    purpose: str

    def put(self, response: Response, value: Any, env: Env) -> None:
        """Give the browser `value` (JSON). Lax, because the way in leads through other sites."""
        expires = env.clock().timestamp() + self.lifetime
        signed = self._serializer(env.settings).dumps([expires, value])
        response.set_cookie(
            self.name_for(env.settings),
            signed if isinstance(signed, str) else signed.decode(),
            max_age=self.lifetime,
            path="/",
            secure=env.settings.session_cookie_secure,
            httponly=True,
            samesite="lax",
        )

    def read(self, request: Request, env: Env) -> Any:
        """The value that we signed; None when it is absent, altered, for something else or old."""
        sent = request.cookies.get(self.name_for(env.settings), "")
        try:
            expires, value = self._serializer(env.settings).loads(sent)
            in_time = env.clock().timestamp() < expires
        except (BadData, TypeError, ValueError):
            return None
        return value if in_time else None

    def clear(self, response: Response, settings: Settings) -> None:
        """Take it away once it has served."""
        response.delete_cookie(
            self.name_for(settings),
            path="/",
            secure=settings.session_cookie_secure,
            httponly=True,
            samesite="lax",
        )

    def name_for(self, settings: Settings) -> str:
        """Its name in browsers; the prefix is refused where a portal has no https."""
        return f"{HOST_ONLY}{self.name}" if settings.session_cookie_secure else self.name

    def _serializer(self, settings: Settings) -> URLSafeSerializer:
        # itsdangerous signs with the last key and accepts them all; our first is the one that
        # signs.
        keys = list(reversed(settings.session_secrets))
        return URLSafeSerializer(keys, salt=f"portal.{self.purpose}")
