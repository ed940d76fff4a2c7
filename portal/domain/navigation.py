"""Which pages the menu offers, by role, and which of them is open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from portal.domain.viewer import Staff, Viewer
from portal.words import msgid


@dataclass(frozen=True)
class NavItem:
    """A place in the menu. `label` is an English message id; `current` marks the open page."""

    label: str
    href: str
    icon: str
    current: bool = False


@dataclass(frozen=True)
class Place:
    """A page that may be in the menu; `money` ones are for those who see amounts."""

    label: str
    href: str
    icon: str
    money: bool = False


PLACES: Final = (
    Place(msgid("Home"), "/", "home"),
    Place(msgid("Engagements"), "/engagements", "layers"),
    Place(msgid("Activity"), "/activity", "pulse"),
    Place(msgid("Invoices"), "/invoices", "receipt", money=True),
    Place(msgid("Team"), "/team", "users", money=True),
)


STAFF_PLACES: Final = (Place(msgid("Clients"), "/staff", "building"),)


def navigation(who: Viewer | Staff | None, path: str) -> list[NavItem]:
    """The menu for this person with the place that `path` lies in marked; none when signed out."""
    if who is None:
        return []
    return [
        NavItem(place.label, place.href, place.icon, _lies_in(path, place.href))
        for place in (STAFF_PLACES if isinstance(who, Staff) else PLACES)
        if not place.money or (isinstance(who, Viewer) and who.sees_money)
    ]


def _lies_in(path: str, href: str) -> bool:
    if href == "/":
        return path == "/"
    return path == href or path.startswith(f"{href}/")
