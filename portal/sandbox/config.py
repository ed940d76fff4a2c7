"""What a sandbox is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SandboxConfig:
    """Credentials it accepts, addresses it shows, switches.

    `client_id`, `client_secret`: the one service token (sm-api §3). `api_key`: registered at
    start, hashed, as the key named `default`, bound to no product. `origin` and `portal_origin`
    are base URLs without a final slash, `smtp_address` is `host:port`; the three are only shown.
    `strict_platform`: refuse service-token calls without `X-SM-Platform` (sm-api §16, 4).
    `trust_access_email`: believe `cf-access-authenticated-user-email`; only behind an edge that
    sets it.
    """

    client_id: str
    client_secret: str
    api_key: str | None = None
    origin: str = "http://127.0.0.1:8788"
    portal_origin: str = "http://127.0.0.1:8787"
    smtp_address: str = "127.0.0.1:8725"
    strict_platform: bool = False
    trust_access_email: bool = False
