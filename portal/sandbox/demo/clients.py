"""All demo records together."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from portal.sandbox.demo.acme_history import activities
from portal.sandbox.demo.acme_invoices import invoices
from portal.sandbox.demo.acme_work import deals, engagements
from portal.sandbox.demo.contacts import companies, contacts
from portal.sandbox.demo.others import (
    globex,
    small_clients,
    small_histories,
    small_invoices,
    wayne,
)
from portal.sandbox.demo.records import Calendar, Records, merged


def client_records(now: datetime) -> Records:
    """Every company with its people, work, invoices and history."""
    calendar = Calendar(now)
    acme: Records = {
        "engagements": engagements(calendar),
        "invoices": invoices(calendar),
        "deals": deals(calendar),
        "activities": activities(calendar),
    }
    small: Records = {
        "engagements": small_clients(calendar),
        "invoices": small_invoices(calendar),
        "activities": small_histories(calendar),
    }
    return merged(
        {"companies": companies(calendar), "contacts": contacts(calendar)},
        _of("co_abc123", acme),
        _of("co_globex1", globex(calendar)),
        _of("co_wayne01", wayne(calendar), product="signal"),
        _tagged(small, product="mode"),
    )


def _of(company_id: str, records: Records, product: str = "mode") -> Records:
    """The records with their company, and with the product where they do not say."""
    return _tagged(records, product=product, company_id=company_id)


def _tagged(records: Records, *, product: str, **common: Any) -> Records:
    return {
        name: [{**common, **_product(name, product), **record} for record in found]
        for name, found in records.items()
    }


def _product(resource: str, product: str) -> dict[str, str]:
    return {} if resource == "activities" else {"product": product}
