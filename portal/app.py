"""The worker on one screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from portal.env import Env
from portal.error_page import error_response, from_http
from portal.live.stream import Live
from portal.middleware import middleware
from portal.routes import ROUTES

DRAIN_SECONDS = 8.0


def create_app(env: Env) -> Starlette:
    """The portal for one environment; its lifespan delivers activities and closes the bindings."""
    live = Live(env)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        delivery = asyncio.create_task(env.outbox.run())
        try:
            yield
        finally:
            env.ctx.stop()
            await live.close()
            await env.ctx.drain(DRAIN_SECONDS)
            delivery.cancel()
            with suppress(asyncio.CancelledError):
                await delivery
            await env.close()

    app = Starlette(
        routes=ROUTES,
        middleware=middleware(env.settings, env.metrics.request),
        exception_handlers={HTTPException: _http_refusal},
        lifespan=lifespan,
    )
    # A redirect to the path without its slash would be built from the Host header, token and all.
    app.router.redirect_slashes = False
    app.state.env = env
    app.state.templates = env.templates
    app.state.live = live
    return app


async def _http_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return error_response(request, from_http(error))
