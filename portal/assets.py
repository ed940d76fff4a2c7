"""Static files: those asked for under the hash of their content are kept by browsers for good."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOREVER: Final = "public, max-age=31536000, immutable"
REVALIDATE: Final = "public, no-cache"
POLICY: Final = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
"""A file opened by itself may load nothing; and a page's policy on a dozen files would weigh."""


class HashedFiles(StaticFiles):
    """A folder of files; `?v=<hash>` in the address makes an answer immutable."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """As StaticFiles, with the caching that the address allows."""
        response = await super().get_response(path, scope)
        hashed = "v" in QueryParams(scope["query_string"])
        response.headers["Cache-Control"] = FOREVER if hashed else REVALIDATE
        response.headers["Content-Security-Policy"] = POLICY
        return response
