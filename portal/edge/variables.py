"""Variables: a table of them, read from wherever they are given, with every problem reported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from portal.edge.config import Config
from portal.edge.dev_vars import DEV_VARS
from portal.edge.diagnostics import Diagnostics, did_you_mean
from portal.edge.schema import shown
from portal.edge.values import Reader, without_credentials


@dataclass(frozen=True)
class Variable:
    """One variable.

    `required`: the worker cannot do without it. `secret`: it has no place in a committed file and
    is never printed. `aliases`: other names that are understood.
    """

    name: str
    read: Reader
    doc: str
    default: Any = None
    required: bool = False
    secret: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name it may be given under, its own first."""
        return (self.name, *self.aliases)

    def is_listed_in(self, config: Config) -> bool:
        """Whether the file's `[secrets]` require it."""
        return bool(set(self.names) & set(config.required_secrets))

    def is_secret_in(self, config: Config) -> bool:
        """Whether it is a secret there, by nature or because the file lists it."""
        return self.secret or self.is_listed_in(config)


@dataclass(frozen=True)
class Given:
    """A value as somebody wrote it, and where."""

    value: Any
    where: str


def given_in(
    variables: Iterable[Variable], layer: Mapping[str, Any], table: str = ""
) -> dict[str, Given]:
    """What one source says of the variables, by their own names.

    `table` is the source's name in the configuration file: `vars`. An alias counts where the
    variable's own name is not given or set to nothing.
    """
    given = {}
    for variable in variables:
        names = [name for name in variable.names if name in layer]
        if names:
            name = next((name for name in names if layer[name] != ""), names[0])
            given[variable.name] = Given(layer[name], f"{table}.{name}" if table else name)
    return given


def read_variables(
    variables: Iterable[Variable], given: Mapping[str, Given], config: Config, found: Diagnostics
) -> dict[str, Any]:
    """Every variable's value by its name in lower case; its default when it is not given.

    What is set to nothing ("") counts as not given. Each value that cannot be used, and each that
    is missing and needed, adds an error.
    """
    return {v.name.lower(): _read(v, given, config, found) for v in variables}


def warn_of_unknown(
    variables: Iterable[Variable], names: Iterable[str], where: str, found: Diagnostics
) -> None:
    """Warn of each of `names` that no variable has."""
    known = [name for variable in variables for name in variable.names]
    for name in names:
        if name not in known:
            message = f'"{name}" in {where} is no variable that the portal knows.'
            found.warn(f"{where}.{name}", message, did_you_mean(name, known))


def warn_of_secrets(
    variables: Iterable[Variable], names: Iterable[str], found: Diagnostics
) -> None:
    """Warn of each of `names`, found in the file, that is a secret's."""
    secret = {name for variable in variables if variable.secret for name in variable.names}
    for name in names:
        if name in secret:
            found.warn(
                f"vars.{name}",
                f'"{name}" is a secret, and [vars] is in a file that is committed.',
                f"Make a new one, and put it in {DEV_VARS} or in the process environment.",
            )


def _read(
    variable: Variable, given: Mapping[str, Given], config: Config, found: Diagnostics
) -> Any:
    one = given.get(variable.name)
    if one is None or one.value == "":
        if variable.required or variable.is_listed_in(config):
            _report_missing(variable, config, found)
        return variable.default
    try:
        return variable.read(one.value)
    except ValueError as error:
        secret = variable.is_secret_in(config)
        got = "" if secret else f" but got {without_credentials(shown(one.value))}"
        found.error(one.where, f'Expected "{one.where}" to be {error}{got}.', variable.doc)
        return None


def _report_missing(variable: Variable, config: Config, found: Diagnostics) -> None:
    if variable.is_secret_in(config):
        where, what = variable.name, f'Required secret "{variable.name}" is missing.'
        local = config.environment is None
        place = f"in {DEV_VARS}" if local else "in the process environment"
    else:
        table = f"env.{config.environment}.vars" if config.environment else "vars"
        where, what = f"{table}.{variable.name}", f'Required "{variable.name}" is missing.'
        place = f"in [{table}]"
    found.error(where, what, f"Put it {place}. {variable.doc}")
