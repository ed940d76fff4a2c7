"""Endpoints that are loaded when they are asked for, and what the URL table names as such."""

from __future__ import annotations

import ast
import inspect
import sys
from importlib import import_module
from pathlib import Path

import pytest
from starlette.requests import Request

from portal import routes
from portal.later import later

SOURCE = """
from starlette.responses import PlainTextResponse
async def hello(request):
    return PlainTextResponse(f"hello {request.url.path}")
async def bye(request):
    return PlainTextResponse("bye")
"""


async def test_a_module_is_loaded_by_the_first_request_for_it_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "page_of_a_test.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    hello, bye = later("page_of_a_test", "hello", "bye")
    assert "page_of_a_test" not in sys.modules
    request = Request({"type": "http", "path": "/x", "headers": [], "query_string": b""})
    assert (await hello(request)).body == b"hello /x"
    loaded = sys.modules.pop("page_of_a_test")
    assert (await hello(request)).body == b"hello /x"
    assert "page_of_a_test" not in sys.modules
    monkeypatch.setitem(sys.modules, "page_of_a_test", loaded)
    assert (await bye(request)).body == b"bye"


def named_in_the_table() -> list[tuple[list[str], str, list[str]]]:
    """Of each `later` in the URL table: the names that it gives, the module, the names in that."""
    found = []
    for node in ast.parse(inspect.getsource(routes)).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        if ast.unparse(node.value.func) == "later":
            targets = ast.unparse(node.targets[0]).strip("(),").split(", ")
            module, *names = [ast.literal_eval(word) for word in node.value.args]
            found.append((targets, module, names))
    return found


def test_every_endpoint_of_the_table_is_there_under_its_own_name() -> None:
    table = named_in_the_table()
    assert len(table) > 30
    for targets, module, names in table:
        assert targets == names, module
        for name in names:
            assert inspect.iscoroutinefunction(getattr(import_module(module), name)), name
