"""Demo data: fixed people and records, so that the guide's examples run word for word."""

from __future__ import annotations

from datetime import datetime

from portal.sandbox.demo.clients import client_records
from portal.sandbox.demo.large import large_records
from portal.sandbox.demo.people import DEMO_PEOPLE, DemoPerson
from portal.sandbox.demo.records import Records
from portal.sandbox.resources import RESOURCES
from portal.sandbox.store import Store
from portal.sandbox.write import insert_records

__all__ = ["DEMO_PEOPLE", "DemoPerson", "seed", "seed_large"]


def seed(store: Store, now: datetime) -> None:
    """Insert the demo data, dated relative to `now`. The store must not have it yet."""
    _insert(store, client_records(now))


def seed_large(store: Store, now: datetime, companies: int) -> None:
    """Insert that many made-up companies, with about fifty activities each; always the same."""
    _insert(store, large_records(now, companies))


def _insert(store: Store, records: Records) -> None:
    with store.writing() as connection:
        for resource in RESOURCES:
            insert_records(connection, resource, records.get(resource.name, ()))
    store.learn_sizes()
