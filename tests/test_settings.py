from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest
from dotenv.parser import parse_stream

from portal.domain.timeline import KINDS
from portal.edge.bindings import render_bindings
from portal.edge.config import Config, load_config
from portal.edge.diagnostics import ConfigError, Diagnostic
from portal.settings import Settings, binding_rows, load_settings, read_settings
from portal.variables import POSTED_BY_DEFAULT, VARIABLES, VISIBLE_BY_DEFAULT

PROJECT = Path(__file__).parent.parent
FILE = PROJECT / "wrangler-like.toml"
ENVIRONMENTS = (None, "staging", "production")
SECRET = "a-secret-of-the-tests-that-is-long-enough-to-sign-with"
SECRETS = {
    "SESSION_SECRET": SECRET,
    "SM_API_CLIENT_ID": "portal-of-the-tests.access",
    "SM_API_CLIENT_SECRET": "service-token-secret-of-the-tests",
    "SM_API_KEY": "sm-key-of-the-tests",
    "GOOGLE_CLIENT_ID": "google-client-of-the-tests",
    "GOOGLE_CLIENT_SECRET": "google-secret-of-the-tests",
    "SMTP_URL": "smtp+starttls://portal:hunter2@mail.example.com:587",
}
DESIGNED = (
    *("PRODUCT", "PORTAL_ORIGIN", "SESSION_SECRET", "SESSION_COOKIE_DOMAIN"),
    *("SESSION_COOKIE_SAMESITE", "SM_API_URL", "SM_API_CLIENT_ID", "SM_API_CLIENT_SECRET"),
    *("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "GOOGLE_DISCOVERY_URL", "SMTP_URL"),
    *("MAIL_FROM", "STAFF_DOMAINS", "MAGIC_SESSIONS"),
)
NEEDED = {
    "PRODUCT": "other-product",
    "PORTAL_ORIGIN": "https://portal.example.com",
    "SM_API_URL": "https://api.example.com",
    "SMTP_URL": "smtp://mail.example.com",
    "MAIL_FROM": "Other <no-reply@example.com>",
    "SESSION_SECRET": SECRET,
    "SM_API_CLIENT_ID": "id",
    "SM_API_CLIENT_SECRET": "secret",
}
"""The least that a portal needs."""


class Project:
    """A folder with a configuration file, and perhaps secrets beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("")

    def write(self, text: str) -> None:
        (self.folder / "wrangler-like.toml").write_text(f'name = "x"\n{text}', "utf-8")

    def secrets(self, text: str, name: str = ".dev.vars") -> None:
        (self.folder / name).write_text(text, "utf-8")
        (self.folder / name).chmod(0o600)

    def load(
        self, environ: Mapping[str, str], env: str | None = None, *, dev_vars: bool = True
    ) -> tuple[Config, Settings]:
        return load_settings(self.folder / "wrangler-like.toml", env, environ, dev_vars)

    def settings(self, **changes: str) -> Settings:
        """The settings of a portal that has what it needs, but for the changes."""
        return self.load({**NEEDED, **changes})[1]

    def refusal(self, environ: Mapping[str, str], env: str | None = None) -> tuple[Diagnostic, ...]:
        with pytest.raises(ConfigError) as raised:
            self.load(environ, env)
        return raised.value.diagnostics


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_the_file_of_this_repository_is_fine_in_every_environment(env: str | None) -> None:
    config, settings = load_settings(FILE, env, SECRETS, dev_vars=False)
    assert config.warnings == ()
    assert settings.environment == (env or "local")
    assert settings.product == "mode"


def test_this_repository_runs_on_one_machine_without_changes() -> None:
    local = {name: value for name, value in SECRETS.items() if name != "SMTP_URL"}
    _, settings = load_settings(FILE, None, local, dev_vars=False)
    assert settings.portal_origin == "http://127.0.0.1:8787"
    assert settings.sm_api_url == "http://127.0.0.1:8788"
    assert settings.smtp_url == "smtp://127.0.0.1:8725"
    assert settings.google_discovery_url == (
        "http://127.0.0.1:8788/google/.well-known/openid-configuration"
    )
    assert settings.session_cookie_domain is None
    assert not settings.session_cookie_secure
    assert settings.state_url == f"sqlite:{PROJECT}/.portal/state.db"


def test_production_shares_its_session_with_the_platform() -> None:
    _, settings = load_settings(FILE, "production", SECRETS, dev_vars=False)
    assert settings.portal_origin == "https://mode.sprintmode.ai"
    assert settings.sm_api_url == "https://api.sprintmode.ai"
    assert settings.session_cookie_domain == ".sprintmode.ai"
    assert settings.session_cookie_samesite == "none"
    assert settings.session_cookie_secure
    assert settings.smtp_url == SECRETS["SMTP_URL"]


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_the_file_of_this_repository_shows_clients_what_is_the_default(env: str | None) -> None:
    assert load_config(FILE, env).vars["VISIBLE_ACTIVITIES"] == list(VISIBLE_BY_DEFAULT)


def test_activities_shown_by_default_have_names_and_are_not_internal() -> None:
    assert set(VISIBLE_BY_DEFAULT) <= set(KINDS)
    assert {"call", "email", "meeting", "note", "transcript"}.isdisjoint(VISIBLE_BY_DEFAULT)


def test_the_example_names_exactly_the_secrets_there_are() -> None:
    lines = (PROJECT / ".dev.vars.example").read_text("utf-8").splitlines()
    set_now = [line for line in lines if line and not line.startswith("#")]
    optional = [
        line.removeprefix("# ")
        for line in lines
        if line.startswith("# ") and "=" in line.split()[1]
    ]
    required = load_config(FILE).required_secrets
    assert [line.rstrip("=") for line in set_now] == list(required)
    known = {variable.name for variable in VARIABLES if variable.secret}
    for env in ENVIRONMENTS:
        known |= set(load_config(FILE, env).required_secrets)
    assert {line.partition("=")[0] for line in [*set_now, *optional]} == known


def test_the_example_can_be_read_as_it_is() -> None:
    with (PROJECT / ".dev.vars.example").open(encoding="utf-8") as stream:
        assert not any(binding.error for binding in parse_stream(stream))


def test_every_designed_variable_is_there_with_its_documentation() -> None:
    by_name = {variable.name: variable for variable in VARIABLES}
    assert set(DESIGNED) <= set(by_name)
    assert len(by_name) == len(VARIABLES)
    assert all(variable.doc.endswith(".") for variable in VARIABLES)
    assert by_name["SESSION_SECRET"].aliases == ("JWT_SECRET",)


def test_every_variable_is_shown_in_the_files_that_are_edited() -> None:
    shown = FILE.read_text("utf-8") + (PROJECT / ".dev.vars.example").read_text("utf-8")
    assert [variable.name for variable in VARIABLES if variable.name not in shown] == []


def test_every_variable_has_its_setting() -> None:
    names = {field.name for field in fields(Settings)} | {
        "session_secret",
        "session_secret_previous",
    }
    assert {variable.name.lower() for variable in VARIABLES} <= names


def test_defaults_fill_in_what_is_not_said(project: Project) -> None:
    settings = project.settings()
    assert settings.environment == "local"
    assert settings.portal_name == "Other Product"
    assert settings.support_email == "no-reply@example.com"
    assert settings.session_secrets == (SECRET,)
    assert settings.session_cookie_domain is None
    assert settings.session_cookie_samesite == "lax"
    assert settings.session_days == 7
    assert (settings.google_client_id, settings.google_client_secret) == (None, None)
    assert settings.sm_api_key is None
    assert settings.staff_domains == ()
    assert settings.magic_sessions == "crm"
    assert settings.untagged_invoices == "hide"
    assert settings.visible_activities == frozenset(VISIBLE_BY_DEFAULT)
    assert settings.client_activities == frozenset(POSTED_BY_DEFAULT)
    assert (settings.default_timezone, settings.default_locale) == ("UTC", "en_US")
    assert settings.trusted_proxies == 0
    assert settings.state_url == f"sqlite:{project.folder}/.portal/state.db"
    assert settings.activities_url == f"sqlite:{project.folder}/.portal/activities.db"


def test_keys_of_check_codes_are_read_in_their_order(project: Project) -> None:
    newer, older = "n" * 16, "older-secret:with-a-colon"
    for given in (f"b:{newer},A:{older}", f" B:{newer} \n a:{older} "):
        settings = project.settings(INVOICE_CHECK_KEYS=given)
        assert settings.invoice_check_keys == (("B", newer), ("A", older))
    assert [key.id for key in settings.invoice_checks.keys] == ["B", "A"]
    assert newer not in repr(settings)
    assert newer not in repr(settings.invoice_checks)
    project.secrets(f"INVOICE_CHECK_KEYS=Z:{newer}\n")
    config, settings = project.load(NEEDED)
    assert settings.invoice_check_keys == (("Z", newer),)
    table = render_bindings(binding_rows(config, settings))
    assert "env.INVOICE_CHECK_KEYS (hidden)" in table
    assert newer not in table


def test_a_token_for_the_metrics_is_long_and_shown_nowhere(project: Project) -> None:
    config, settings = project.load(NEEDED)
    assert settings.metrics_token is None
    assert "METRICS_TOKEN" not in render_bindings(binding_rows(config, settings))
    token = "m" * 32
    config, settings = project.load({**NEEDED, "METRICS_TOKEN": token})
    assert settings.metrics_token == token
    assert token not in repr(settings)
    table = render_bindings(binding_rows(config, settings))
    assert "env.METRICS_TOKEN (hidden)" in table
    assert token not in table
    with pytest.raises(ConfigError):
        project.load({**NEEDED, "METRICS_TOKEN": token[1:]})


def test_without_keys_of_their_own_check_codes_hang_on_the_session_secret(
    project: Project,
) -> None:
    config, settings = project.load({**NEEDED, "INVOICE_CHECK_KEYS": ""})
    assert settings.invoice_check_keys == ()
    [key] = settings.invoice_checks.keys
    assert key.id == "0"
    assert "INVOICE_CHECK_KEYS" not in render_bindings(binding_rows(config, settings))
    [other] = project.settings(SESSION_SECRET="o" * 32).invoice_checks.keys
    assert other.secret != key.secret


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("no-colon-in-it-at-all", "each id one digit or letter but I, L, O and U"),
        ("AB:" + "s" * 16, "each id one digit or letter but I, L, O and U"),
        ("L:" + "s" * 16, "each id one digit or letter but I, L, O and U"),
        (":" + "s" * 16, "each id one digit or letter but I, L, O and U"),
        ("A:" + "s" * 15, "each secret 16 bytes or more"),
        (f"A:{'s' * 16} a:{'t' * 16}", "no id is there twice"),
    ],
)
def test_keys_of_check_codes_that_cannot_be_used_are_told_without_showing_them(
    project: Project, given: str, said: str
) -> None:
    [error] = project.refusal({**NEEDED, "INVOICE_CHECK_KEYS": given})
    assert error.where == "INVOICE_CHECK_KEYS"
    assert said in error.message
    assert given not in error.message


def test_limits_on_asking_for_links_are_read_as_the_limits_they_are(project: Project) -> None:
    settings = project.settings(ASK_LIMIT_ADDRESS="2/minute; 9/hour")
    assert [(limit.amount, limit.get_expiry()) for limit in settings.ask_limit_address] == [
        (2, 60),
        (9, 3600),
    ]
    assert [(limit.amount, limit.get_expiry()) for limit in settings.ask_limit_client] == [
        (10, 600)
    ]
    [error] = project.refusal({**NEEDED, "ASK_LIMIT_CLIENT": "often"})
    assert error.where == "ASK_LIMIT_CLIENT"


def test_a_session_lives_for_its_days(project: Project) -> None:
    assert project.settings(SESSION_DAYS="2").session_lifetime.total_seconds() == 2 * 86_400


def test_the_process_environment_goes_before_dev_vars_and_those_before_the_file(
    project: Project,
) -> None:
    project.write(
        '[vars]\nPORTAL_NAME = "file"\nSESSION_DAYS = 1\nSUPPORT_EMAIL = "file@example.com"\n'
    )
    project.secrets("PORTAL_NAME=kept\nSESSION_DAYS=2\n")
    settings = project.settings(PORTAL_NAME="process")
    assert settings.portal_name == "process"
    assert settings.session_days == 2
    assert settings.support_email == "file@example.com"


def test_the_old_name_in_the_process_environment_goes_before_the_new_one_in_dev_vars(
    project: Project,
) -> None:
    environ = {name: value for name, value in NEEDED.items() if name != "SESSION_SECRET"}
    project.secrets(f"SESSION_SECRET={'k' * 32}\n")
    assert project.load({**environ, "JWT_SECRET": "j" * 32})[1].session_secrets == ("j" * 32,)


def test_what_is_set_to_nothing_counts_as_not_set(project: Project) -> None:
    project.write('[vars]\nSESSION_DAYS = 3\nSESSION_COOKIE_DOMAIN = ""\n')
    settings = project.settings(SESSION_DAYS="")
    assert settings.session_days == 7
    assert settings.session_cookie_domain is None


def test_dev_vars_are_left_alone_when_not_wanted(project: Project) -> None:
    project.secrets("SESSION_DAYS=2\n")
    assert project.load(NEEDED, dev_vars=False)[1].session_days == 7


def test_an_environment_takes_its_own_dev_vars_and_never_the_local_ones(project: Project) -> None:
    project.write("[env.staging]\n")
    project.secrets("SESSION_DAYS=2\n")
    assert project.load(NEEDED, "staging")[1].session_days == 7
    project.secrets("SESSION_DAYS=3\n", ".dev.vars.staging")
    assert project.load(NEEDED, "staging")[1].session_days == 3


def test_the_old_name_of_the_session_secret_is_understood(project: Project) -> None:
    environ = {name: value for name, value in NEEDED.items() if name != "SESSION_SECRET"}
    _, settings = project.load({**environ, "JWT_SECRET": "j" * 32})
    assert settings.session_secrets == ("j" * 32,)


def test_the_secret_before_is_accepted_and_does_not_sign(project: Project) -> None:
    settings = project.settings(SESSION_SECRET_PREVIOUS="p" * 32)
    assert settings.session_secrets == (SECRET, "p" * 32)


def test_the_service_binding_names_sm_api_unless_the_variable_does(project: Project) -> None:
    project.write('[[services]]\nbinding = "SM_API"\nservice = "http://127.0.0.1:8788"\n')
    assert project.settings(SM_API_URL="").sm_api_url == "http://127.0.0.1:8788"
    assert project.settings().sm_api_url == "https://api.example.com"


def test_two_places_for_sm_api_in_one_file_are_warned_of(project: Project) -> None:
    project.write(
        '[vars]\nSM_API_URL = "https://other.example"\n'
        '[[services]]\nbinding = "SM_API"\nservice = "http://127.0.0.1:8788"\n'
    )
    config, _ = project.load(NEEDED)
    assert [warning.where for warning in config.warnings] == ["vars.SM_API_URL"]


def test_engines_are_taken_from_their_bindings_and_files_seen_from_the_configuration(
    project: Project,
) -> None:
    project.write(
        '[[kv_namespaces]]\nbinding = "STATE"\nid = "sqlite:data/state.db"\n'
        '[[queues.producers]]\nbinding = "ACTIVITIES"\nqueue = "sqlite:/var/activities.db"\n'
    )
    settings = project.settings()
    assert settings.state_url == f"sqlite:{project.folder}/data/state.db"
    assert settings.activities_url == "sqlite:/var/activities.db"


def test_redis_takes_the_place_of_files_by_a_change_of_url(project: Project) -> None:
    project.write(
        '[[kv_namespaces]]\nbinding = "STATE"\nid = "redis://:pass@cache/0"\n'
        '[[queues.producers]]\nbinding = "ACTIVITIES"\nqueue = "valkeys://cache?prefix=mine"\n'
    )
    settings = project.settings(PRODUCT="signal")
    assert settings.state_url == "redis://:pass@cache/0?prefix=signal"
    assert settings.activities_url == "valkeys://cache?prefix=mine"
    assert ":pass" not in repr(settings)


def test_a_redis_url_that_cannot_be_used_is_an_error_without_its_password(
    project: Project,
) -> None:
    project.write('[[kv_namespaces]]\nbinding = "STATE"\nid = "redis://:pass@cache/mode"\n')
    [error] = [d for d in project.refusal({}) if d.where == "kv_namespaces"]
    assert "a Redis URL's database is a number" in error.message
    assert "pass" not in error.message


def test_every_problem_is_reported_at_once(project: Project) -> None:
    project.write(
        "[vars]\nPRODUKT = 'x'\nPORTAL_ORIGIN = 'https://x/y'\nSESSION_DAYS = 'x'\n"
        "SMTP_URL = 'http://x'\nDEFAULT_TIMEZONE = 'Nowhere'\nDEFAULT_LOCALE = 'zz_ZZ_Z'\n"
        "MAGIC_SESSIONS = 'redis'\n"
        "[[kv_namespaces]]\nbinding = 'STATE'\nid = 'postgres://x'\n"
    )
    found = project.refusal({"SESSION_SECRET": "short"})
    assert {d.where for d in found if d.level == "warning"} == {"vars.PRODUKT"}
    assert {d.where for d in found if d.level == "error"} == {
        "vars.PRODUCT",
        "vars.PORTAL_ORIGIN",
        "SESSION_SECRET",
        "vars.SESSION_DAYS",
        "vars.SM_API_URL",
        "SM_API_CLIENT_ID",
        "SM_API_CLIENT_SECRET",
        "vars.SMTP_URL",
        "vars.MAIL_FROM",
        "vars.MAGIC_SESSIONS",
        "vars.DEFAULT_TIMEZONE",
        "vars.DEFAULT_LOCALE",
        "kv_namespaces",
    }


def test_a_secret_that_the_file_requires_is_missed(project: Project) -> None:
    project.write('[secrets]\nrequired = ["SM_API_KEY"]\n')
    [error] = project.refusal(NEEDED)
    assert error.message == 'Required secret "SM_API_KEY" is missing.'
    assert error.mend.startswith("Put it in .dev.vars.")


def test_a_required_secret_that_nobody_reads_is_warned_of(project: Project) -> None:
    project.write('[secrets]\nrequired = ["SESION_SECRET"]\n')
    [warning] = project.load(NEEDED)[0].warnings
    assert warning.mend == 'Did you mean "SESSION_SECRET"?'


def test_a_secret_in_the_file_is_warned_of(project: Project) -> None:
    project.write('[vars]\nSM_API_KEY = "committed"\n')
    [warning] = project.load(NEEDED)[0].warnings
    assert warning.where == "vars.SM_API_KEY"
    assert "committed" not in warning.mend


def test_an_unknown_name_in_dev_vars_is_warned_of(project: Project) -> None:
    project.secrets("SESION_DAYS=3\n")
    [warning] = project.load(NEEDED)[0].warnings
    assert (warning.where, warning.mend) == (
        ".dev.vars.SESION_DAYS",
        'Did you mean "SESSION_DAYS"?',
    )


def test_a_cookie_for_other_sites_needs_https(project: Project) -> None:
    [error] = project.refusal(
        {**NEEDED, "PORTAL_ORIGIN": "http://127.0.0.1:8787", "SESSION_COOKIE_SAMESITE": "none"}
    )
    assert error.where == "SESSION_COOKIE_SAMESITE"
    assert project.settings(SESSION_COOKIE_SAMESITE="none").session_cookie_samesite == "none"


@pytest.mark.parametrize("domain", [".example.org", "ample.com", ".a.portal.example.com"])
def test_a_cookie_domain_that_browsers_would_refuse_is_an_error(
    project: Project, domain: str
) -> None:
    [error] = project.refusal({**NEEDED, "SESSION_COOKIE_DOMAIN": domain})
    assert error.where == "SESSION_COOKIE_DOMAIN"


@pytest.mark.parametrize("domain", [".example.com", "example.com", "portal.example.com"])
def test_a_cookie_domain_that_the_portal_is_in_is_fine(project: Project, domain: str) -> None:
    assert project.settings(SESSION_COOKIE_DOMAIN=domain).session_cookie_domain == domain


@pytest.mark.parametrize("name", ["GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"])
def test_half_of_the_google_client_is_an_error(project: Project, name: str) -> None:
    [error] = project.refusal({**NEEDED, name: "half"})
    assert "go together" in error.message


def test_reading_again_gives_the_same_and_takes_values_over_the_file(project: Project) -> None:
    project.write("[vars]\nSESSION_DAYS = 3\n")
    config, settings = project.load(NEEDED)
    assert read_settings(config, NEEDED) == settings
    assert read_settings(config, {**NEEDED, "SESSION_DAYS": "4"}).session_days == 4


def test_no_secret_is_in_the_text_of_the_settings() -> None:
    _, settings = load_settings(FILE, "production", SECRETS, dev_vars=False)
    assert not [value for value in SECRETS.values() if value in repr(settings)]


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_the_printed_bindings_show_everything_but_secrets(env: str | None) -> None:
    config, settings = load_settings(FILE, env, SECRETS, dev_vars=False)
    table = render_bindings(binding_rows(config, settings))
    assert "hunter2" not in table
    for name in config.required_secrets:
        assert f"env.{name} (hidden)" in table
        assert SECRETS[name] not in table
    for name in ("STATE", "ACTIVITIES", "SM_API", "PRODUCT", "PORTAL_ORIGIN"):
        assert f"env.{name} (" in table


def test_files_of_the_project_are_printed_as_the_configuration_names_them() -> None:
    rows = {row.binding: row for row in binding_rows(*load_settings(FILE, None, SECRETS, False))}
    assert rows["STATE"].resource == "sqlite:.portal/state.db"
