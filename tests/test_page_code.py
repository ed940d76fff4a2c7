"""What a page shows of a value: the same as Jinja and markupsafe would, without their detours."""

from __future__ import annotations

import decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader, StrictUndefined, UndefinedError
from markupsafe import Markup, escape

from portal.page_code import PageContext, shown
from portal.page_environment import PageEnvironment


class Named(str):
    """A text that is not quite one."""

    def __html__(self) -> str:
        return f"<b>{escape(str(self))}</b>"


def environment(templates: dict[str, str]) -> PageEnvironment:
    """One without our folder and without inlining: the code alone."""
    return PageEnvironment(loader=DictLoader(templates), autoescape=True, undefined=StrictUndefined)


def page(source: str, **values: Any) -> str:
    return environment({"page.html": source}).get_template("page.html").render(values)


@given(st.text(alphabet="a<>&\"' é\u2028\0") | st.text())
def test_every_text_is_escaped_as_markupsafe_does(text: str) -> None:
    assert shown(text) == escape(text)
    assert shown(Markup(text)) == text


@pytest.mark.parametrize(
    "value", [None, 3, 1.5, True, decimal.Decimal("1.50"), ["<", "&"], Named("<i>"), {"<": ">"}]
)
def test_so_is_what_is_no_text(value: object) -> None:
    assert shown(value) == escape(value)


def test_values_functions_and_methods_are_shown_escaped() -> None:
    source = "{{ a }}{{ money(a) }}{{ a.upper() }}{{ money(a, currency='<') }}"
    made = page(source, a="<b>", money=lambda value, currency="": f"{value}{currency}")
    assert made == "&lt;b&gt;&lt;b&gt;&lt;B&gt;&lt;b&gt;&lt;"


@pytest.mark.parametrize(
    "source", ["{{ gone }}", "{{ money(1) }}", "{{ a.gone }}", "{{ a.b.c() }}"]
)
def test_what_is_not_there_is_an_error(source: str) -> None:
    with pytest.raises(UndefinedError):
        page(source, a="<b>")


def test_words_of_a_python_keyword_and_lists_of_values_can_be_passed() -> None:
    told = partial(lambda *values, **named: f"{values}{named}")
    assert page("{{ money(*[1, 2], **{'class': 3}) }}", money=told) == escape("(1, 2){'class': 3}")


def test_macros_are_called_as_jinja_calls_them() -> None:
    source = (
        "{% macro one(a, b='<') %}{{ a }}{{ b }}{% if caller is defined %}{{ caller() }}"
        "{% endif %}{% endmacro %}"
        "{{ one('&') }}{% call one('x') %}<i>{% endcall %}"
        "{% for n in [1, 2] %}{{ one(n, b=loop.last) }}{% endfor %}"
    )
    assert page(source) == "&amp;&lt;x&lt;<i>1False2True"
    assert environment({}).context_class is PageContext
