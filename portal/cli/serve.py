"""`portal serve`: the production server."""

from __future__ import annotations

import argparse
import os
from functools import partial
from typing import Final

import uvicorn
from starlette.applications import Starlette

from portal import asgi
from portal.asgi import CONFIG_VARIABLE, ENV_VARIABLE
from portal.cli.project import add_project_options, load_project
from portal.cli.servers import GRACE_SECONDS, before_stopping
from portal.live.stream import end_streams

BACKLOG: Final = 2048


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_project_options(parser)
    parser.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1")
    parser.add_argument("--port", type=int, default=8787, help="default: 8787")
    parser.add_argument("--workers", type=int, default=1, help="processes; default: 1")
    parser.set_defaults(run=run)


def app() -> Starlette:
    """What each process of the server runs: the worker, whose open streams end when it is to stop.

    Raises ConfigError when the configuration cannot be used.
    """
    made = asgi.app()
    before_stopping(partial(end_streams, made))
    return made


def run(arguments: argparse.Namespace) -> int:
    """Check the configuration once, then serve. Raises ConfigError before any port is opened."""
    load_project(arguments.config, arguments.env)
    os.environ[CONFIG_VARIABLE] = str(arguments.config.resolve())
    os.environ[ENV_VARIABLE] = arguments.env or ""
    uvicorn.run(
        "portal.cli.serve:app",
        factory=True,
        host=arguments.host,
        port=arguments.port,
        workers=arguments.workers,
        backlog=BACKLOG,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return 0
