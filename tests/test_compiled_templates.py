"""A template is compiled once, and again as soon as anything about it has changed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from portal.compiled_templates import CompiledTemplates

HELLO = {"hello.html": "Hello {{ name }}"}


class Compiling(Environment):
    """Counts the templates that it compiles."""

    compiled = 0

    def _parse(self, source: str, name: str | None, filename: str | None) -> object:  # type: ignore[override]
        self.compiled += 1
        return super()._parse(source, name, filename)


@pytest.fixture(autouse=True)
def written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


@pytest.fixture
def compiler(tmp_path: Path) -> Path:
    file = tmp_path / "compiler.py"
    file.write_text("one way")
    return file


def said(
    folder: Path, compiler: Path, templates: dict[str, str] = HELLO, language: str = "en"
) -> tuple[str, int]:
    """What a fresh process would render, and how many templates it would compile."""
    kept = CompiledTemplates(language, lambda: (compiler,), folder)
    environment = Compiling(loader=DictLoader(templates), bytecode_cache=kept)
    text = environment.get_template("hello.html").render(name="Jane")
    return text, environment.compiled


def test_what_was_compiled_once_is_loaded_from_then_on(tmp_path: Path, compiler: Path) -> None:
    assert said(tmp_path / "kept", compiler) == ("Hello Jane", 1)
    assert said(tmp_path / "kept", compiler) == ("Hello Jane", 0)


def test_a_template_that_changed_is_compiled_anew(tmp_path: Path, compiler: Path) -> None:
    said(tmp_path, compiler)
    assert said(tmp_path, compiler, {"hello.html": "Bye {{ name }}"}) == ("Bye Jane", 1)
    assert said(tmp_path, compiler) == ("Hello Jane", 1)


def test_so_are_all_when_what_compiles_them_changed(tmp_path: Path, compiler: Path) -> None:
    said(tmp_path, compiler)
    os.utime(compiler, ns=(1, 1))
    assert said(tmp_path, compiler) == ("Hello Jane", 1)


def test_each_environment_has_its_own(tmp_path: Path, compiler: Path) -> None:
    said(tmp_path, compiler)
    assert said(tmp_path, compiler, language="es") == ("Hello Jane", 1)
    assert said(tmp_path, compiler) == ("Hello Jane", 0)


def test_a_file_that_was_cut_short_is_no_use_and_no_harm(tmp_path: Path, compiler: Path) -> None:
    folder = tmp_path / "kept"
    said(folder, compiler)
    [file] = folder.iterdir()
    whole = file.read_bytes()
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        assert said(folder, compiler) == ("Hello Jane", 1), length


def test_without_a_place_to_write_pages_are_drawn_all_the_same(
    tmp_path: Path, compiler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said(compiler / "no-folder", compiler) == ("Hello Jane", 1)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert said(tmp_path / "kept", compiler) == ("Hello Jane", 1)
    assert not (tmp_path / "kept").exists()
