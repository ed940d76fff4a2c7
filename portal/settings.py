"""What the portal is told: the configuration file's variables and secrets, checked and typed.

`VARIABLES` in `portal.variables` is the whole list: one line there is all that a new variable
needs, besides its field in `Settings`. A value is taken from the process environment, else from
`.dev.vars`, else from `[vars]`; one that is set to nothing ("") counts as not set, whatever stands
behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from limits import RateLimitItem

from portal.domain.confirmation import TrustLimits
from portal.domain.invoice_check import CheckKey, InvoiceChecks, derived_key
from portal.domain.journey import Journey
from portal.edge.bindings import Binding, resource_binding, secret_binding
from portal.edge.config import Config, read_config
from portal.edge.dev_vars import dev_vars_path, read_dev_vars
from portal.edge.diagnostics import Diagnostics, did_you_mean
from portal.edge.engine import DEFAULT_PREFIX, anchored
from portal.edge.values import without_credentials
from portal.edge.variables import (
    Given,
    given_in,
    read_variables,
    warn_of_secrets,
    warn_of_unknown,
)
from portal.variables import VARIABLES

CONFIG_VARIABLE: Final = "PORTAL_CONFIG"
"""Where a serving process finds the configuration file; `portal serve` sets it."""

ENV_VARIABLE: Final = "PORTAL_ENV"

STATE: Final = "STATE"
ACTIVITIES: Final = "ACTIVITIES"
SM_API: Final = "SM_API"
DEFAULT_STATE: Final = "sqlite:.portal/state.db"
DEFAULT_ACTIVITIES: Final = "sqlite:.portal/activities.db"


@dataclass(frozen=True)
class Settings:
    """The portal's settings. Secrets are left out of its repr, so that no log can show them.

    `environment` is `local` for the top level of the file. The first of `session_secrets` signs;
    all of them are accepted. `state_url` and `activities_url` name engines, files by absolute path.
    """

    environment: str
    product: str
    portal_name: str
    accent: str | None
    links: tuple[tuple[str, str], ...]
    portal_origin: str
    support_email: str
    session_secrets: tuple[str, ...] = field(repr=False)
    invoice_check_keys: tuple[tuple[str, str], ...] = field(repr=False)
    session_cookie_domain: str | None
    session_cookie_secure: bool
    session_cookie_samesite: Literal["lax", "none", "strict"]
    session_days: int
    sm_api_url: str
    sm_api_client_id: str = field(repr=False)
    sm_api_client_secret: str = field(repr=False)
    sm_api_key: str | None = field(repr=False)
    google_client_id: str | None = field(repr=False)
    google_client_secret: str | None = field(repr=False)
    google_discovery_url: str
    smtp_url: str = field(repr=False)
    mail_from: str
    staff_domains: tuple[str, ...]
    magic_sessions: Literal["crm", "kv"]
    untagged_invoices: Literal["hide", "show"]
    visible_activities: frozenset[str]
    journey: Journey
    client_activities: frozenset[str]
    ask_limit_address: tuple[RateLimitItem, ...]
    ask_limit_client: tuple[RateLimitItem, ...]
    refusal_limit_client: tuple[RateLimitItem, ...]
    access_freshness: int
    access_read_only_after: int
    access_ends_after: int
    read_freshness: float
    live_interval: float
    delivery_lease: int
    default_timezone: str
    default_locale: str
    trusted_proxies: int
    shutdown_delay: int
    metrics_token: str | None = field(repr=False)
    state_url: str = field(repr=False)
    activities_url: str = field(repr=False)

    @property
    def invoice_checks(self) -> InvoiceChecks:
        """What makes and compares check codes; without keys of its own, by the session secret."""
        keys = tuple(CheckKey(id_, secret.encode()) for id_, secret in self.invoice_check_keys)
        return InvoiceChecks(self.product, keys or (derived_key(self.session_secrets[0]),))

    @property
    def trust_limits(self) -> TrustLimits:
        """For how long access counts that the CRM cannot confirm."""
        return TrustLimits(
            timedelta(seconds=self.access_read_only_after),
            timedelta(seconds=self.access_ends_after),
        )

    @property
    def session_lifetime(self) -> timedelta:
        """How long a sign-in lasts."""
        return timedelta(days=self.session_days)


def load_settings(
    path: Path, env: str | None, environ: Mapping[str, str], dev_vars: bool = True
) -> tuple[Config, Settings]:
    """Read the file, the secrets beside it and the process environment, in one go.

    `.dev.vars` belongs to the top level alone; an environment has `.dev.vars.NAME` or none. What
    is odd and usable is in the configuration's `warnings`. Raises ConfigError with everything else.
    """
    found = Diagnostics()
    config = read_config(path, env, found)
    kept: dict[str, str] = {}
    if dev_vars:
        file = dev_vars_path(config.path.parent, config.environment)
        kept = read_dev_vars(file, found)
        warn_of_unknown(VARIABLES, kept, file.name, found)
    warn_of_unknown(VARIABLES, config.vars, "vars", found)
    warn_of_secrets(VARIABLES, config.vars, found)
    settings = _read(config, [kept, environ], found)
    return replace(config, warnings=tuple(found.found)), settings


def read_settings(config: Config, variables: Mapping[str, str]) -> Settings:
    """The settings from the file's `[vars]` and from `variables`, which win.

    Raises ConfigError with every problem, not the first alone.
    """
    return _read(config, [variables], Diagnostics(list(config.warnings)))


def binding_rows(config: Config, settings: Settings) -> list[Binding]:
    """What the worker is given, for the table that is printed at start."""
    folder = f"{config.path.parent}/"
    rows = [
        resource_binding(STATE, "KV Namespace", settings.state_url.replace(folder, "")),
        resource_binding(ACTIVITIES, "Queue", settings.activities_url.replace(folder, "")),
        resource_binding(SM_API, "Service", settings.sm_api_url),
    ]
    hidden = {v.name for v in VARIABLES if v.secret} | set(config.required_secrets)
    for variable in VARIABLES:
        value = getattr(settings, variable.name.lower(), None)
        if variable.name not in hidden and value not in (None, ()):
            rows.append(Binding(variable.name, "Environment Variable", _printed(value)))
    rows.extend(secret_binding(name) for name in _secrets_held(config, settings))
    return rows


def _read(config: Config, outside: Sequence[Mapping[str, str]], found: Diagnostics) -> Settings:
    """The settings from the file and from what is given `outside` of it, where the last wins."""
    given = given_in(VARIABLES, config.vars, "vars")
    for source in outside:
        given.update(given_in(VARIABLES, source))
    service = _service(config)
    if service is not None and ("SM_API_URL" not in given or given["SM_API_URL"].value == ""):
        given["SM_API_URL"] = Given(service, f"services.{SM_API}")
    read = read_variables(VARIABLES, given, config, found)
    prefix = read["product"] or DEFAULT_PREFIX
    state = _engine(config, STATE, prefix, found)
    activities = _engine(config, ACTIVITIES, prefix, found)
    _check_cookie(read, found)
    _check_google(read, config, found)
    _warn_of_contradictions(config, found)
    found.raise_errors(config.path)
    previous = read.pop("session_secret_previous")
    secrets = (read.pop("session_secret"), previous)
    return Settings(
        **{
            **read,
            "environment": config.environment or "local",
            "portal_name": read["portal_name"] or read["product"].replace("-", " ").title(),
            "support_email": read["support_email"] or parseaddr(read["mail_from"])[1],
            "session_secrets": tuple(secret for secret in secrets if secret),
            "session_cookie_secure": read["portal_origin"].startswith("https://"),
            "visible_activities": frozenset(read["visible_activities"]),
            "journey": Journey.of(read["journey"]),
            "client_activities": frozenset(read["client_activities"]),
            "state_url": state,
            "activities_url": activities,
        }
    )


def _check_cookie(read: Mapping[str, Any], found: Diagnostics) -> None:
    """Refuse a session cookie that browsers would drop (RFC 6265 §5.3)."""
    origin, domain = read["portal_origin"], read["session_cookie_domain"]
    if origin and read["session_cookie_samesite"] == "none" and not origin.startswith("https:"):
        found.error(
            "SESSION_COOKIE_SAMESITE",
            '"SESSION_COOKIE_SAMESITE" is "none", which browsers take from https alone.',
            'Serve the portal under https, or say "lax".',
        )
    if origin and domain and not _is_within(urlsplit(origin).hostname or "", domain):
        found.error(
            "SESSION_COOKIE_DOMAIN",
            f'"SESSION_COOKIE_DOMAIN" is "{domain}", and browsers refuse that from "{origin}".',
            "Leave it out to keep the session on this host.",
        )


def _check_google(read: Mapping[str, Any], config: Config, found: Diagnostics) -> None:
    """Refuse half of an OAuth client, unless the other half is already reported as missing."""
    pair = {name: read[name.lower()] for name in ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET")}
    missing = [name for name, value in pair.items() if value is None]
    if len(missing) == 1 and missing[0] not in config.required_secrets:
        found.error(
            missing[0],
            '"GOOGLE_CLIENT_ID" and "GOOGLE_CLIENT_SECRET" go together, and one is missing.',
            "Set both, or neither for a portal without Google.",
        )


def _warn_of_contradictions(config: Config, found: Diagnostics) -> None:
    service, named = _service(config), config.vars.get("SM_API_URL")
    if service is not None and named not in (None, "", service):
        found.warn(
            "vars.SM_API_URL",
            f'The service "{SM_API}" and "vars.SM_API_URL" name two places; the variable counts.',
            "Leave one of them out.",
        )
    known = [name for variable in VARIABLES for name in variable.names]
    for name in config.required_secrets:
        if name not in known:
            found.warn(
                "secrets.required",
                f'"{name}" is no secret that the portal knows.',
                did_you_mean(name, known),
            )


def _is_within(host: str, domain: str) -> bool:
    parent = domain.removeprefix(".")
    return host == parent or host.endswith(f".{parent}")


def _service(config: Config) -> str | None:
    """Where the service binding of SM API leads, if there is one."""
    return next((s.service for s in config.services if s.binding == SM_API), None)


def _engine(config: Config, binding: str, prefix: str, found: Diagnostics) -> str:
    """The engine behind a binding of the portal, its file made absolute, its keys ours alone."""
    stores = {n.binding: n.id for n in config.kv_namespaces}
    queues = {p.binding: p.queue for p in config.queues.producers}
    if binding == STATE:
        url, where = stores.get(STATE, DEFAULT_STATE), "kv_namespaces"
    else:
        url, where = queues.get(ACTIVITIES, DEFAULT_ACTIVITIES), "queues.producers"
    try:
        return anchored(url, config.path.parent, prefix)
    except ValueError as error:
        said = without_credentials(str(error))
        found.error(where, f'The binding "{binding}" in "{where}" cannot be opened: {said}.')
        return url


def _secrets_held(config: Config, settings: Settings) -> list[str]:
    """The names of the secrets that have a value."""
    held = {
        "SESSION_SECRET": True,
        "SESSION_SECRET_PREVIOUS": len(settings.session_secrets) > 1,
        "INVOICE_CHECK_KEYS": bool(settings.invoice_check_keys),
    }
    return [
        v.name
        for v in VARIABLES
        if (v.secret or v.name in config.required_secrets)
        and held.get(v.name, getattr(settings, v.name.lower(), None) is not None)
    ]


def _printed(value: object) -> str:
    if isinstance(value, tuple) and all(isinstance(one, tuple) for one in value):
        return ", ".join(name for name, _ in value)
    if isinstance(value, frozenset | tuple):
        return ", ".join(sorted(map(str, value)))
    return without_credentials(str(value))
