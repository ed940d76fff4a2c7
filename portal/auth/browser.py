"""Naming a browser so that its owner recognises it: the family and the system, nothing finer."""

from __future__ import annotations

from typing import Final

# The order matters: Edge and Opera also say "Chrome", and Chrome also says "Safari".
FAMILIES: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def describe_browser(user_agent: str | None) -> str:
    """`Firefox on Windows`, from a User-Agent header; `an unknown browser` when it does not say."""
    text = user_agent or ""
    family = next((name for mark, name in FAMILIES if mark in text), None)
    system = next((name for mark, name in SYSTEMS if mark in text), None)
    if family is None:
        return "an unknown browser"
    return f"{family} on {system}" if system else family
