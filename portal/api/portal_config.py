"""GET /api/portal/config: the portal's name, marks and switches, for browser code."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from portal.api.envelope import envelope
from portal.env import env_of
from portal.errors import NotFound
from portal.settings import Settings
from portal.templating import Assets, colour_of


async def portal_config(request: Request) -> Response:
    """`{ok, config}` (sm-api §7), public. `subdomain`, if sent, has to be this portal's.

    Raises NotFound for another portal's.
    """
    env = env_of(request)
    asked = request.query_params.get("subdomain")
    if asked not in (None, "", env.settings.product):
        raise NotFound
    return envelope({"ok": True, "config": _config(env.settings, env.templates.assets)})


def _config(settings: Settings, assets: Assets) -> dict[str, Any]:
    origin, product = settings.portal_origin, settings.product

    def brand(path: str) -> str:
        return f"{origin}{assets.brand_url(product, path)}"

    return {
        "id": product,
        "subdomain": product,
        "name": settings.portal_name,
        "brand_color": colour_of(settings, assets),
        "logo_mark_url": brand("favicon.svg"),
        "favicon_url": brand("favicon-32.png"),
        "logo_og_url": brand("og.png"),
        "custom_domain": None,
        "nav_enabled": True,
        "billing_enabled": True,
        "cmdk_enabled": False,
        "updates_enabled": False,
        "chat_enabled": False,
    }
