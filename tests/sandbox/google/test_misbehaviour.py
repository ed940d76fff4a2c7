"""Every way to misbehave is one that the tests of relying parties can read about."""

from __future__ import annotations

import ast
from pathlib import Path

from portal.sandbox.google import misbehaviour
from portal.sandbox.google.misbehaviour import Misbehaviour


def test_every_way_says_what_it_does() -> None:
    tree = ast.parse(Path(misbehaviour.__file__).read_text("utf-8"))
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef)).body[1:]
    members, words = body[::2], body[1::2]
    assert len(members) == len(words) == len(Misbehaviour)
    assert all(isinstance(member, ast.Assign) for member in members)
    assert all(
        isinstance(word, ast.Expr) and isinstance(word.value, ast.Constant) for word in words
    )
