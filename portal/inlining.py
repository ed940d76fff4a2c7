"""Templates with their macros written out where they are shown, before Jinja compiles them.

A home page made 850 calls of macros and of `_`, which were three quarters of what drawing it cost.
What a call shows is known when its template is compiled but for the values that it is given, so:

    {{ _("All invoices") }}            the text, in the language that is compiled for
    {{ icon("flag") }}                 its drawing
    {{ amount(invoice.amount, "EUR") }}    the body of the macro, its parameters set by `{% with %}`
    {% if kind == "red" %}             what follows of it, once both are constants

Everything stays escaped where it was: only the calls are gone, not what their bodies say. A call
that cannot be written out (in an expression, of a macro that recurs or takes `caller`) is left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from jinja2 import Environment, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from portal.template_trees import (
    GETTEXT,
    Constants,
    Statements,
    constant_of,
    copy_of,
    joined,
    put_values_in_place,
    rename,
    set_in,
    text_of,
    used_in,
    within,
)

VALUE: Final = re.compile(r"%(?:%|\((\w+)\)s)")
NOT_WRITTEN_OUT: Final = (
    nodes.Block,
    nodes.CallBlock,
    nodes.FromImport,
    nodes.Import,
    nodes.Include,
    nodes.Macro,
)
GIVEN_BY_JINJA: Final = frozenset({"caller", "kwargs", "varargs"})
OWN_TO_LOOPS: Final = frozenset({"loop"})
WHOLE: Final = "_whole"


@dataclass(frozen=True)
class Origin:
    """Where a name of a template comes from: a macro of `template`, there called `name`."""

    template: str
    name: str
    has_context: bool


@dataclass(frozen=True)
class Module:
    """A template that macros are imported from.

    `origins`: of its own macros and of those that it imports, by the names it uses for them.
    `variables`: what it sets beside them.
    """

    macros: Mapping[str, nodes.Macro]
    origins: Mapping[str, Origin]
    variables: frozenset[str]


@dataclass(frozen=True)
class Scope:
    """What the names mean at a place: macros, and values bound in the template around it."""

    macros: Mapping[str, Origin]
    bound: frozenset[str]
    within: tuple[Origin, ...] = ()


class Inlining:
    """Writes macros and words out, for one environment and so for one language."""

    def __init__(
        self,
        environment: Environment,
        translate: Callable[[str], str],
        constants: Mapping[str, Callable[..., Markup]],
    ) -> None:
        """`constants`: functions of templates that give the same for the same, by their names."""
        self._environment = environment
        self._translate = translate
        self._constants = {**constants, **dict.fromkeys(GETTEXT, self._said)}
        self._modules: dict[str, tuple[str, Module]] = {}

    def of(self, tree: nodes.Template, name: str) -> nodes.Template:
        """The tree of the template of that name, changed in place."""
        module = _module(tree, name)
        put_values_in_place(tree)
        bound = set_in(tree.body)
        macros = {called: at for called, at in module.origins.items() if called not in bound}
        needed: dict[str, Origin] = {}
        _Writer(self, name, needed).visit(tree, Scope(macros, bound | module.variables))
        _import(tree, needed, module.origins)
        for block in tree.find_all(nodes.Block):
            block.body = _at_once(block.body)
        tree.set_environment(self._environment)
        return tree

    def module(self, name: str) -> Module:
        """The template of that name, as one that macros are imported from."""
        loader = self._environment.loader
        assert loader is not None
        source, filename, _ = loader.get_source(self._environment, name)
        read, module = self._modules.get(name, ("", None))
        if module is None or read != source:
            tree = self._environment._parse(source, name, filename)
            put_values_in_place(tree)
            module = _module(tree, name)
            self._modules[name] = source, module
        return module

    def text(self, message: str) -> Markup:
        """A message in this language: a format string of ours, and safe as it stands."""
        return Markup(self._translate(message))  # noqa: S704 # a constant of ours

    def constant(self, name: str, values: Sequence[Any]) -> Markup | None:
        """What a function makes of constants; None when it may make something else of them."""
        function = self._constants.get(name)
        return None if function is None else function(*values)

    def _said(self, message: str) -> Markup:
        return self.text(message) % {}


class _Writer(NodeTransformer):
    """Goes through a tree once; each visit is told what names mean there."""

    def __init__(self, inlining: Inlining, name: str, needed: dict[str, Origin]) -> None:
        """`needed` is filled with the macros of others that are called, by new names for them."""
        self._inlining = inlining
        self._name = name
        self._needed = needed

    def visit_Output(self, node: nodes.Output, scope: Scope) -> Statements:  # noqa: N802 # Jinja's
        """Each part as it is, or as what it shows."""
        return joined(shown for part in node.nodes for shown in self._shown(part, scope))

    def visit_If(  # noqa: N802 # Jinja's
        self, node: nodes.If, scope: Scope
    ) -> nodes.Node | Statements:
        """The branches that may come to be; only what is in one when constants decide."""
        kept: list[nodes.If] = []
        otherwise = node.else_
        for branch in (node, *node.elif_):
            test = self.visit(branch.test, scope)
            decided = constant_of(test)
            if decided is None:
                body = self._all(branch.body, scope)
                kept.append(nodes.If(test, body, [], [], lineno=branch.lineno))
            elif decided.value:
                otherwise = branch.body
                break
        otherwise = self._all(otherwise, scope)
        if not kept:
            return otherwise
        kept[0].elif_, kept[0].else_ = kept[1:], otherwise
        return kept[0]

    def visit_Call(self, node: nodes.Call, scope: Scope) -> nodes.Node:  # noqa: N802 # Jinja's
        """A constant, where the call depends on nothing but constants."""
        self.generic_visit(node, scope)
        name = node.node.name if isinstance(node.node, nodes.Name) else ""
        values = [part.value for part in node.args if isinstance(part, nodes.Const)]
        has_more = node.kwargs or node.dyn_args or node.dyn_kwargs or len(values) < len(node.args)
        if has_more or name in scope.bound:
            return node
        constant = self._inlining.constant(name, values)
        return node if constant is None else nodes.Const(constant)

    def _shown(self, part: nodes.Expr, scope: Scope) -> Statements:
        value: nodes.Expr = self.visit(part, scope)
        if isinstance(value, nodes.Call) and isinstance(value.node, nodes.Name):
            name = value.node.name
            if name in GETTEXT and name not in scope.bound:
                return self._sentence(value, scope)
            if name in scope.macros:
                return self._written_out(value, scope.macros[name], scope)
        return [nodes.Output([value])]

    def _sentence(self, call: nodes.Call, scope: Scope) -> Statements:
        """A text with values, as its pieces and these; each value once, or it stays a call."""
        values = {keyword.key: keyword.value for keyword in call.kwargs}
        message = call.args[0]
        if call.dyn_args or call.dyn_kwargs or not isinstance(message, nodes.Const):
            return [nodes.Output([call])]
        text = str(self._inlining.text(message.value))
        names = [name for name in VALUE.findall(text) if name]
        if len(set(names)) < len(names) or not values.keys() >= set(names):
            return [nodes.Output([call])]
        shown, end = Statements(), 0
        for place in VALUE.finditer(text):
            shown.append(text_of(text[end : place.start()] + ("" if place[1] else "%")))
            shown += self._shown(values[place[1]], scope) if place[1] else []
            end = place.end()
        return [*shown, text_of(text[end:])]

    def _written_out(self, call: nodes.Call, at: Origin, scope: Scope) -> Statements:
        """The body of a macro in place of its call, or the call when that cannot be."""
        module = self._inlining.module(at.template)
        macro = module.macros.get(at.name)
        given = None if macro is None or at in scope.within else _given(macro, call)
        if macro is None or given is None or not at.has_context:
            return [nodes.Output([call])]
        bound = {parameter.name for parameter in macro.args} | set_in(macro.body)
        free = used_in(macro.body) - bound - OWN_TO_LOOPS
        macros = free & module.origins.keys()
        if _means_something_else(macro, free, free - macros, module, scope):
            return [nodes.Output([call])]
        aliases = {name: self._alias(name, module.origins[name], at) for name in macros}
        constants = {
            name: value
            for name, value in given.items()
            if isinstance(value, nodes.Const) and name not in set_in(macro.body)
        }
        body: Statements = copy_of(macro.body)
        rename(body, aliases)
        for node in body:
            node.set_lineno(call.lineno, override=True)
        inner = Scope(
            {alias: module.origins[name] for name, alias in aliases.items()},
            scope.bound | bound,
            (*scope.within, at),
        )
        statements = self._all(Constants(constants).all(body), inner)
        values = {name: value for name, value in given.items() if name not in constants}
        if not values and not set_in(statements):
            return statements
        targets: list[nodes.Expr] = [nodes.Name(name, "param") for name in values]
        return [nodes.With(targets, list(values.values()), statements, lineno=call.lineno)]

    def _alias(self, name: str, meant: Origin, at: Origin) -> str:
        """What this template calls a macro that another, written out in it, calls `name`."""
        if at.template == self._name:
            return name
        words = [*PurePosixPath(meant.template).with_suffix("").parts, meant.name]
        alias = f"_{'_'.join(words)}"
        self._needed[alias] = meant
        return alias

    def _all(self, body: Iterable[nodes.Node], scope: Scope) -> Statements:
        found: Statements = []
        for node in body:
            visited = self.visit(node, scope)
            found += visited if isinstance(visited, list) else [visited]
        return joined(found)


def _means_something_else(
    macro: nodes.Macro, free: frozenset[str], others: frozenset[str], module: Module, scope: Scope
) -> bool:
    """Whether a macro's body would not say the same in the place of its call.

    `free`: the names that it does not set itself; `others`: those of them that are no macros.
    """
    return bool(
        free & GIVEN_BY_JINJA
        or others & (module.variables | scope.bound)
        or any(True for _ in within(macro.body, NOT_WRITTEN_OUT))
    )


def _module(tree: nodes.Template, name: str) -> Module:
    """What a template defines at its top, for whoever imports it."""
    macros = {node.name: node for node in tree.body if isinstance(node, nodes.Macro)}
    origins = {macro: Origin(name, macro, has_context=True) for macro in macros}
    variables = set(set_in(node for node in tree.body if not isinstance(node, nodes.Macro)))
    for node in tree.body:
        if isinstance(node, nodes.Import):
            variables.add(node.target)
        elif isinstance(node, nodes.FromImport) and isinstance(node.template, nodes.Const):
            template = node.template.value
            for imported, called in _names(node):
                origins[called] = Origin(template, imported, node.with_context)
    return Module(macros, origins, frozenset(variables))


def _import(
    tree: nodes.Template, needed: Mapping[str, Origin], imported: Mapping[str, Origin]
) -> None:
    """Import what is called under a new name, and no macro that is not called any more."""
    used = used_in(tree.body)
    body: Statements = []
    for node in tree.body:
        if isinstance(node, nodes.FromImport):
            names = [pair for pair in _names(node) if pair[1] in used or pair[1] not in imported]
            node.names = list(names)
            if not names:
                continue
        body.append(node)
    first = 1 if body and isinstance(body[0], nodes.Extends) else 0
    body[first:first] = [
        nodes.FromImport(nodes.Const(at.template), [(at.name, alias)], at.has_context, lineno=1)
        for alias, at in needed.items()
        if alias in used
    ]
    tree.body = body


def _names(node: nodes.FromImport) -> list[tuple[str, str]]:
    """The imported names, and what they are called here."""
    return [name if isinstance(name, tuple) else (name, name) for name in node.names]


def _given(macro: nodes.Macro, call: nodes.Call) -> dict[str, nodes.Expr] | None:
    """What a call gives each parameter; None when that is not plain."""
    names = [parameter.name for parameter in macro.args]
    if call.dyn_args or call.dyn_kwargs or len(call.args) > len(names):
        return None
    defaults = zip(names[len(names) - len(macro.defaults) :], macro.defaults, strict=True)
    given = {name: value for name, value in defaults if constant_of(value) is not None}
    given |= dict(zip(names, call.args, strict=False))
    given |= {keyword.key: keyword.value for keyword in call.kwargs}
    return {name: given[name] for name in names} if given.keys() == set(names) else None


def _at_once(body: Statements) -> Statements:
    """A block that gives all it shows at once: each piece would pass through the blocks around."""
    if all(isinstance(node, nodes.Output) for node in body):
        return body
    whole = nodes.AssignBlock(nodes.Name(WHOLE, "store"), None, body)
    return [whole, nodes.Output([nodes.Name(WHOLE, "load")])]
