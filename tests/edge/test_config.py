from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from portal.edge.config import (
    Assets,
    Config,
    Consumer,
    KVNamespace,
    Observability,
    Producer,
    Route,
    Service,
    load_config,
)
from portal.edge.diagnostics import ConfigError, Diagnostic

WHOLE = """
name = "mode-portal"
main = "portal/asgi.py"
compatibility_date = "2026-11-24"
routes = ["a.example/*", { pattern = "b.example", custom_domain = true }]

[assets]
directory = "static"

[vars]
TEXT = "x"
NUMBER = 3
LIST = ["a", "b"]
TABLE = { deep = true }

[secrets]
required = ["SESSION_SECRET"]

[[services]]
binding = "SM_API"
service = "http://127.0.0.1:8788"

[[kv_namespaces]]
binding = "STATE"
id = "sqlite:.portal/state.db"

[[queues.producers]]
binding = "ACTIVITIES"
queue = "sqlite:.portal/activities.db"

[[queues.consumers]]
queue = "sqlite:.portal/activities.db"
max_batch_size = 20

[triggers]
crons = ["0 * * * *"]

[observability]
enabled = true
head_sampling_rate = 0.5
"""


class Project:
    """A folder with a configuration file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "wrangler-like.toml"

    def load(self, text: str, env: str | None = None) -> Config:
        self.path.write_text(text, "utf-8")
        return load_config(self.path, env)

    def refusal(self, text: str, env: str | None = None) -> tuple[Diagnostic, ...]:
        with pytest.raises(ConfigError) as raised:
            self.load(text, env)
        return raised.value.diagnostics


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_every_key_is_read(project: Project) -> None:
    config = project.load(WHOLE)
    assert config == Config(
        name="mode-portal",
        main="portal/asgi.py",
        compatibility_date=date(2026, 11, 24),
        routes=(Route("a.example/*"), Route("b.example", custom_domain=True)),
        assets=Assets("static"),
        vars={"TEXT": "x", "NUMBER": 3, "LIST": ["a", "b"], "TABLE": {"deep": True}},
        required_secrets=("SESSION_SECRET",),
        services=(Service("SM_API", "http://127.0.0.1:8788"),),
        kv_namespaces=(KVNamespace("STATE", "sqlite:.portal/state.db"),),
        queues=config.queues,
        crons=("0 * * * *",),
        observability=Observability(enabled=True, head_sampling_rate=0.5),
        environment=None,
        path=project.path,
        warnings=(),
    )
    assert config.queues.producers == (Producer("ACTIVITIES", "sqlite:.portal/activities.db"),)
    assert config.queues.consumers == (Consumer("sqlite:.portal/activities.db", 20),)


def test_a_name_is_all_that_a_file_needs(project: Project) -> None:
    config = project.load('name = "x"')
    assert (config.vars, config.kv_namespaces, config.assets) == ({}, (), None)
    assert config.warnings == ()


def test_a_date_may_be_written_as_a_toml_date(project: Project) -> None:
    config = project.load('name = "x"\ncompatibility_date = 2026-11-24')
    assert config.compatibility_date == date(2026, 11, 24)


def test_an_environment_inherits_what_it_does_not_say_itself(project: Project) -> None:
    config = project.load(WHOLE + '[env.staging]\nmain = "other.py"\n', "staging")
    assert config.environment == "staging"
    assert config.main == "other.py"
    assert config.name == "mode-portal"
    assert config.routes[0] == Route("a.example/*")
    assert config.crons == ("0 * * * *",)
    assert config.observability.enabled


def test_variables_secrets_and_bindings_are_not_inherited_and_their_absence_is_warned_of(
    project: Project,
) -> None:
    config = project.load(WHOLE + "[env.production]\n", "production")
    assert (config.vars, config.required_secrets, config.services) == ({}, (), ())
    assert (config.kv_namespaces, config.queues.producers) == ((), ())
    assert sorted(w.where for w in config.warnings) == [
        "env.production.kv_namespaces",
        "env.production.queues",
        "env.production.secrets",
        "env.production.services",
        "env.production.vars",
    ]
    [warning] = [w for w in config.warnings if w.where == "env.production.vars"]
    assert warning.message == '"vars" exists at the top level, but not on "env.production".'
    assert 'Please add "vars" to "env.production".' in warning.mend


def test_an_environment_with_its_own_of_everything_warns_of_nothing(project: Project) -> None:
    own = WHOLE[WHOLE.index("[vars]") : WHOLE.index("[triggers]")]
    own = own.replace("[[", "[[env.e.").replace("\n[vars", "\n[env.e.vars")
    own = own.replace("[vars]", "[env.e.vars]", 1).replace("[secrets]", "[env.e.secrets]")
    assert project.load(WHOLE + own, "e").warnings == ()


def test_a_variable_that_an_environment_lacks_is_warned_of(project: Project) -> None:
    text = 'name = "x"\n[vars]\nA = "1"\nB = "2"\n[env.e.vars]\nA = "3"\n'
    config = project.load(text, "e")
    assert config.vars == {"A": "3"}
    assert [w.message for w in config.warnings] == [
        '"vars.B" exists at the top level, but not on "env.e.vars".'
    ]


def test_a_variable_that_is_a_secret_of_the_environment_is_not_missed(project: Project) -> None:
    text = 'name = "x"\n[vars]\nSMTP_URL = "smtp://localhost"\n[env.e.vars]\nA = "3"\n'
    text += '[env.e.secrets]\nrequired = ["SMTP_URL"]\n'
    assert project.load(text, "e").warnings == ()


def test_the_other_environments_are_not_looked_into(project: Project) -> None:
    text = 'name = "x"\n[env.good]\nmain = "m"\n[env.bad]\nmain = 3\nfoo = 1\n'
    assert project.load(text, "good").warnings == ()
    assert project.load(text).warnings == ()
    assert [d.where for d in project.refusal(text, "bad")] == ["env.bad.main", "env.bad.foo"]


def test_an_unknown_environment_is_told_which_there_are(project: Project) -> None:
    text = 'name = "x"\n[env.staging]\n[env.production]\n'
    [error] = project.refusal(text, "prod")
    assert error.message == 'No environment found in configuration with name "prod".'
    assert '"staging", "production"' in error.mend


def test_an_unknown_environment_of_a_file_without_any_says_so(project: Project) -> None:
    [error] = project.refusal('name = "x"', "staging")
    assert "names are: none" in error.mend


def test_an_empty_environment_name_is_the_top_level(project: Project) -> None:
    assert project.load('name = "x"', "").environment is None


def test_every_problem_is_reported_at_once(project: Project) -> None:
    found = project.refusal('naem = "x"\nmain = 3\nroutes = 4\n', "nowhere")
    assert [(d.level, d.where) for d in found] == [
        ("warning", "naem"),
        ("error", "main"),
        ("error", "routes"),
        ("error", "name"),
        ("error", "env.nowhere"),
    ]
    assert found[0].mend == 'Did you mean "name"?'


def test_a_missing_file_is_told_where_it_was_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "wrangler-like.toml"
    with pytest.raises(ConfigError) as raised:
        load_config(path)
    assert str(path) in str(raised.value)


def test_a_folder_in_place_of_the_file_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


def test_broken_toml_is_one_error_that_names_the_line(project: Project) -> None:
    [error] = project.refusal('name = "x"\nmain = \n')
    assert "line 2" in error.message


def test_a_file_that_is_not_text_is_one_error(project: Project) -> None:
    project.path.write_bytes(b'name = "\xff"')
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(project.path)


def test_two_bindings_of_one_name_are_an_error(project: Project) -> None:
    text = 'name = "x"\n[vars]\nSTATE = "y"\n[[kv_namespaces]]\nbinding = "STATE"\nid = "sqlite:a"'
    [error] = project.refusal(text)
    assert error.message == '"STATE" is assigned to 2 bindings.'


def test_a_relative_path_is_kept_as_an_absolute_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.path.write_text('name = "x"', "utf-8")
    monkeypatch.chdir(project.path.parent)
    assert load_config(Path("wrangler-like.toml")).path == project.path
