"""`GET /`: what this is, where things are, whom to sign in as; and what the pages are made with."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from portal.sandbox.config import SandboxConfig
from portal.sandbox.demo import DEMO_PEOPLE
from portal.sandbox.pages import asset, page

FRESH: Final = {"Cache-Control": "no-cache"}


def routes() -> list[BaseRoute]:
    """The start page, and what the pages are made with."""
    return [
        Route("/", start, methods=["GET"]),
        Route("/assets/sandbox.css", css, methods=["GET"]),
        Route("/assets/mailbox.js", js, methods=["GET"]),
    ]


async def start(request: Request) -> Response:
    """The start page."""
    config: SandboxConfig = request.app.state.config
    return page("start.html", {"config": config, "people": DEMO_PEOPLE})


async def css(_request: Request) -> Response:
    """The style sheet."""
    return Response(asset("sandbox.css"), media_type="text/css", headers=FRESH)


async def js(_request: Request) -> Response:
    """What makes the mailbox show a new mail by itself."""
    return Response(asset("mailbox.js"), media_type="text/javascript", headers=FRESH)
