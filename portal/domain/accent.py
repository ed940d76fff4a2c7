"""A product's accent: the shades that one colour needs to be read everywhere it is used.

Each shade is the colour mixed with black or white no further than WCAG 2.2's contrast of 4.5:1
asks for (success criterion 1.4.3), so that a product names one colour and no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

Colour = tuple[int, int, int]

READABLE: Final = 4.5
WHITE: Final[Colour] = (255, 255, 255)
BLACK: Final[Colour] = (0, 0, 0)
DARK: Final[Colour] = (41, 44, 50)
"""The lightest surface of the dark theme on which accented text stands: --hover in tokens.css."""

TINT: Final = 10
DARK_TINT: Final = 22
"""How much of the accent the tinted surfaces of the light and the dark theme hold, in percent."""

HOVER: Final = 12
"""How much black a filled button gets under the pointer, in percent."""


@dataclass(frozen=True)
class Shades:
    """The colours of tokens.css that a product has of its own, as `#rrggbb`."""

    brand: str
    fill: str
    fill_hover: str
    ink: str
    glow: str
    tint: str


def shades(accent: str) -> Shades:
    """The shades of `#rrggbb`."""
    brand = read(accent)
    fill = next(c for c in _towards(brand, BLACK) if contrast(WHITE, c) >= READABLE)
    tint = mixed(WHITE, brand, TINT)
    ink = next(c for c in _towards(brand, BLACK) if contrast(c, tint) >= READABLE)
    dark_tint = mixed(DARK, brand, DARK_TINT)
    lit = (
        c
        for c in _towards(brand, WHITE)
        if min(contrast(c, DARK), contrast(c, dark_tint)) >= READABLE
    )
    return Shades(
        brand=written(brand),
        fill=written(fill),
        fill_hover=written(mixed(fill, BLACK, HOVER)),
        ink=written(ink),
        glow=written(next(lit)),
        tint=written(tint),
    )


def read(colour: str) -> Colour:
    """`#0c917b` as red, green and blue, 0 to 255."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return (red, green, blue)


def written(colour: Colour) -> str:
    """A colour as `#rrggbb`."""
    return f"#{bytes(colour).hex()}"


def mixed(one: Colour, other: Colour, percent: int) -> Colour:
    """`one` with so much of `other` in it."""
    red, green, blue = (
        round((a * (100 - percent) + b * percent) / 100) for a, b in zip(one, other, strict=True)
    )
    return (red, green, blue)


def contrast(one: Colour, other: Colour) -> float:
    """WCAG's contrast ratio, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (part / 255 for part in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _towards(colour: Colour, end: Colour) -> Iterator[Colour]:
    return (mixed(colour, end, percent) for percent in range(101))
