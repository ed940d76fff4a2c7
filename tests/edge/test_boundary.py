"""The platform layer stands on its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import portal.edge

MODULES = sorted(Path(portal.edge.__path__[0]).glob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_edge_imports_nothing_else_of_the_portal(module: Path) -> None:
    imported: list[str] = []
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported.append(node.module or "")
    ours = [name for name in imported if name.split(".")[0] == "portal"]
    assert [name for name in ours if not name.startswith("portal.edge.")] == []
