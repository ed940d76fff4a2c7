"""`portal dev`: the portal, its sandbox and a mail server in one terminal, with demo data."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from portal.asgi import build_app
from portal.cli.banner import banner
from portal.cli.cron import run_on_schedule
from portal.cli.keys import DATA_FILE
from portal.cli.listener import PortTaken, bind
from portal.cli.project import add_project_options, load_project
from portal.cli.sandbox import Place, add_second_portal, sandbox_running
from portal.cli.servers import serving, stop_signals
from portal.edge.config import Config
from portal.edge.cron import parse_cron
from portal.edge.dev_vars import DEV_VARS, new_secrets, write_dev_vars
from portal.observe import configure_logging
from portal.settings import Settings


@dataclass(frozen=True)
class Ports:
    """Where the three servers of a development machine listen."""

    portal: int
    sandbox: int
    smtp: int
    second_portal: int

    def variables(self) -> dict[str, str]:
        """The variables that have to agree with the ports."""
        sandbox = f"http://127.0.0.1:{self.sandbox}"
        return {
            "PORTAL_ORIGIN": f"http://127.0.0.1:{self.portal}",
            "SM_API_URL": sandbox,
            "SMTP_URL": f"smtp://127.0.0.1:{self.smtp}",
            "GOOGLE_DISCOVERY_URL": f"{sandbox}/google/.well-known/openid-configuration",
        }


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_project_options(parser)
    parser.add_argument("--port", type=int, default=8787, help="the portal's; default: 8787")
    parser.add_argument("--sandbox-port", type=int, default=8788, help="default: 8788")
    parser.add_argument("--smtp-port", type=int, default=8725, help="default: 8725")
    add_second_portal(parser)
    parser.add_argument("--fresh", action="store_true", help="throw the sandbox's data away first")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run until stopped. Raises ConfigError; says which port is taken, and returns 1."""
    folder = arguments.config.resolve().parent
    ports = Ports(
        arguments.port, arguments.sandbox_port, arguments.smtp_port, arguments.second_portal
    )
    make_secrets(folder)
    config, settings = load_project(arguments.config, arguments.env, ports.variables())
    configure_logging(json_lines=False)
    data = folder / DATA_FILE
    if arguments.fresh:
        for file in data.parent.glob(f"{data.name}*"):
            file.unlink()
    try:
        asyncio.run(_run(config, settings, ports, data))
    except PortTaken as error:
        print(
            f"{error}. Stop it, or choose others with --port, --sandbox-port, --smtp-port.",
            file=sys.stderr,
        )
        return 1
    return 0


def make_secrets(folder: Path) -> None:
    """Write `.dev.vars` with random secrets when there is none yet."""
    path = folder / DEV_VARS
    if not path.exists():
        write_dev_vars(path, new_secrets())
        print(f"Wrote {DEV_VARS} with random secrets; git ignores it.")


async def _run(config: Config, settings: Settings, ports: Ports, data: Path) -> None:
    place = Place(
        data,
        ports.sandbox,
        ports.smtp,
        portal_origin=settings.portal_origin,
        second_portal=ports.second_portal,
    )
    async with AsyncExitStack() as stack:
        listener = bind("127.0.0.1", ports.portal)
        people = await stack.enter_async_context(sandbox_running(place, settings))
        app = build_app(settings)
        await stack.enter_async_context(serving(app, listener))
        print(banner(config, settings, place, people), flush=True)
        crons = tuple(parse_cron(expression) for expression in config.crons)
        with stop_signals() as stop:
            if crons:
                await run_on_schedule(app.state.env, crons, stop)
            await stop.wait()
        print("\nStopping.")
