"""The sandbox's own HTML pages: templates, their style sheet, and a strict policy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

_TEMPLATES: Final = Path(__file__).parent / "templates"

PAGE_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

LIVE_POLICY: Final = (
    PAGE_HEADERS["Content-Security-Policy"] + "; script-src 'self'; connect-src 'self'"
)
"""For a page with a script of ours that asks the sandbox."""

LINK: Final = re.compile(r"https?://[^\s<>\"'`]+")
TRAILING: Final = ".,;:!?)]}"


def linkified(text: str) -> Markup:
    """Escaped text in which http(s) addresses can be clicked; they open in a new tab.

    Punctuation after an address is left out of it.
    """
    parts: list[Markup] = []
    end = 0
    for match in LINK.finditer(text):
        address = match.group().rstrip(TRAILING)
        parts.append(escape(text[end : match.start()]))
        parts.append(
            Markup('<a href="{0}" target="_blank" rel="noopener noreferrer">{0}</a>').format(
                address
            )
        )
        end = match.start() + len(address)
    parts.append(escape(text[end:]))
    return Markup("").join(parts)


def links_in(text: str) -> list[str]:
    """The http(s) addresses in a text, each once, in order."""
    return list(dict.fromkeys(m.group().rstrip(TRAILING) for m in LINK.finditer(text)))


_environment: Final = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(linkified=linkified, links_in=links_in)


def page(name: str, context: Mapping[str, Any], status: int = 200) -> Response:
    """Answer with the template `name`."""
    html = _environment.get_template(name).render(context)
    return HTMLResponse(html, status, dict(PAGE_HEADERS))


def asset(name: str) -> str:
    """A style sheet or script of ours: `sandbox.css`."""
    return (_TEMPLATES / name).read_text("utf-8")
