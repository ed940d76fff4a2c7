"""`GET /`: what this is, where things are, whom to sign in as; and the style sheet of the pages."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from portal.sandbox.config import SandboxConfig
from portal.sandbox.demo import DEMO_PEOPLE
from portal.sandbox.pages import page, style_sheet


def routes() -> list[BaseRoute]:
    """The start page and its style sheet."""
    return [
        Route("/", start, methods=["GET"]),
        Route("/assets/sandbox.css", css, methods=["GET"]),
    ]


async def start(request: Request) -> Response:
    """The start page."""
    config: SandboxConfig = request.app.state.config
    return page("start.html", {"config": config, "people": DEMO_PEOPLE})


async def css(_request: Request) -> Response:
    """The style sheet."""
    return Response(style_sheet(), media_type="text/css", headers={"Cache-Control": "no-cache"})
