"""`wrangler-like.toml`: what one environment of the project is made of."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from portal.edge.diagnostics import Diagnostic, Diagnostics
from portal.edge.schema import ENVIRONMENT, NOT_INHERITED, TOP_LEVEL, effective

T = TypeVar("T")


@dataclass(frozen=True)
class Route:
    """Addresses that the worker answers under: `mode.sprintmode.ai`, `example.com/app/*`."""

    pattern: str
    custom_domain: bool = False
    zone_name: str | None = None
    zone_id: str | None = None


@dataclass(frozen=True)
class Assets:
    """The folder of static files, relative to the configuration file."""

    directory: str
    binding: str | None = None


@dataclass(frozen=True)
class Service:
    """Another service, by its URL."""

    binding: str
    service: str


@dataclass(frozen=True)
class KVNamespace:
    """A key-value store; `id` is an engine's URL such as `sqlite:.portal/state.db`."""

    binding: str
    id: str


@dataclass(frozen=True)
class Producer:
    """A queue that the worker writes to; `queue` is an engine's URL."""

    binding: str
    queue: str


@dataclass(frozen=True)
class Consumer:
    """A queue that the worker reads from. Timeouts are in seconds."""

    queue: str
    max_batch_size: int | None = None
    max_batch_timeout: int | None = None
    max_retries: int | None = None
    dead_letter_queue: str | None = None


@dataclass(frozen=True)
class Queues:
    """Both ends of the queues."""

    producers: tuple[Producer, ...] = ()
    consumers: tuple[Consumer, ...] = ()


@dataclass(frozen=True)
class Observability:
    """Whether and how much is logged; `head_sampling_rate` is a share from 0 to 1."""

    enabled: bool = False
    head_sampling_rate: float = 1.0


@dataclass(frozen=True)
class Config:
    """One environment of the file; `environment` is None for the top level, a developer's machine.

    `warnings` are what was found that does not prevent its use.
    """

    name: str
    main: str | None
    compatibility_date: date | None
    routes: tuple[Route, ...]
    assets: Assets | None
    vars: Mapping[str, Any]
    required_secrets: tuple[str, ...]
    services: tuple[Service, ...]
    kv_namespaces: tuple[KVNamespace, ...]
    queues: Queues
    crons: tuple[str, ...]
    observability: Observability
    environment: str | None
    path: Path
    warnings: tuple[Diagnostic, ...]


def load_config(path: Path, env: str | None = None) -> Config:
    """The environment `env` of the file at `path`; None or "" is the top level.

    Raises ConfigError with every problem that was found, not the first alone.
    """
    found = Diagnostics()
    config = read_config(path, env, found)
    found.raise_errors(path)
    return replace(config, warnings=tuple(found.found))


def read_config(path: Path, env: str | None, found: Diagnostics) -> Config:
    """The configuration as far as it can be read; what is wrong with it is added to `found`.

    A key with an error is left out, so that the rest can be checked too and everything be said at
    once. Raises ConfigError when there is no such file, TOML or environment to read.
    """
    raw = _parse(path, found)
    found.raise_errors(path)
    TOP_LEVEL.check(raw, "", found)
    prefix = ""
    section = None
    if env:
        section, prefix = _section(raw, env, found), f"env.{env}."
        if section is None:
            found.raise_errors(path)
    if section is not None:
        ENVIRONMENT.check(section, f"env.{env}", found)
        _warn_of_what_is_not_inherited(raw, section, f"env.{env}", found)
    keys = effective(raw, section)
    for key in _faulty_keys(found, prefix):
        keys.pop(key, None)
    config = _build(keys, env or None, path.absolute())
    _check_unique(config, found)
    return config


def _faulty_keys(found: Diagnostics, prefix: str) -> set[str]:
    """The keys of the file that have an error somewhere inside."""
    where = [d.where.removeprefix(prefix) for d in found.found if d.level == "error"]
    return {re.split(r"[.\[]", path, maxsplit=1)[0] for path in where}


