"""`portal sandbox`: the embedded SM API alone, for tests of other programs and for large data."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from portal.asgi import utc_now
from portal.cli.keys import DATA_FILE, add_key_commands
from portal.cli.listener import PortTaken, bind
from portal.cli.project import add_project_options, load_project
from portal.cli.servers import serving, stop_signals
from portal.observe import configure_logging
from portal.sandbox.app import SandboxConfig, create_sandbox
from portal.sandbox.demo import DEMO_PEOPLE, DemoPerson, seed, seed_large
from portal.sandbox.smtp import listening
from portal.sandbox.store import Store
from portal.settings import Settings

SECOND_PORTAL: Final = 8789


def add_second_portal(parser: argparse.ArgumentParser) -> None:
    """`--second-portal`, for the portal of another product on this machine (docs/products.md)."""
    parser.add_argument(
        "--second-portal",
        type=int,
        default=SECOND_PORTAL,
        help=f"port of another product's portal that is trusted, too; default: {SECOND_PORTAL}",
    )


@dataclass(frozen=True)
class Place:
    """Where a sandbox keeps its data and listens, and which portals it trusts."""

    data: Path
    port: int
    smtp_port: int
    portal_origin: str
    strict_platform: bool = False
    companies: int = 0
    second_portal: int = SECOND_PORTAL

    @property
    def origin(self) -> str:
        """Its address for browsers and for the portal."""
        return f"http://127.0.0.1:{self.port}"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_project_options(parser)
    parser.add_argument("--port", type=int, default=8788, help="default: 8788")
    parser.add_argument("--smtp-port", type=int, default=8725, help="default: 8725")
    parser.add_argument("--data", type=Path, default=None, help=f"default: {DATA_FILE}")
    parser.add_argument("--companies", type=int, default=0, help="add this many made-up companies")
    parser.add_argument(
        "--strict", action="store_true", help="refuse service-token calls without X-SM-Platform"
    )
    add_second_portal(parser)
    parser.set_defaults(run=run)
    add_key_commands(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run until stopped. Raises ConfigError; says which port is taken, and returns 1."""
    from portal.cli.dev import make_secrets

    folder = arguments.config.resolve().parent
    make_secrets(folder)
    _, settings = load_project(arguments.config, arguments.env)
    configure_logging(json_lines=False)
    place = Place(
        data=arguments.data or folder / DATA_FILE,
        port=arguments.port,
        smtp_port=arguments.smtp_port,
        portal_origin=settings.portal_origin,
        strict_platform=arguments.strict,
        companies=arguments.companies,
        second_portal=arguments.second_portal,
    )
    try:
        asyncio.run(_run(place, settings))
    except PortTaken as error:
        print(f"{error}. Stop it, or choose others with --port, --smtp-port.", file=sys.stderr)
        return 1
    return 0


async def _run(place: Place, settings: Settings) -> None:
    async with sandbox_running(place, settings):
        print(f"Sandbox  {place.origin}   mail {place.origin}/mailbox", flush=True)
        with stop_signals() as stop:
            await stop.wait()


@asynccontextmanager
async def sandbox_running(
    place: Place, settings: Settings
) -> AsyncIterator[tuple[DemoPerson, ...]]:
    """A sandbox that accepts the portal's own service token, filled on first use.

    Gives the people to sign in as. Raises PortTaken.
    """
    listener, smtp_listener = bind("127.0.0.1", place.port), bind("127.0.0.1", place.smtp_port)
    place.data.parent.mkdir(parents=True, exist_ok=True)
    store = Store(place.data, utc_now)
    if store.is_empty():
        seed(store, utc_now())
        if place.companies:
            seed_large(store, utc_now(), place.companies)
    config = SandboxConfig(
        client_id=settings.sm_api_client_id,
        client_secret=settings.sm_api_client_secret,
        api_key=settings.sm_api_key,
        origin=place.origin,
        portal_origin=place.portal_origin,
        portal_origins=(f"http://127.0.0.1:{place.second_portal}",),
        smtp_address=f"127.0.0.1:{place.smtp_port}",
        strict_platform=place.strict_platform,
        session_secret=settings.session_secrets[0],
        session_cookie_domain=settings.session_cookie_domain,
        session_cookie_secure=settings.session_cookie_secure,
        session_cookie_samesite=settings.session_cookie_samesite,
        google_client_id=settings.google_client_id or "",
        google_client_secret=settings.google_client_secret or "",
    )
    app = create_sandbox(config, store, utc_now)
    async with listening(store, smtp_listener), serving(app, listener):
        yield DEMO_PEOPLE
        app.state.mcp.end_streams()
    store.close()
