"""The list of the interface's words: `make words` collects it from the code and the templates."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from portal.words import LOCALE_DIR

TEMPLATE: Final = "messages.pot"
KEYWORDS: Final = {"_": None, "gettext": None, "ngettext": (1, 2), "msgid": None}
SOURCES: Final = (("portal", "**.py", "python"), ("templates", "**", "jinja2"))
JINJA: Final = {
    "newstyle_gettext": "true",
    "trimmed": "true",
    "trim_blocks": "true",
    "lstrip_blocks": "true",
}
"""As `portal.templating` reads the templates."""

SKIPPED: Final = ("sandbox", "cli", "edge")
"""Folders whose words clients never read."""


def collect(project: Path) -> Catalog:
    """Every message id of the pages, the mails and the errors, where it stands."""
    found = Catalog(project="mode-portal", charset="utf-8", fuzzy=False)
    for folder, pattern, method in SOURCES:
        extracted = extract_from_dir(
            project / folder,
            method_map=[(pattern, method)],
            options_map={pattern: JINJA},
            keywords=KEYWORDS,
            comment_tags=(),
            directory_filter=lambda path: Path(path).name not in SKIPPED,
        )
        for name, line, message, _comments, context in extracted:
            if message and message != ("", ""):
                found.add(message, None, [(f"{folder}/{name}", line)], context=context)
    return found


def written(catalogue: Catalog) -> bytes:
    """A catalogue as it is kept: sorted and without dates, to change with the words alone."""
    into = io.BytesIO()
    write_po(into, catalogue, sort_output=True, omit_header=True, no_location=True, width=100)
    return into.getvalue()


if __name__ == "__main__":
    (LOCALE_DIR / TEMPLATE).write_bytes(written(collect(Path(__file__).parent.parent)))