def _check_unique(config: Config, found: Diagnostics) -> None:
    """A name leads to one thing: of two bindings of one name, one would silently be lost."""
    names = Counter(
        [
            *(namespace.binding for namespace in config.kv_namespaces),
            *(producer.binding for producer in config.queues.producers),
            *(service.binding for service in config.services),
            *config.vars,
        ]
    )
    for name, times in names.items():
        if times > 1:
            found.error(name, f'"{name}" is assigned to {times} bindings.', "Rename or drop one.")


def _parse(path: Path, found: Diagnostics) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        found.error("", "There is no configuration file.", f"Looked for it at {path.absolute()}")
    except OSError as error:
        found.error("", f"The file cannot be read: {error.strerror}.", str(path.absolute()))
    except UnicodeDecodeError as error:
        found.error("", f"The file is not UTF-8 text: see byte {error.start}.")
    except tomllib.TOMLDecodeError as error:
        found.error("", f"The file is not TOML: {error}.")
    return {}


def _section(raw: Mapping[str, Any], env: str, found: Diagnostics) -> dict[str, Any] | None:
    """The table of an environment; None, with an error, when there is none of that name."""
    environments = raw.get("env")
    known = environments if isinstance(environments, dict) else {}
    if env not in known:
        names = ", ".join(f'"{name}"' for name in known) or "none"
        found.error(
            f"env.{env}",
            f'No environment found in configuration with name "{env}".',
            f"The available configured environment names are: {names}.",
        )
        return None
    section = known[env]
    return section if isinstance(section, dict) else None


def _warn_of_what_is_not_inherited(
    raw: Mapping[str, Any], section: Mapping[str, Any], where: str, found: Diagnostics
) -> None:
    for key in NOT_INHERITED:
        if raw.get(key) and key not in section:
            _warn_not_inherited(key, key, where, found)
    own, secret = section.get("vars"), _required_secrets(section)
    if isinstance(own, dict) and isinstance(raw.get("vars"), dict):
        for name in raw["vars"]:
            if name not in own and name not in secret:
                _warn_not_inherited(f"vars.{name}", "vars", f"{where}.vars", found)


def _warn_not_inherited(what: str, key: str, where: str, found: Diagnostics) -> None:
    found.warn(
        f"{where}.{what.rpartition('.')[2]}",
        f'"{what}" exists at the top level, but not on "{where}".',
        f'This is not what you probably want, since "{key}" is not inherited by environments.\n'
        f'Please add "{what}" to "{where}".',
    )


def _required_secrets(section: Mapping[str, Any]) -> tuple[str, ...]:
    secrets = section.get("secrets")
    required = secrets.get("required") if isinstance(secrets, dict) else None
    return tuple(required) if isinstance(required, list) else ()


def _build(keys: Mapping[str, Any], env: str | None, path: Path) -> Config:
    """The checked keys as values. Unknown ones were warned of and are left out."""
    queues = keys.get("queues", {})
    assets = keys.get("assets")
    day = keys.get("compatibility_date")
    return Config(
        name=keys.get("name", ""),
        main=keys.get("main"),
        compatibility_date=date.fromisoformat(day) if isinstance(day, str) else day,
        routes=tuple(_route(route) for route in keys.get("routes", ())),
        assets=_known(Assets, assets) if assets is not None else None,
        vars=dict(keys.get("vars", {})),
        required_secrets=_required_secrets(keys),
        services=tuple(_known(Service, entry) for entry in keys.get("services", ())),
        kv_namespaces=tuple(_known(KVNamespace, entry) for entry in keys.get("kv_namespaces", ())),
        queues=Queues(
            producers=tuple(_known(Producer, entry) for entry in queues.get("producers", ())),
            consumers=tuple(_known(Consumer, entry) for entry in queues.get("consumers", ())),
        ),
        crons=tuple(keys.get("triggers", {}).get("crons", ())),
        observability=_known(Observability, keys.get("observability", {})),
        environment=env,
        path=path,
        warnings=(),
    )


def _route(route: str | Mapping[str, Any]) -> Route:
    return Route(route) if isinstance(route, str) else _known(Route, route)


def _known(made: type[T], entry: Mapping[str, Any]) -> T:
    names = made.__annotations__
    return made(**{name: value for name, value in entry.items() if name in names})
