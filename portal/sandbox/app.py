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
    start_page,
    transcript,
)
from portal.sandbox.callers import Callers, standard_recognizers
from portal.sandbox.config import SandboxConfig
from portal.sandbox.envelope import Refusal, http_refused, refused
from portal.sandbox.keys import create_api_key
from portal.sandbox.middleware import RequestId
from portal.sandbox.store import Store

__all__ = ["SandboxConfig", "create_sandbox"]

DEFAULT_KEY = "default"


def create_sandbox(config: SandboxConfig, store: Store, clock: Callable[[], datetime]) -> Starlette:
    """An SM API on `store`. The configured API key is registered, bound to no product.

    `app.state` has `config`, `store`, `clock` and `callers`, which the handlers read.
    """
    if config.api_key:
        create_api_key(store, DEFAULT_KEY, key=config.api_key)
    app = Starlette(
        routes=[
            *magic_sessions.routes(),
            *leads.routes(),
            *transcript.routes(),
            *api.routes(),
            *mailbox.routes(),
            *openapi.routes(),
            *start_page.routes(),
        ],
        middleware=[Middleware(RequestId)],
        exception_handlers={Refusal: refused, HTTPException: http_refused},
    )
    app.router.redirect_slashes = False
    app.state.config = config
    app.state.store = store
    app.state.clock = clock
    app.state.callers = Callers(standard_recognizers(config, store))
    return app
