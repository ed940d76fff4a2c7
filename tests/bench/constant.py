"""The limit: a constant `Response` from Starlette, by the very server that serves the portal.

CONSTANT_BYTES=12000 python -m tests.bench.constant serve --port 9001

It is `portal serve` with another worker in it, so that whatever the command changes of its server
is changed here, too.
"""

from __future__ import annotations

import os
import sys
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from portal import asgi
from portal.cli.main import main

LINE: Final = b"<p>Constant as the northern star.</p>\n"


def body(length: int) -> bytes:
    """HTML of about this many bytes."""
    return b"<!doctype html>\n" + LINE * (length // len(LINE))


def instead_of(portal: Starlette) -> Starlette:
    """A worker with one route, and the portal's state, which its server asks for."""
    content = body(int(os.environ["CONSTANT_BYTES"]))

    async def constant(_request: Request) -> Response:
        return Response(content, media_type="text/html")

    app = Starlette(routes=[Route("/", constant)])
    app.state = portal.state
    return app


if __name__ == "__main__":
    real = asgi.app
    asgi.app = lambda: instead_of(real())
    sys.exit(main())
