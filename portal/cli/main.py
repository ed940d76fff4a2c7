"""Which commands there are, and the way from words typed to the one that runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Final

from portal.cli.collector import collector_off
from portal.edge.diagnostics import ConfigError

COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "dev": "run portal, sandbox and mail with demo data",
        "serve": "run the portal in production",
        "cron": "run the scheduled tasks: mail about invoices",
        "activities": "list the activities that did not reach the CRM yet, and replay them",
        "check": "say what is wrong with this installation",
        "grant": "give a contact access to the portal",
        "revoke": "take a contact's access to the portal away",
        "sandbox": "run the embedded SM API alone, or manage its API keys",
    }
)


def parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """The command line, with the options of the chosen command.

    No other command's module is imported: production does not carry what the sandbox needs.
    """
    whole = argparse.ArgumentParser(prog="portal", description="Sprint Mode's client portal.")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, does in COMMANDS.items():
        command = commands.add_parser(name, help=does, description=f"{does.capitalize()}.")
        if name == chosen:
            import_module(f"portal.cli.{name}").add_options(command)
    return whole


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the result is the exit code: 0 done, 1 a problem that was explained."""
    words = list(sys.argv[1:] if argv is None else argv)
    chosen = next((word for word in words if word in COMMANDS), None)
    try:
        with collector_off():
            arguments = parser(chosen).parse_args(words)
        code: int = arguments.run(arguments)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if not _belongs_to_sandbox(error):
            raise
        print(
            f"The sandbox needs {error.name}: pip install 'mode-portal[sandbox]'", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _belongs_to_sandbox(error: ModuleNotFoundError) -> bool:
    return (error.name or "").partition(".")[0] in {"sqlalchemy", "aiosmtpd", "mcp"}
