"""The documents say what is: the variables and commands that there are, and no others."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from portal.cli.main import COMMANDS
from portal.edge.schema import NOT_INHERITED
from portal.variables import VARIABLES

ROOT = Path(__file__).parent.parent
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def test_every_variable_is_documented_with_what_it_is() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)`[^|]*\| (.+?) \|", CONFIGURATION, re.MULTILINE))
    assert rows == {variable.name: variable.doc for variable in VARIABLES}


def test_the_keys_that_an_environment_does_not_inherit_are_documented() -> None:
    rows = re.findall(r"^\| (`[^|]+) \| no \|", CONFIGURATION, re.MULTILINE)
    assert {row.strip("`") for row in rows} == set(NOT_INHERITED)


def test_every_command_is_in_the_readme() -> None:
    for name in COMMANDS:
        assert f"portal {name}" in README or f"make {name}" in README


def test_every_make_target_has_a_word_of_help() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony
    for target in phony[1].split():
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), target


def test_every_promise_names_a_test_that_there_is() -> None:
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", SECURITY)
    assert len(named) > 60
    for file, name in named:
        text = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert re.search(rf"^(?:async )?def {name}\(", text, re.MULTILINE), f"{file}::{name}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", text):
        assert (document.parent / target).exists(), target


def test_no_lock_names_a_registry() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        assert "://" not in text


def test_no_npm_lock_says_where_packages_come_from() -> None:
    locks = list(ROOT.glob("tests/*/package-lock.json"))
    assert locks
    for lock in locks:
        packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
        assert all("resolved" not in package for package in packages.values())
        assert all("integrity" in package for name, package in packages.items() if name)
