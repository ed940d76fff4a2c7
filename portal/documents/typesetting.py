"""Drawing a PDF: a template of ours (Typst) and data, in a font that we carry.

The data reach the template as JSON and are never read as markup. Templates see this folder and
nothing else: no font of the machine, no file, no package. The PDFs are tagged and keep to PDF/UA-1
(ISO 14289-1): a screen reader knows headings, tables and the language. The same data on the same
day give the same bytes.
"""

from __future__ import annotations

import asyncio
import json
import re
import struct
import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import typst

FOLDER: Final = Path(__file__).parent
FONTS: Final = FOLDER / "fonts"
MISSING: Final = "\N{WHITE SQUARE}"
"""Stands where our font has no letter (Chinese, Arabic, emoji): PDF/UA forbids an empty box."""

_CONTROLS: Final = re.compile(
    r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
"""What a text may not do to a page: control it, or turn the direction of what stands around it."""


async def pdf(template: str, data: Mapping[str, Any], on: date) -> bytes:
    """Draw `template` (`invoice.typ`) with `data`, dated `on`, without blocking the event loop.

    `data` is texts, lists and mappings of texts, numbers, booleans and None. Raises
    typst.TypstError when the template itself is wrong; no text can cause that.
    """
    return await asyncio.to_thread(draw, template, data, on)


def draw(template: str, data: Mapping[str, Any], on: date) -> bytes:
    """What `pdf` does, in the calling thread."""
    # When first needed: loading it takes 10 ms of a start, and 4 MB.
    import typst

    # A compiler serves one thread at a time, and costs nothing beside its fonts.
    compiler = typst.Compiler(root=FOLDER, font_paths=_fonts())
    made = compiler.compile(
        input=FOLDER / template,
        format="pdf",
        sys_inputs={"data": json.dumps({**_shown(data), "year_month_day": list(_parts(on))})},
        pdf_standards="ua-1",
    )
    assert isinstance(made, bytes)
    return made


def shown(text: str) -> str:
    """A text as a page can show it: line breaks kept, controls dropped, what is missing marked."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    composed = unicodedata.normalize("NFC", _CONTROLS.sub(_or_space, lines))
    letters = _letters()
    return "".join(one if one == "\n" or one in letters else MISSING for one in composed)


def _or_space(found: re.Match[str]) -> str:
    # The narrow spaces with which locales write numbers are letters of our font.
    if not found[0].isspace():
        return ""
    return found[0] if found[0] in _letters() else " "


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Mapping):
        return {name: _shown(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    return value


def _parts(on: date) -> tuple[int, int, int]:
    return (on.year, on.month, on.day)


@cache
def _fonts() -> typst.Fonts:
    import typst

    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])


@cache
def _letters() -> frozenset[str]:
    """Every letter that both of our fonts can show."""
    found = [covered(path.read_bytes()) for path in sorted(FONTS.glob("*.ttf"))]
    return frozenset.intersection(*found)


def covered(font: bytes) -> frozenset[str]:
    """The letters of a TrueType font, as its `cmap` of format 4 lists them (OpenType 1.9)."""
    (tables,) = struct.unpack_from(">H", font, 4)
    records = (struct.unpack_from(">4s3I", font, 12 + 16 * n) for n in range(tables))
    cmap = next(offset for tag, _, offset, _ in records if tag == b"cmap")
    (count,) = struct.unpack_from(">H", font, cmap + 2)
    places = (struct.unpack_from(">2HI", font, cmap + 4 + 8 * n) for n in range(count))
    table = next(cmap + at for platform, code, at in places if (platform, code) == (3, 1))
    (double,) = struct.unpack_from(">H", font, table + 6)
    segments = double // 2 - 1
    # The last segment is no letter: it ends the table.
    ends = struct.unpack_from(f">{segments}H", font, table + 14)
    starts = struct.unpack_from(f">{segments}H", font, table + 16 + double)
    runs = zip(starts, ends, strict=True)
    return frozenset(chr(code) for first, last in runs for code in range(first, last + 1))
