"""Jinja as the pages use it: everything escaped, undefined names raise, words in one language."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import jinja2.compiler
from jinja2 import Environment, FileSystemLoader, StrictUndefined, nodes, select_autoescape
from markupsafe import Markup

from portal.compiled_templates import CompiledTemplates
from portal.inlining import Inlining
from portal.page_code import PageCode, PageContext, shown
from portal.page_words import Gettext, Ngettext
from portal.words import Words

ICONS: Final = "macros/icons.html"
COMPILERS: Final = (
    *(
        Path(__file__).with_name(f"{name}.py")
        for name in ("template_trees", "inlining", "page_code")
    ),
    Path(__file__),
    Path(jinja2.compiler.__file__),
)
"""What decides how a template is compiled."""


class PageEnvironment(Environment):
    """Jinja's environment with our contexts and our code."""

    context_class = PageContext
    code_generator_class = PageCode
    shown = staticmethod(shown)
    inlining: Inlining | None = None

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,
    ) -> str:
        if self.inlining is not None and name is not None and name.endswith(".html"):
            source = self.inlining.of(source, name)
        return super()._generate(source, name, filename, defer_init)


class PageLoader(FileSystemLoader):
    """The templates of a folder. Each holds macros of others: an edit of one makes all of them old.

    Which is only looked at on a developer's machine.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder = folder

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        """The text, the file, and what tells whether nothing has changed since."""
        source, filename, _ = super().get_source(environment, template)
        if not environment.auto_reload:
            return source, filename, lambda: True
        before = self._state()
        return source, filename, lambda: self._state() == before

    def files(self) -> Iterator[Path]:
        """Every template that is a page or a part of one."""
        return self._folder.rglob("*.html")

    def _state(self) -> dict[Path, int]:
        return {file: file.stat().st_mtime_ns for file in self.files()}


class Icons:
    """`icon()` of one environment, which draws each once."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._drawn: dict[tuple[str, str], Markup] = {}

    def __call__(self, name: str, classes: str = "") -> Markup:
        """The icon of this name, with these classes besides its own."""
        found = self._drawn.get((name, classes))
        if found is None or self._environment.auto_reload:
            module: Any = self._environment.get_template(ICONS).module
            found = self._drawn[name, classes] = module.icon(name, classes)
        return found


def page_environment(folder: Path, words: Words, language: str, *, reload: bool) -> Environment:
    """An environment whose pages are in this language.

    `reload`: an edited template shows at the next page, as on a developer's machine.
    """
    loader = PageLoader(folder)
    made = PageEnvironment(
        loader=loader,
        autoescape=select_autoescape(
            enabled_extensions=("html", "svg", "xml"),
            disabled_extensions=("txt",),
            default=True,
            default_for_string=True,
        ),
        undefined=StrictUndefined,
        auto_reload=reload,
        bytecode_cache=CompiledTemplates(
            language, lambda: (*COMPILERS, *words.files_of(language), *sorted(loader.files()))
        ),
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    translations = words.of(language)
    made.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined] # by the extension
    icon = Icons(made)
    said = Gettext(translations.ugettext)
    made.globals.update(_=said, gettext=said, ngettext=Ngettext(translations.ungettext), icon=icon)
    made.inlining = Inlining(made, translations.ugettext, {"icon": icon})
    return made
