"""`.dev.vars`: the secrets of a developer's machine, which git ignores."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dotenv.parser import parse_stream

from portal.edge.diagnostics import Diagnostics

DEV_VARS: Final = ".dev.vars"
OWNER_ONLY: Final = 0o600

PLAIN: Final = re.compile(r"[A-Za-z0-9._~+/=:-]+")
"""Values that need no quotes."""


def dev_vars_path(folder: Path, env: str | None) -> Path:
    """Where the secrets of an environment are kept: `.dev.vars`, or `.dev.vars.staging`."""
    return folder / (f"{DEV_VARS}.{env}" if env else DEV_VARS)


def read_dev_vars(path: Path, found: Diagnostics) -> dict[str, str]:
    """The values of the file, taken as they stand: `$NAME` in one stays as written.

    A file that is not there holds nothing. Lines that cannot be read, and a file that other users
    of the machine can read, are warned of.
    """
    try:
        mode = path.stat().st_mode
        with path.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        found.error(path.name, f"{path.name} cannot be read: {error}.")
        return {}
    if os.name == "posix" and mode & 0o077:
        found.warn(
            path.name, f"{path.name} can be read by other users.", f"Run: chmod 600 {path.name}"
        )
    for binding in bindings:
        if binding.error or (binding.key is not None and binding.value is None):
            where = f"{path.name}:{binding.original.line}"
            found.warn(where, f"{where} is not of the form NAME=value and was left out.")
    return {b.key: b.value for b in bindings if b.key is not None and b.value is not None}


def write_dev_vars(path: Path, values: Mapping[str, str]) -> None:
    """Write the file for its owner's eyes only. Raises FileExistsError: it is never overwritten."""
    lines = [f"{name}={_quoted(value)}\n" for name, value in values.items()]
    text = "".join(["# Secrets of this machine; git ignores this file.\n", *lines])
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with open(descriptor, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123 # a descriptor
        file.write(text)


def new_secrets() -> dict[str, str]:
    """Random secrets for a new machine. The Google client is the sandbox's stand-in."""
    return {
        "SESSION_SECRET": secrets.token_urlsafe(48),
        "SM_API_CLIENT_ID": f"{secrets.token_hex(16)}.access",
        "SM_API_CLIENT_SECRET": secrets.token_hex(32),
        "SM_API_KEY": secrets.token_urlsafe(32),
        "GOOGLE_CLIENT_ID": f"{secrets.token_hex(8)}.apps.sandbox.invalid",
        "GOOGLE_CLIENT_SECRET": secrets.token_urlsafe(24),
    }


def _quoted(value: str) -> str:
    if PLAIN.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
