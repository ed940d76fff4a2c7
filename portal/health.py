"""Probes: `/healthz` says that the process lives, `/readyz` that it can serve."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from portal.env import env_of
from portal.errors import SMApiError


async def healthz(_request: Request) -> Response:
    """200 as long as the process answers at all."""
    return JSONResponse({"ok": True})


async def readyz(request: Request) -> Response:
    """200 when the state store and SM API answer, else 503 with what does not."""
    env = env_of(request)
    reasons: dict[str, str] = {}
    try:
        await env.state.get("readyz")
    except Exception as error:  # any engine's failure means the same here
        reasons["state"] = type(error).__name__
    try:
        await env.sm.check()
    except SMApiError as error:
        reasons["sm_api"] = type(error).__name__
    return JSONResponse(
        {"ok": not reasons, "reasons": reasons}, status_code=503 if reasons else 200
    )
