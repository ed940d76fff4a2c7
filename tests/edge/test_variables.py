from __future__ import annotations

from pathlib import Path

import pytest

from portal.edge import values
from portal.edge.config import Config, load_config
from portal.edge.diagnostics import Diagnostics
from portal.edge.variables import (
    Given,
    Variable,
    given_in,
    read_variables,
    warn_of_secrets,
    warn_of_unknown,
)

DAYS = Variable("DAYS", values.whole_number(1, 9), "How many days.", default=7)
NEEDED = Variable("NEEDED", values.text, "What it is for.", required=True)
KEY = Variable(
    "KEY", values.signing_secret, "Signs.", required=True, secret=True, aliases=("OLD_KEY",)
)
URL = Variable("URL", values.smtp_address, "The server.")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "wrangler-like.toml"
    path.write_text('name = "x"\n[env.live.secrets]\nrequired = ["URL"]\n', "utf-8")
    return load_config(path)


def read(variable: Variable, given: dict[str, Given], config: Config) -> tuple[object, list[str]]:
    found = Diagnostics()
    value = read_variables([variable], given, config, found)[variable.name.lower()]
    return value, [f"{d.where}: {d.message} {d.mend}" for d in found.found]


def test_a_value_that_is_not_given_is_the_default(config: Config) -> None:
    assert read(DAYS, {}, config) == (7, [])
    assert read(DAYS, given_in([DAYS], {"DAYS": ""}), config) == (7, [])


def test_a_value_that_cannot_be_used_is_named_with_where_it_is_written(config: Config) -> None:
    expected = 'to be a whole number from 1 to 9 but got "x". How many days.'
    assert read(DAYS, {"DAYS": Given("x", "vars.DAYS")}, config) == (
        None,
        [f'vars.DAYS: Expected "vars.DAYS" {expected}'],
    )
    assert read(DAYS, given_in([DAYS], {"DAYS": "x"}), config) == (
        None,
        [f'DAYS: Expected "DAYS" {expected}'],
    )


def test_a_needed_value_that_is_missing_is_told_where_it_goes(config: Config) -> None:
    assert read(NEEDED, {}, config)[1] == [
        'vars.NEEDED: Required "NEEDED" is missing. Put it in [vars]. What it is for.'
    ]


def test_a_missing_secret_is_told_where_secrets_go(config: Config) -> None:
    [local] = read(KEY, {}, config)[1]
    assert local == 'KEY: Required secret "KEY" is missing. Put it in .dev.vars. Signs.'
    [live] = read(KEY, {}, load_config(config.path, "live"))[1]
    assert "Put it in the process environment." in live


def test_what_the_file_lists_as_a_secret_is_required_and_treated_as_one(config: Config) -> None:
    assert read(URL, {}, config) == (None, [])
    live = load_config(config.path, "live")
    assert "process environment" in read(URL, {}, live)[1][0]
    [wrong] = read(URL, given_in([URL], {"URL": "mail:hunter2"}), live)[1]
    assert "hunter2" not in wrong


def test_an_alias_is_understood_and_the_own_name_comes_first(config: Config) -> None:
    old, new = "o" * 32, "n" * 32
    assert read(KEY, given_in([KEY], {"OLD_KEY": old}), config) == (old, [])
    assert read(KEY, given_in([KEY], {"OLD_KEY": old, "KEY": new}), config) == (new, [])
    assert read(KEY, given_in([KEY], {"OLD_KEY": old, "KEY": ""}), config) == (old, [])


def test_a_problem_is_reported_under_the_name_that_was_used(config: Config) -> None:
    assert read(KEY, given_in([KEY], {"OLD_KEY": "short"}), config)[1][0].startswith("OLD_KEY:")


def test_a_secret_that_cannot_be_used_is_not_repeated(config: Config) -> None:
    [said] = read(KEY, given_in([KEY], {"KEY": "hunter2"}), config)[1]
    assert "at least 32 characters" in said
    assert "hunter2" not in said


def test_a_password_in_a_url_is_not_repeated(config: Config) -> None:
    [said] = read(URL, {"URL": Given("smpt://user:hunter2@mail", "vars.URL")}, config)[1]
    assert "smpt://***@mail" in said
    assert "hunter2" not in said


def test_an_unknown_name_is_warned_of_with_the_one_that_was_meant() -> None:
    found = Diagnostics()
    warn_of_unknown([DAYS, KEY], ["DAYS", "OLD_KEY", "DAY", "OTHER"], "vars", found)
    assert [(d.level, d.where, d.mend) for d in found.found] == [
        ("warning", "vars.DAY", 'Did you mean "DAYS"?'),
        ("warning", "vars.OTHER", ""),
    ]


def test_a_secret_in_the_file_is_warned_of_under_any_of_its_names() -> None:
    found = Diagnostics()
    warn_of_secrets([DAYS, KEY], ["DAYS", "KEY", "OLD_KEY"], found)
    assert [d.where for d in found.found] == ["vars.KEY", "vars.OLD_KEY"]


def test_values_of_the_file_keep_their_types(tmp_path: Path) -> None:
    path = tmp_path / "wrangler-like.toml"
    path.write_text('name = "x"\n[vars]\nDAYS = 3\n', "utf-8")
    given = given_in([DAYS, KEY], load_config(path).vars, "vars")
    assert given == {"DAYS": Given(3, "vars.DAYS")}
