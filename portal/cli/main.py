"""Which commands there are, and the way from words typed to the one that runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from portal.cli import check, dev, sandbox, serve
from portal.edge.diagnostics import ConfigError

COMMANDS = (dev, serve, check, sandbox)


def parser() -> argparse.ArgumentParser:
    """The whole command line; each command adds its own part."""
    whole = argparse.ArgumentParser(prog="portal", description="Sprint Mode's client portal.")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return whole


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the result is the exit code: 0 done, 1 a problem that was explained."""
    arguments = parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code
