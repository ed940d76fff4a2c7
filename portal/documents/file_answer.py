"""The answer that carries a file: its name, its kind, and that nobody keeps a copy on the way."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal
from urllib.parse import quote

from starlette.responses import Response

PDF: Final = "application/pdf"
LONGEST_NAME: Final = 80
"""Characters of a file name, its ending included; far below what any file system refuses."""


def file_answer(
    content: bytes, name: str, kind: str, disposition: Literal["inline", "attachment"]
) -> Response:
    """Answer with a file that the browser shows (`inline`) or stores (`attachment`).

    `name` may hold anything; it leaves as a safe file name (RFC 6266), in ASCII and, where that
    lost letters, in UTF-8 too.
    """
    ascii_name, full_name = plain_name(name), _safe(name)
    header = f'{disposition}; filename="{ascii_name}"'
    if full_name != ascii_name:
        header += f"; filename*=UTF-8''{quote(full_name, safe='')}"
    return Response(
        content,
        media_type=kind,
        headers={"Content-Disposition": header, "Cache-Control": "private, no-store"},
    )


def _safe(name: str) -> str:
    """The name with letters, digits, `.`, `_` and `-` only: no path, quote, control or mark."""
    composed = unicodedata.normalize("NFC", name)
    kept = "".join(c if c.isalnum() or c in "._" else "-" for c in composed)
    stem, dot, ending = re.sub(r"-{2,}|\.{2,}", "-", kept).rpartition(".")
    stem = stem.strip("-.")[: LONGEST_NAME - len(ending) - 1] or "document"
    return f"{stem}{dot}{ending}"


def plain_name(name: str) -> str:
    """The name in ASCII letters, digits, `.`, `_` and `-`, safe in any folder; never empty."""
    plain = unicodedata.normalize("NFKD", name.replace("ł", "l").replace("Ł", "L"))
    return _safe(plain.encode("ascii", "ignore").decode())
