"""The hub's own sign-in links: apart from the magic sessions, which are the portals'."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, Text

from portal.sandbox.store import Store

metadata: Final = MetaData()

HUB_LINKS: Final = Table(
    "hub_links",
    metadata,
    Column("id", String, primary_key=True),
    Column("contact_id", String, nullable=False),
    Column("address", Text, nullable=False),
    Column("token_hash", String, nullable=False, unique=True),
    Column("code_hash", String, nullable=False),
    Column("redirect", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False, index=True),
    Column("ended_at", Text),
    Index("hub_links_by_address", "address", "created_at"),
)


def create_tables(store: Store) -> None:
    """Make the tables that are not there yet."""
    with store.writing() as connection:
        metadata.create_all(connection)
