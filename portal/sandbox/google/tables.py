"""What the stand-in keeps across restarts: its keys, and codes that wait to be exchanged."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Integer, MetaData, String, Table, Text

from portal.sandbox.store import Store

metadata: Final = MetaData()

KEYS: Final = Table(
    "google_keys",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("kid", String, nullable=False, unique=True),
    Column("private", Text, nullable=False),
)

CODES: Final = Table(
    "google_codes",
    metadata,
    Column("code_hash", String, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("nonce", Text),
    Column("challenge", Text),
    Column("expires_at", Text, nullable=False, index=True),
)


def create_tables(store: Store) -> None:
    """Make the tables that are not there yet."""
    with store.writing() as connection:
        metadata.create_all(connection)
