"""`portal revoke`: take a contact's access to the portal away, at once."""

from __future__ import annotations

import argparse

from portal.cli.access import Wish, add_access_options, carry_out


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_access_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Say what is lost, ask, and shut them out. Raises ConfigError."""
    return carry_out(arguments, Wish(arguments.email, None, yes=arguments.yes))
