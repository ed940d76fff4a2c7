"""Static files: how long browsers keep them, and that the colours can be read by everyone."""

from __future__ import annotations

import colorsys
import re
from pathlib import Path
from typing import Final

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from portal.assets import FOREVER, REVALIDATE, HashedFiles
from portal.templating import STATIC_DIR

STYLES: Final = sorted((STATIC_DIR / "css").glob("*.css"))
TOKENS: Final = (STATIC_DIR / "css/tokens.css").read_text()
PRODUCTS: Final = ("", *re.findall(r'\[data-product="([\w-]+)"\]', TOKENS))
THEMES: Final = ("light", "dark")

# Caching


async def ask(folder: Path, path: str) -> httpx.Response:
    app = Starlette(routes=[Mount("/static", HashedFiles(directory=folder))])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="https://mode.example") as client:
        return await client.get(path)


async def test_a_file_under_its_hash_is_kept_for_good(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a{}")
    answer = await ask(tmp_path, "/static/a.css?v=0123456789ab")
    assert answer.headers["cache-control"] == FOREVER


async def test_a_file_without_its_hash_is_asked_for_again(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a{}")
    answer = await ask(tmp_path, "/static/a.css")
    assert answer.headers["cache-control"] == REVALIDATE


async def test_a_missing_file_is_not_kept_even_under_a_hash(tmp_path: Path) -> None:
    answer = await ask(tmp_path, "/static/gone.css?v=0123456789ab")
    assert answer.status_code == 404
    assert FOREVER not in answer.headers.values()


# Colours

Colour = tuple[float, float, float, float]
"""Red, green, blue and alpha, each 0 to 1."""


def declarations(product: str) -> dict[str, str]:
    """The custom properties that hold on a page of `product`; the later rule wins."""
    found: dict[str, str] = {}
    for selector, body in re.findall(r"^([^@{}\n]+)\{([^{}]*)\}", TOKENS, re.MULTILINE):
        if selector.strip() == ":root" or f'[data-product="{product}"]' in selector:
            found.update(re.findall(r"(--[\w-]+): ([^;]+);", body))
    return found


def arguments(text: str) -> list[str]:
    """The arguments of a CSS function, split at the commas outside of inner brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def colour(value: str, product: str, theme: str) -> Colour:
    """What a browser makes of a colour of tokens.css."""
    value = value.strip()
    if value == "transparent":
        return (0, 0, 0, 0)
    if value.startswith("#"):
        digits = value[1:] if len(value) == 7 else "".join(digit * 2 for digit in value[1:])
        red, green, blue = bytes.fromhex(digits)
        return (red / 255, green / 255, blue / 255, 1)
    name, inner = re.fullmatch(r"([\w-]+)\((.*)\)", value).groups()  # type: ignore[union-attr] # fails the test
    if name == "var":
        return colour(declarations(product)[inner], product, theme)
    if name == "light-dark":
        return colour(arguments(inner)[THEMES.index(theme)], product, theme)
    if name == "hsl":
        hue, saturation, light = (float(part.rstrip("%")) for part in inner.split("/")[0].split())
        return (*colorsys.hls_to_rgb(hue / 360, light / 100, saturation / 100), 1)
    assert name == "color-mix"
    _, first, second = arguments(inner)
    return mixed(first, second, product, theme)


def mixed(first: str, second: str, product: str, theme: str) -> Colour:
    """`color-mix(in srgb, FIRST n%, SECOND)` with an opaque FIRST."""
    text, percent = re.fullmatch(r"(.+) (\d+)%", first).groups()  # type: ignore[union-attr] # fails the test
    one, two = colour(text, product, theme), colour(second, product, theme)
    share = int(percent) / 100
    if two[3] == 0:
        return (*one[:3], share)
    return over((*one[:3], share), two)


def over(front: Colour, back: Colour) -> Colour:
    """`front` painted over an opaque `back`."""
    red, green, blue = (
        f * front[3] + b * (1 - front[3]) for f, b in zip(front[:3], back[:3], strict=True)
    )
    return (red, green, blue, 1)


def luminance(seen: Colour) -> float:
    """Relative luminance (WCAG 2.2)."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in seen[:3]
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(front: str, *layers: str, product: str, theme: str) -> float:
    """Contrast ratio of a token on others, of which the last lies lowest."""
    ground = colour(f"var({layers[-1]})", product, theme)
    for layer in reversed(layers[:-1]):
        ground = over(colour(f"var({layer})", product, theme), ground)
    text = over(colour(f"var({front})", product, theme), ground)
    lighter, darker = sorted((luminance(text), luminance(ground)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_contrast_of_black_on_white_is_21_to_1() -> None:
    black, white = colour("#000", "", "light"), colour("hsl(0 0% 100%)", "", "light")
    assert luminance(black) == 0
    assert luminance(white) == pytest.approx(1)


TEXTS: Final = (
    ("--text", "--page"),
    ("--text", "--hover"),
    ("--muted", "--page"),
    ("--muted", "--surface"),
    ("--muted", "--raised"),
    ("--muted", "--hover"),
    ("--muted", "--neutral-tint"),
    ("--neutral-text", "--neutral-tint"),
    ("--green-text", "--green-tint"),
    ("--red-text", "--red-tint"),
    ("--red-text", "--surface"),
    ("--amber-text", "--amber-tint"),
    ("--accent-text", "--page"),
    ("--accent-text", "--surface"),
    ("--accent-text", "--hover"),
    ("--accent-text", "--accent-tint"),
    ("--accent-text", "--accent-soft"),
    ("--accent-text", "--accent-10", "--surface"),
    ("--accent-text", "--accent-10", "--page"),
    ("--accent-foreground", "--accent-fill"),
    ("--accent-foreground", "--accent-hover"),
)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("product", PRODUCTS)
def test_text_reaches_the_contrast_of_wcag_aa(product: str, theme: str) -> None:
    poor = {
        " on ".join(pair): round(ratio, 2)
        for pair in TEXTS
        if (ratio := contrast(*pair, product=product, theme=theme)) < 4.5
    }
    assert poor == {}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("product", PRODUCTS)
def test_fields_focus_and_progress_stand_out(product: str, theme: str) -> None:
    edges = (
        ("--border-strong", "--surface"),
        ("--accent-text", "--page"),
        ("--accent-bar", "--track"),
    )
    assert [pair for pair in edges if contrast(*pair, product=product, theme=theme) < 3] == []


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.name)
def test_only_the_tokens_name_colours(style: Path) -> None:
    rules = re.sub(r"/\*.*?\*/", "", style.read_text(), flags=re.DOTALL)
    named = re.findall(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(", rules, re.IGNORECASE)
    assert (named == []) is (style.name != "tokens.css")


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.name)
def test_every_token_that_is_used_exists(style: Path) -> None:
    used = set(re.findall(r"var\((--[\w-]+)\)", style.read_text()))
    assert used - declarations("").keys() == set()


def test_every_font_that_the_tokens_name_is_here() -> None:
    fonts = re.findall(r'url\("\.\./([^"]+)"\)', TOKENS)
    assert fonts
    assert [font for font in fonts if not (STATIC_DIR / font).is_file()] == []


BRANDS: Final = sorted(path.name for path in (STATIC_DIR / "brand").iterdir())


@pytest.mark.parametrize("brand", BRANDS)
def test_every_brand_has_its_icons_in_their_sizes(brand: str) -> None:
    folder = STATIC_DIR / "brand" / brand
    assert "<svg" in (folder / "favicon.svg").read_text()
    sizes = {path.name: png_size(path) for path in folder.glob("*.png")}
    assert sizes == {"favicon-32.png": (32, 32), "icon-180.png": (180, 180), "og.png": (1200, 630)}


def png_size(path: Path) -> tuple[int, int]:
    """Width and height from the first chunk of a PNG file."""
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
