"""The project that a command is run in: its configuration file, variables and secrets."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from portal.edge.config import Config
from portal.edge.diagnostics import render
from portal.settings import Settings, load_settings

CONFIG_FILE: Final = "wrangler-like.toml"


def add_project_options(parser: argparse.ArgumentParser) -> None:
    """`--config` and `--env`, the same for every command that reads the configuration."""
    parser.add_argument(
        "-c", "--config", type=Path, default=Path(CONFIG_FILE), help=f"default: {CONFIG_FILE}"
    )
    parser.add_argument(
        "-e", "--env", default=None, help="which [env.NAME]; default: the top level"
    )


def load_project(
    config: Path, env: str | None, overrides: Mapping[str, str] | None = None
) -> tuple[Config, Settings]:
    """The checked settings; warnings go to standard error. Raises ConfigError with all problems.

    `overrides` are variables that the command line decides, such as the origin of another port.
    """
    found, settings = load_settings(config, env, {**os.environ, **(overrides or {})})
    if found.warnings:
        print(render(found.warnings, found.path), file=sys.stderr)
    return found, settings
