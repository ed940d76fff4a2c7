"""Where a browser may be sent: to this server and the portals it knows (sm-api §16, 34)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from portal.sandbox.config import SandboxConfig

LONGEST: Final = 2000


def allowed_redirect(value: str | None, config: SandboxConfig) -> str | None:
    r"""`value` as an absolute address when it may be followed, else None.

    A path counts as one of this server's own. Refused is whatever a browser reads otherwise than
    we do: `//host`, backslashes, control characters, user information before the host.
    """
    if not value or len(value) > LONGEST or not value.isprintable():
        return None
    if "\\" in value or " " in value or value.startswith("//"):
        return None
    if value.startswith("/"):
        return config.origin + value
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if f"{parts.scheme}://{parts.netloc}" in config.trusted_origins else None


def redirect_or_default(value: str | None, config: SandboxConfig) -> str:
    """`value` when it may be followed, else the portal's start page."""
    return allowed_redirect(value, config) or f"{config.portal_origin}/"


def origin_of(address: str) -> str:
    """Scheme and authority of an address that `allowed_redirect` has let through."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
