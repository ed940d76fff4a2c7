"""The sandbox on one screen: configuration, store, clock in; an ASGI app out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from portal.sandbox import (
    api,
    leads,
    magic_sessions,
    mailbox,
    openapi,
    portal_routes,
    start_page,
    transcript,
)
from portal.sandbox.auth import routes as auth
from portal.sandbox.auth.callers import person_recognizers
from portal.sandbox.auth.tables import create_tables
from portal.sandbox.callers import Callers, standard_recognizers
from portal.sandbox.config import SandboxConfig
from portal.sandbox.cors import CrossOrigin
from portal.sandbox.envelope import Refusal, http_refused, refused
from portal.sandbox.google import routes as google
from portal.sandbox.google.provider import GoogleStandIn
from portal.sandbox.keys import create_api_key
from portal.sandbox.mcp import McpServer
from portal.sandbox.middleware import RequestId
from portal.sandbox.store import Store

__all__ = ["SandboxConfig", "create_sandbox"]

DEFAULT_KEY = "default"


def create_sandbox(config: SandboxConfig, store: Store, clock: Callable[[], datetime]) -> Starlette:
    """An SM API on `store`. The configured API key is registered, bound to no product.

    `app.state` has `config`, `store`, `clock`, `callers` and `google`, which the handlers read,
    and `mcp`, whose streams are to be ended before the web server stops.
    """
    create_tables(store)
    if config.api_key:
        create_api_key(store, DEFAULT_KEY, key=config.api_key)
    mcp = McpServer(config, store)
    app = Starlette(
        routes=[
            *magic_sessions.routes(),
            *leads.routes(),
            *transcript.routes(),
            *api.routes(),
            *portal_routes.routes(),
            *auth.routes(),
            *google.routes(),
            *mailbox.routes(),
            *openapi.routes(),
            *mcp.routes(),
            *start_page.routes(),
        ],
        middleware=[Middleware(RequestId), Middleware(CrossOrigin, config=config)],
        exception_handlers={Refusal: refused, HTTPException: http_refused},
        lifespan=mcp.lifespan,
    )
    app.router.redirect_slashes = False
    app.state.config = config
    app.state.store = store
    app.state.clock = clock
    app.state.mcp = mcp
    app.state.google = GoogleStandIn(config, store)
    recognizers = (*standard_recognizers(config, store), *person_recognizers(config, store))
    app.state.callers = Callers(recognizers)
    return app
