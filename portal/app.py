"""The worker on one screen."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from portal.env import Env
from portal.error_page import error_response, from_http
from portal.health import Readiness
from portal.live.stream import Live
from portal.middleware import middleware
from portal.routes import ROUTES

STOP_SECONDS: Final = 7.5
"""From being asked to stop until what goes on after answers is given up, and activities wait in
the queue for whoever comes next."""

STALLED_SECONDS: Final = 1.0


def create_app(env: Env) -> Starlette:
    """The portal for one environment; its lifespan delivers activities and closes the bindings."""
    live = Live(env)
    readiness = Readiness(env)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        delivery = asyncio.create_task(env.outbox.run())
        try:
            yield
        finally:
            readiness.stop()
            env.ctx.stop()
            await live.close()
            await env.ctx.drain(readiness.left(STOP_SECONDS))
            await _deliver_rest(env, readiness.left(STOP_SECONDS))
            delivery.cancel()
            with suppress(asyncio.CancelledError):
                await delivery
            await env.close()

    app = Starlette(
        routes=ROUTES,
        middleware=middleware(env.settings, env.metrics.request, env.tracing),
        exception_handlers={HTTPException: _http_refusal},
        lifespan=lifespan,
    )
    # A redirect to the path without its slash would be built from the Host header, token and all.
    app.router.redirect_slashes = False
    app.state.env = env
    app.state.templates = env.templates
    app.state.live = live
    app.state.readiness = readiness
    return app


async def _deliver_rest(env: Env, seconds: float) -> None:
    """Let the activities that wait be delivered, for as long as they get fewer."""
    loop = asyncio.get_running_loop()
    fewest, since = math.inf, loop.time()
    with suppress(Exception):  # a queue that cannot be asked keeps what is in it
        async with asyncio.timeout(seconds):
            while waiting := (await env.outbox.depth()).waiting:
                if waiting < fewest:
                    fewest, since = waiting, loop.time()
                elif loop.time() - since > STALLED_SECONDS:
                    return
                await asyncio.sleep(0.05)


async def _http_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return error_response(request, from_http(error))
