"""GET /accent.css: the colours of a product whose configuration names its own."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from portal.domain.accent import shades
from portal.env import env_of
from portal.errors import NotFound

PATH: Final = "/accent.css"
FOREVER: Final = "public, max-age=31536000, immutable"


def style_of(accent: str) -> str:
    """The style sheet for an accent such as `#c94277`; wins over the colours of tokens.css."""
    made = shades(accent)
    return (
        f":root[data-product] {{ --brand: {made.brand}; --brand-fill: {made.fill};"
        f" --brand-fill-hover: {made.fill_hover}; --brand-ink: {made.ink};"
        f" --brand-glow: {made.glow}; --brand-tint: {made.tint}; }}\n"
    )


async def accent_css(request: Request) -> Response:
    """The style sheet, kept forever: its address names the colour. Raises NotFound without one."""
    accent = env_of(request).settings.accent
    if accent is None:
        raise NotFound
    headers = {"Cache-Control": FOREVER}
    return Response(style_of(accent), media_type="text/css", headers=headers)
