"""Reading documents back: a PDF's words, and what it says of itself."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, Final

from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject

AMOUNT: Final = re.compile(r"-?[$€][\d,]+\.\d\d")


def reader(content: bytes) -> PdfReader:
    """The PDF, opened strictly."""
    return PdfReader(io.BytesIO(content), strict=True)


def words_of(content: bytes) -> str:
    """All words of a PDF in their order, with single spaces; page numbers are among them."""
    return " ".join(" ".join(page.extract_text() for page in reader(content).pages).split())


def amounts_of(text: str) -> list[str]:
    """The amounts in a text, in their order."""
    return AMOUNT.findall(text)


def fonts_of(content: bytes) -> dict[str, bool]:
    """The fonts of a PDF by name, and whether each is carried in it."""
    found = {}
    for page in reader(content).pages:
        resources: Any = page["/Resources"]
        for font in resources["/Font"].values():
            for descendant in font.get_object()["/DescendantFonts"]:
                described = descendant.get_object()["/FontDescriptor"].get_object()
                found[str(described["/FontName"])] = any(
                    name in described for name in ("/FontFile2", "/FontFile3")
                )
    return found


def figures_of(content: bytes) -> list[str]:
    """What a screen reader says of each figure, in their order."""
    root: Any = reader(content).trailer["/Root"]
    elements = _elements(root["/StructTreeRoot"])
    return [str(one.get("/Alt", "")) for one in elements if str(one["/S"]) == "/Figure"]


def tags_of(content: bytes) -> set[str]:
    """The kinds of structure element: `/H1`, `/Table`, `/TH`."""
    root: Any = reader(content).trailer["/Root"]
    return {str(one["/S"]) for one in _elements(root["/StructTreeRoot"])}


def _elements(node: Any) -> Iterator[DictionaryObject]:
    node = node.get_object() if hasattr(node, "get_object") else node
    if isinstance(node, ArrayObject):
        for one in node:
            yield from _elements(one)
    elif isinstance(node, DictionaryObject):
        if "/S" in node:
            yield node
        if "/K" in node:
            yield from _elements(node["/K"])
