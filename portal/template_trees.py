"""Trees of templates, as Jinja parses them: what is in them, and small changes to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, TypeVar, cast

from jinja2 import Environment, nodes
from jinja2.nodes import EvalContext
from jinja2.visitor import NodeTransformer

N = TypeVar("N", bound=nodes.Node)
Statements = list[nodes.Node]

GETTEXT: Final = frozenset({"_", "gettext"})
NAMED_BY_JINJA: Final = "_trans"
PLAIN_CONTEXT: Final = EvalContext(Environment(autoescape=True))


class Constants(NodeTransformer):
    """Puts constants in the place of names."""

    def __init__(self, constants: Mapping[str, nodes.Expr]) -> None:
        self._constants = constants

    def all(self, body: Sequence[nodes.Node]) -> Statements:
        """The statements with them."""
        return [self.visit(node) for node in body]

    def visit_Name(self, node: nodes.Name) -> nodes.Node:  # noqa: N802 # the node's own
        """The constant of this name, if there is one."""
        found = self._constants.get(node.name) if node.ctx == "load" else None
        return node if found is None else copy_of(found)


def constant_of(value: nodes.Node) -> nodes.Const | None:
    """What an expression is when constants decide it; else None."""
    assert isinstance(value, nodes.Expr)
    try:
        return nodes.Const(value.as_const(PLAIN_CONTEXT))
    except nodes.Impossible:
        return None


def put_values_in_place(tree: nodes.Template) -> None:
    """Put the value of a `{% trans %}` where it is shown; Jinja gives the first one a name.

    It does so in case that the value decides about a plural.
    """
    for parent in (tree, *tree.find_all(nodes.Node)):
        for _, statements in parent.iter_fields():
            if isinstance(statements, list):
                statements[:] = _in_place(statements)


def _in_place(statements: Sequence[Any]) -> Iterator[Any]:
    value: nodes.Node | None = None
    for node, after in zip_longest(statements, statements[1:]):
        if isinstance(node, nodes.Assign) and _is_named(node.target) and len(_named(after)) == 1:
            value = node.node
            continue
        if value is not None:
            _named(node)[0].value, value = cast(nodes.Expr, value), None
        yield node


def _named(statement: nodes.Node | None) -> list[nodes.Keyword]:
    """The values of a text without plural that Jinja gave a name."""
    call = statement.nodes[0] if isinstance(statement, nodes.Output) else None
    if not isinstance(call, nodes.Call) or not isinstance(call.node, nodes.Name):
        return []
    if call.node.name not in GETTEXT:
        return []
    return [keyword for keyword in call.kwargs if _is_named(keyword.value)]


def _is_named(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == NAMED_BY_JINJA


def text_of(text: str) -> nodes.Output:
    """The statement that shows a text as it stands."""
    return nodes.Output([nodes.TemplateData(text)])


def joined(statements: Iterable[nodes.Node]) -> Statements:
    """The statements, with what is shown one after the other in one."""
    found: Statements = []
    for node in statements:
        before = found[-1] if found else None
        if isinstance(node, nodes.Output) and isinstance(before, nodes.Output):
            before.nodes += node.nodes
        else:
            found.append(node)
    return found


def copy_of(part: Any) -> Any:
    """A tree of its own, of the same environment. A list of trees, or a plain field, likewise."""
    if isinstance(part, list):
        return [copy_of(one) for one in part]
    if not isinstance(part, nodes.Node):
        return part
    fields = [copy_of(getattr(part, name)) for name in part.fields]
    return type(part)(*fields, lineno=part.lineno, environment=part.environment)


def rename(body: Iterable[nodes.Node], aliases: Mapping[str, str]) -> None:
    """Call names otherwise, wherever they stand."""
    for name in within(body, nodes.Name):
        name.name = aliases.get(name.name, name.name)


def set_in(body: Iterable[nodes.Node]) -> frozenset[str]:
    """The names that are given a value."""
    return frozenset(name.name for name in within(body, nodes.Name) if name.ctx != "load")


def used_in(body: Iterable[nodes.Node]) -> frozenset[str]:
    """The names that are read."""
    return frozenset(name.name for name in within(body, nodes.Name) if name.ctx == "load")


def within(body: Iterable[nodes.Node], kind: type[N] | tuple[type[N], ...]) -> Iterator[N]:
    """Every node of a kind, however deep."""
    for node in body:
        if isinstance(node, kind):
            yield node
        yield from node.find_all(kind)
