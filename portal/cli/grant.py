"""`portal grant`: give a contact access to the portal, in a role."""

from __future__ import annotations

import argparse

from portal.cli.access import Wish, add_access_options, carry_out
from portal.domain.viewer import Role


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_access_options(parser)
    parser.add_argument(
        "--role",
        choices=[role.value for role in Role],
        default=Role.CLIENT_VIEWER.value,
        help="default: client_viewer",
    )
    parser.add_argument("--invite", action="store_true", help="mail them how to sign in")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show what they will see, ask, and give access. Raises ConfigError."""
    role = Role(arguments.role)
    return carry_out(arguments, Wish(arguments.email, role, arguments.invite, arguments.yes))
