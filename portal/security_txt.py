"""/.well-known/security.txt: where to report a hole (RFC 9116)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from portal.env import env_of

PATH: Final = "/.well-known/security.txt"
COUNTS: Final = timedelta(days=180)


async def security_txt(request: Request) -> Response:
    """The contact, and until when it may be relied on."""
    env = env_of(request)
    settings = env.settings
    expires = (env.clock() + COUNTS).replace(hour=0, minute=0, second=0, microsecond=0)
    return PlainTextResponse(
        f"Contact: mailto:{settings.support_email}\n"
        f"Expires: {expires.strftime('%Y-%m-%dT%H:%M:%SZ')}\n"
        f"Canonical: {settings.portal_origin}{PATH}\n"
        "Preferred-Languages: en\n"
    )
