"""What a sandbox is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class SandboxConfig:
    """Credentials it accepts, addresses it shows, switches.

    `client_id`, `client_secret`: the one service token (sm-api §3). `api_key`: registered at
    start, hashed, as the key named `default`, bound to no product. `origin` and `portal_origin`
    are base URLs without a final slash; `smtp_address` is `host:port`, and only shown.
    `strict_platform`: refuse service-token calls without `X-SM-Platform` (sm-api §16, 4).
    `trust_access_email`: believe `cf-access-authenticated-user-email`; only behind an edge that
    sets it. `lead_posts`: how many times in `lead_seconds` an address may post leads without a
    credential.

    `session_secret`: signs and verifies the platform's sessions (sm-api §4), the same as every
    portal's; without it nobody signs in here. The three `session_cookie_…` are the attributes of
    the shared cookie. `portal_origins`: further portals, besides `portal_origin`, that may call
    from a browser, be redirected to, and sign in with the Google stand-in. `google_client_id` and
    `google_client_secret`: the portal's OAuth client at the stand-in; it takes any when they are
    empty. `google_misbehaviour`: a name of `Misbehaviour` to start with.
    """

    client_id: str
    client_secret: str
    api_key: str | None = None
    origin: str = "http://127.0.0.1:8788"
    portal_origin: str = "http://127.0.0.1:8787"
    smtp_address: str = "127.0.0.1:8725"
    strict_platform: bool = False
    trust_access_email: bool = False
    lead_posts: int = 100
    lead_seconds: int = 3600
    session_secret: str = field(default="", repr=False)
    session_cookie_domain: str | None = None
    session_cookie_secure: bool = False
    session_cookie_samesite: Literal["lax", "strict", "none"] = "lax"
    portal_origins: tuple[str, ...] = ()
    google_client_id: str = ""
    google_client_secret: str = field(default="", repr=False)
    google_misbehaviour: str = "none"

    @property
    def portals(self) -> tuple[str, ...]:
        """The origins of every portal that is trusted here, each once."""
        return tuple(dict.fromkeys((self.portal_origin, *self.portal_origins)))

    @property
    def trusted_origins(self) -> frozenset[str]:
        """The portals' origins and this server's own."""
        return frozenset((self.origin, *self.portals))
