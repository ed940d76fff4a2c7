"""What browsers may fetch ahead: the page behind a link that somebody is about to follow.

No GET of ours changes anything, so nothing happens by it; what leaves the portal, downloads and
the ways in and out are left alone.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

PATH: Final = "/speculation-rules.json"
HEADER: Final = f'"{PATH}"'
"""The value of a page's `Speculation-Rules` header."""

LEFT_ALONE: Final = ("/auth/*", "/api/*", "/*.pdf*", "/*.csv*", "/*.zip*")
RULES: Final = {
    "prefetch": [
        {
            "where": {"and": [{"href_matches": "/*"}, {"not": {"href_matches": list(LEFT_ALONE)}}]},
            "eagerness": "moderate",
        }
    ]
}


async def speculation_rules(_request: Request) -> Response:
    """GET /speculation-rules.json."""
    response = JSONResponse(RULES, media_type="application/speculationrules+json")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response
