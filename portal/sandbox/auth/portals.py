"""The platform's portals: their names and colours (sm-api §15), and their public configuration."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

WHITE: Final = 255
TINT: Final = 0.1
"""How much of a brand's colour its tint has; the rest is white."""


@dataclass(frozen=True)
class Portal:
    """One portal. `tint` is given where the contract shows it, else mixed from the colour."""

    slug: str
    name: str
    color: str
    kind: str = "product"
    tint: str = ""

    @property
    def brand_tint(self) -> str:
        """The light background that goes with the colour."""
        return self.tint or _tint(self.color)

    def brand(self) -> dict[str, Any]:
        """What the product switcher shows of it (sm-api §7, §11)."""
        return {
            "name": self.name,
            "portal_type": self.kind,
            "brand_color": self.color,
            "brand_tint": self.brand_tint,
            "icon_key": self.slug,
            "logo_mark_url": None,
            "custom_domain": None,
        }

    def config(self) -> dict[str, Any]:
        """The public configuration; flags under each name that is in use (sm-api §16, 27)."""
        return {
            "id": f"portal_{self.slug}",
            "subdomain": self.slug,
            **self.brand(),
            "logo_url": None,
            "logo_horizontal_url": None,
            "logo_dark_url": None,
            "logo_favicon_url": None,
            "logo_og_url": None,
            "favicon_url": None,
            "nav_enabled": True,
            "billing_enabled": self.kind != "team",
            "updates_enabled": False,
            "cmdk_enabled": True,
            "cmdk": True,
            "chat_enabled": False,
            "chatbot": False,
        }


def _tint(color: str) -> str:
    channels = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    mixed = (round(WHITE * (1 - TINT) + channel * TINT) for channel in channels)
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


_ALL: Final = (
    Portal("admin", "Sprint Mode Admin", "#2362ea", "team", "#e9effc"),
    Portal("mode", "Mode", "#0c917b", tint="#e6f4f1"),
    Portal("signal", "Signal", "#c94277"),
    Portal("studios", "Studios", "#7947d1", "client"),
    Portal("hub", "Hub", "#4f5d93"),
    Portal("investors", "Investors", "#1fac6a", "investor"),
    Portal("privacyai", "PrivacyAI", "#0891b2"),
    Portal("collect", "Collect", "#dc2626"),
    Portal("dev-portal", "Developers", "#4a4a52"),
)

PORTALS: Final = MappingProxyType({portal.slug: portal for portal in _ALL})
"""By slug; the admin portal first, as the switcher shows them (sm-api §11)."""
