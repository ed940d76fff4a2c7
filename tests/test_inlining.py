"""Macros written out where they are shown: the same page, with fewer calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import pytest
from jinja2 import DictLoader, Environment, StrictUndefined, nodes
from markupsafe import Markup, escape
from starlette.requests import Request

from portal.inlining import Inlining
from portal.page_environment import PageEnvironment
from portal.page_words import Gettext, Ngettext
from portal.template_trees import set_in
from portal.templating import TEMPLATES_DIR, Templates
from tests.pages.test_crawl import crawl
from tests.staff.stand import by_google
from tests.stage import Stage, stage

WORDS: Final = {"Hello %(name)s": "Hola <i>%(name)s</i>", "All 100%%": "Todo 100%%"}
VALUES: Final[Mapping[str, Any]] = {"name": "<b>", "who": "&", "amounts": [1, 2], "day": str}
MACROS: Final = (
    "{% macro bold(text, tone='plain', more={}) %}"
    "{% if tone == 'red' %}!{% elif tone == 'plain' %}.{% else %}?{% endif %}"
    "<b>{{ text }}</b>{{ more.get('x', '') }}{% endmacro %}"
    "{% macro twice(text) %}{{ bold(text) }}{{ bold(text, 'red') }}{% endmacro %}"
    "{% macro said(who) %}{% set name = who|upper %}{{ name }}{{ bold(name) }}{% endmacro %}"
    "{% macro outer() %}{{ who }}{% endmacro %}"
    "{% macro down(n) %}{{ n }}{% if n %}{{ down(n - 1) }}{% endif %}{% endmacro %}"
    "{% macro around() %}<p>{{ caller() }}</p>{% endmacro %}"
    "{% set kept = ['<', '>'] %}{% macro own() %}{{ kept[0] }}{% endmacro %}"
)
IMPORTS: Final = (
    '{% from "macros.html" import bold, twice, said, outer, down, around, own with context %}'
)


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


def environment(page: str, *, is_inlining: bool) -> PageEnvironment:
    """One page with macros beside it, in another language."""
    templates = {"macros.html": MACROS, "page.html": IMPORTS + page, "plain.html": page}
    made = PageEnvironment(
        loader=DictLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    made.newstyle_gettext = True  # type: ignore[attr-defined] # by the extension

    def translate(text: str) -> str:
        return WORDS.get(text, text)

    def icon(name: str) -> Markup:
        return Markup(f"<svg>{escape(name)}</svg>")  # escaped

    made.globals |= {
        "_": Gettext(translate),
        "gettext": Gettext(translate),
        "ngettext": Ngettext(lambda one, more, number: one if number == 1 else more),
        "icon": icon,
    }
    if is_inlining:
        made.inlining = Inlining(made, translate, {"icon": icon})
    return made


def code_of(page: str) -> str:
    """The Python that the page becomes."""
    made = environment(page, is_inlining=True)
    return made.compile(IMPORTS + page, "page.html", raw=True)


@pytest.mark.parametrize(
    "page",
    [
        "{{ bold(name) }}",
        "{{ bold('<i>') }}{{ bold(name, tone='red') }}{{ bold(tone=who, text=name) }}",
        "{{ bold(name, more={'x': name}) }}",
        "{{ twice(name) }}{{ twice('a')|upper }}{{ name ~ twice(who) }}",
        "{{ said(name) }}{{ name }}",
        "{{ outer() }}{% set who = 'mine' %}{{ outer() }}",
        "{% for who in amounts %}{{ outer() }}{{ bold(loop.index) }}{% endfor %}",
        "{% for bold in amounts %}{{ bold }}{% endfor %}",
        "{{ down(3) }}{{ own() }}",
        "{% call around() %}{{ bold(name) }}{% endcall %}",
        "{% set x %}{{ bold(name) }}{% endset %}{{ x }}{{ bold(x) }}",
        "{% macro mine(text) %}{{ bold(text) }}{{ outer() }}{% endmacro %}{{ mine(name) }}",
        "{% if bold(name) %}{{ bold('') }}{% else %}no{% endif %}",
        "{% filter upper %}{{ bold(name) }}{% endfilter %}",
        "{% block content %}{{ bold(name) }}{% if name %}{{ said(who) }}{% endif %}{% endblock %}",
        "{{ _('Hello %(name)s', name=name) }}{{ _('All 100%%') }}{{ _('All %(n)s', n=1) }}",
        "{% trans name=bold(name) %}Hello {{ name }}{% endtrans %}",
        "{% trans name=name, other=who %}{{ name }} and {{ name }} and {{ other }}{% endtrans %}",
        "{% trans n=amounts|length %}one{% pluralize %}{{ n }} of them{% endtrans %}",
        "{{ ngettext('%(num)s <day>', '%(num)s <days>', 2) }}",
        "{{ icon('<') }}{{ icon(name) }}{{ bold(icon('x')) }}",
        "{{ bold(_('All 100%%')) }}{{ _(name) }}",
        "{% set _ = day %}{{ _('All 100%%') }}",
        "{% if 'a' == 'b' %}no{% elif 1 %}{{ bold('yes') }}{% else %}no{% endif %}",
        "{% if name %}a{% elif 0 %}b{% elif who %}c{% else %}d{% endif %}{% if 0 %}e{% endif %}",
    ],
)
def test_the_page_is_the_same_as_with_calls(page: str) -> None:
    plain, inlining = (
        environment(page, is_inlining=is_inlining).get_template("page.html").render(VALUES)
        for is_inlining in (False, True)
    )
    assert inlining == plain


def test_what_comes_from_outside_stays_escaped() -> None:
    made = environment("{{ twice(name) }}{{ said(name) }}", is_inlining=True)
    assert "<b><" not in made.get_template("page.html").render(VALUES)
    assert "&lt;b&gt;" in made.get_template("page.html").render(VALUES)


@pytest.mark.parametrize(
    ("page", "gone"),
    [
        ("{{ bold(name) }}", "context.call"),
        ("{{ twice(name) }}{{ twice('a') }}", "make_module"),
        ("{{ _('All 100%%') }}", "gettext"),
        ("{% trans name=bold(name) %}Hello {{ name }}{% endtrans %}", "context.call"),
        ("{{ icon('flag') }}", "icon("),
        ("{{ bold('a', tone='red') }}", "if "),
    ],
)
def test_calls_and_imports_are_gone(page: str, gone: str) -> None:
    tail = code_of(page).partition("def root")[2].partition("if 0: yield None")[2]
    assert gone not in tail.replace("is missing else", "").replace("if parent_template", "")


def test_a_text_that_needs_no_value_is_in_the_language_compiled_for() -> None:
    assert "Todo 100%" in code_of("{{ _('All 100%%') }}")


def test_an_edited_macro_is_in_the_next_page_that_is_compiled() -> None:
    made = environment("{{ bold(name) }}", is_inlining=True)
    loader = made.loader
    assert isinstance(loader, DictLoader)
    assert made.get_template("page.html").render(VALUES) == ".<b>&lt;b&gt;</b>"
    loader.mapping["macros.html"] = MACROS.replace("<b>", "<u>")  # type: ignore[index] # a dict
    made.cache.clear()  # type: ignore[union-attr] # there is one
    assert made.get_template("page.html").render(VALUES) == ".<u>&lt;b&gt;</b>"


def names_without_import() -> dict[str, frozenset[str]]:
    """Of each template the macros that it calls without having imported them."""
    made = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    trees = {path: made.parse(path.read_text()) for path in TEMPLATES_DIR.rglob("*.html")}
    macros = {macro.name for tree in trees.values() for macro in tree.find_all(nodes.Macro)}
    macros -= {"icon"}  # a function, too, which every template has
    found: dict[str, frozenset[str]] = {}
    for path, tree in trees.items():
        own = {macro.name for macro in tree.find_all(nodes.Macro)} | set_in(tree.body)
        for node in tree.find_all(nodes.FromImport):
            own |= {name[1] if isinstance(name, tuple) else name for name in node.names}
        called = {
            call.node.name
            for call in tree.find_all(nodes.Call)
            if isinstance(call.node, nodes.Name) and call.node.name in macros
        }
        found[str(path)] = frozenset(called - own)
    return {path: names for path, names in found.items() if names}


def test_every_template_imports_the_macros_that_it_calls() -> None:
    # An import that is not needed any more is gone, and with it what others had of it.
    assert names_without_import() == {}


@pytest.mark.parametrize("email", ["jane@acme.com", "sam@acme.com"])
async def test_every_page_of_a_client_is_the_same_as_with_calls(
    on: Stage, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = comparing(monkeypatch)
    await crawl(await on.signed_in(email), "/")
    assert len(compared) >= 8
    assert all(compared.values()), compared


async def test_so_is_every_page_of_staff_and_of_nobody(
    on: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = comparing(monkeypatch)
    await crawl(await by_google(on), "/staff")
    await crawl(on.browser(), "/auth/login")
    assert len(compared) >= 4
    assert all(compared.values()), compared


def comparing(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Have each page drawn with calls, too: of each template, whether all came out the same."""
    compared: dict[str, bool] = {}
    drawn = Templates.page

    def both(self: Templates, request: Request, name: str, context: Mapping[str, Any]) -> str:
        page = drawn(self, request, name, context)
        made = self._environment
        language = self.language_of(request)
        with monkeypatch.context() as here:
            plain = PLAIN.setdefault((id(self), language), without_inlining(self, language))
            here.setattr(self, "_environment", lambda _language: plain)
            with_calls = drawn(self, request, name, context)
        assert self._environment is made
        compared[name] = compared.get(name, True) and page == with_calls
        return page

    monkeypatch.setattr(Templates, "page", both)
    return compared


PLAIN: Final[dict[tuple[int, str], PageEnvironment]] = {}


def without_inlining(templates: Templates, language: str) -> PageEnvironment:
    """The environment of these templates, had it no inlining."""
    made = templates._new_environment(language)
    assert isinstance(made, PageEnvironment)
    made.inlining, made.bytecode_cache = None, None
    return made
