"""Nobody reaches MCP without an API key; whoever does is bound to the request that carried it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from portal.sandbox.callers import Caller, Callers
from portal.sandbox.envelope import Answer, Refusal

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
CHALLENGE: Final = 'Bearer realm="SM API"'


class KeyHolder(AuthenticatedUser):
    """The caller of one request, in the SDK's terms.

    The SDK compares `client_id` with that of the request that opened a session, and answers 404
    when they differ: a session cannot be used with another key.
    """

    def __init__(self, caller: Caller) -> None:
        identity = f"{caller.kind}:{caller.product or ''}:{caller.name}"
        super().__init__(AccessToken(token="", client_id=identity, scopes=[]))
        self.caller = caller


class Gate:
    """Lets a request through to `app` with its KeyHolder as `scope["user"]`.

    Answers 401 without a known key (RFC 6750 §3), then 421 or 403 to a name or a page that is not
    the sandbox's own (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, callers: Callers, security: TransportSecuritySettings) -> None:
        self._app = app
        self._callers = callers
        self._security = TransportSecurityMiddleware(security)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        request = Request(scope)
        try:
            caller = self._callers.machine(request)
        except Refusal as refusal:
            unknown = ', error="invalid_token"' if "WWW-Authenticate" in refusal.headers else ""
            headers = refusal.headers | {"WWW-Authenticate": CHALLENGE + unknown}
            await Answer.refusal(refusal).response(headers)(scope, receive, send)
            return
        foreign = await self._security.validate_request(request)
        if foreign is not None:
            await foreign(scope, receive, send)
            return
        await self._app({**scope, "user": KeyHolder(caller)}, receive, send)


def caller_of(request: Request) -> Caller:
    """Who sent this very request, as the gate found it."""
    holder = request.scope["user"]
    assert isinstance(holder, KeyHolder)
    return holder.caller


def own_names(origin: str) -> TransportSecuritySettings:
    """The hosts and origins under which a sandbox at `origin`, or on this machine, is asked."""
    address = urlsplit(origin)
    return TransportSecuritySettings(
        allowed_hosts=[address.netloc, *LOOPBACK, *(f"{name}:*" for name in LOOPBACK)],
        allowed_origins=[origin, *(f"http://{name}:*" for name in LOOPBACK)],
    )
