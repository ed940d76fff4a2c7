from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.edge.dev_vars import dev_vars_path, new_secrets, read_dev_vars, write_dev_vars
from portal.edge.diagnostics import Diagnostics

NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=40)


def read(path: Path) -> tuple[dict[str, str], list[str]]:
    found = Diagnostics()
    values = read_dev_vars(path, found)
    return values, [diagnostic.message for diagnostic in found.found]


def private(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    return path


def test_an_environment_has_a_file_of_its_own(tmp_path: Path) -> None:
    assert dev_vars_path(tmp_path, None) == tmp_path / ".dev.vars"
    assert dev_vars_path(tmp_path, "staging") == tmp_path / ".dev.vars.staging"


def test_a_file_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert read(tmp_path / ".dev.vars") == ({}, [])


def test_values_are_taken_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/root")
    text = "# said\nA=1 # one\nB='two words'\nexport C=\"x$HOME ${HOME}\"\nD=\n"
    expected = {"A": "1", "B": "two words", "C": "x$HOME ${HOME}", "D": ""}
    assert read(private(tmp_path / ".dev.vars", text)) == (expected, [])


def test_a_line_that_cannot_be_read_is_warned_of_by_its_number(tmp_path: Path) -> None:
    values, said = read(private(tmp_path / ".dev.vars", "A=1\nnot a line\nB\nC=2\n"))
    assert values == {"A": "1", "C": "2"}
    assert [message.split()[0] for message in said] == [".dev.vars:2", ".dev.vars:3"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_warned_of(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path / ".dev.vars", "A=1\n")
    path.chmod(mode)
    assert read(path) == ({"A": "1"}, [".dev.vars can be read by other users."])


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    found = Diagnostics()
    (tmp_path / ".dev.vars").mkdir()
    assert read_dev_vars(tmp_path / ".dev.vars", found) == {}
    assert found.found[0].level == "error"


def test_what_is_written_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / ".dev.vars"
    write_dev_vars(path, new_secrets())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = private(tmp_path / ".dev.vars", "A=1\n")
    with pytest.raises(FileExistsError):
        write_dev_vars(path, {"A": "2"})
    assert read(path) == ({"A": "1"}, [])


@given(values=st.dictionaries(NAMES, VALUES, max_size=5))
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("written") / ".dev.vars"
    write_dev_vars(path, values)
    assert read(path) == (values, [])


def test_new_secrets_are_the_six_names_and_never_the_same_twice() -> None:
    one, other = new_secrets(), new_secrets()
    assert list(one) == [
        "SESSION_SECRET",
        "SM_API_CLIENT_ID",
        "SM_API_CLIENT_SECRET",
        "SM_API_KEY",
        "GOOGLE_CLIENT_ID",
        "GOOGLE_CLIENT_SECRET",
    ]
    assert set(one.values()).isdisjoint(other.values())
    assert len(one["SESSION_SECRET"]) >= 32
