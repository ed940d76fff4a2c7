"""`portal sandbox key create|list`: API keys of the sandbox, perhaps bound to one product."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from portal.asgi import utc_now
from portal.sandbox.keys import create_api_key, list_api_keys
from portal.sandbox.store import Store

DATA_FILE: Final = ".portal/sandbox.db"
"""Where a sandbox keeps its data, seen from the configuration file."""


def add_key_commands(parser: argparse.ArgumentParser) -> None:
    """`key create NAME [--product P]` and `key list`, below `portal sandbox`."""
    below = parser.add_subparsers(dest="below", metavar="key")
    key = below.add_parser("key", help="create or list API keys")
    actions = key.add_subparsers(dest="action", required=True, metavar="create|list")
    create = actions.add_parser("create", help="make a key and print it, this once")
    create.add_argument("name", help="what the key is for; an older key of that name ends")
    create.add_argument("--product", help="bind it to a product: it sees no other's records")
    create.set_defaults(run=create_key)
    actions.add_parser("list", help="every key, without the keys").set_defaults(run=list_keys)


def create_key(arguments: argparse.Namespace) -> int:
    """Print a fresh key. 1 when the product is none."""
    store = _open(arguments)
    try:
        print(create_api_key(store, arguments.name, arguments.product))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        store.close()
    return 0


def list_keys(arguments: argparse.Namespace) -> int:
    """Print a line a key: its name, its product, since when."""
    store = _open(arguments)
    for key in list_api_keys(store):
        print(f"{key.name:<24} {key.product or 'every product':<16} since {key.created_at}")
    store.close()
    return 0


def _open(arguments: argparse.Namespace) -> Store:
    data: Path = arguments.data or arguments.config.resolve().parent / DATA_FILE
    data.parent.mkdir(parents=True, exist_ok=True)
    return Store(data, utc_now)
