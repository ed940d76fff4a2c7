"""Many made-up companies, for how it feels and how fast it is when there is much of everything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from portal.sandbox.demo.records import Record, Records
from portal.sandbox.store import stamp

ADJECTIVES: Final = ("Northern", "Blue", "Granite", "Rapid", "Silver", "Open", "Harbor", "Summit")
NOUNS: Final = ("Foods", "Logistics", "Health", "Energy", "Textiles", "Media", "Tools", "Bank")
FIRST_NAMES: Final = ("Ana", "Ben", "Chloé", "Dara", "Emil", "Fatima", "Goro", "Hana")
LAST_NAMES: Final = ("Adler", "Brandt", "Costa", "Dubois", "Evans", "Farah", "García", "Holm")
TYPES: Final = (
    ("scan_completed", "Mode scan completed"),
    ("report_generated", "Report ready"),
    ("phase_started", "Next phase started"),
    ("status_change", "Status changed"),
    ("invoice_paid", "Invoice paid"),
    ("email", "Follow-up by email"),
    ("call", "Weekly call"),
    ("note", "Internal note"),
)
ACTIVITIES_EACH: Final = 50


def large_records(now: datetime, companies: int) -> Records:
    """The records; the same ones for the same `now`."""
    records: dict[str, list[Record]] = {
        name: [] for name in ("companies", "contacts", "engagements", "invoices", "activities")
    }
    for number in range(companies):
        for name, made in _client(Random(number), now, number).items():  # noqa: S311 (not secret)
            records[name].extend(made)
    return records


def _client(random: Random, now: datetime, number: int) -> dict[str, Sequence[Record]]:
    company_id, created_at = f"co_{number:016x}", stamp(now - timedelta(days=400))
    name = f"{random.choice(ADJECTIVES)} {random.choice(NOUNS)} {number:04d}"
    common = {"company_id": company_id, "product": "mode", "created_at": created_at}
    contacts = [_contact(random, common, number, seat) for seat in range(4)]
    engagement_id = f"eng_{number:016x}"
    return {
        "companies": [
            {
                "id": company_id,
                "name": name,
                "domain": f"client{number:04d}.example",
                "company_type": "client",
                "product": "mode",
                "monthly_revenue": random.randrange(1000, 40000),
                "created_at": created_at,
            }
        ],
        "contacts": contacts,
        "engagements": [{"id": engagement_id, "name": "Mode implementation retainer", **common}],
        "invoices": [
            _invoice(random, now, common, engagement_id, number, month) for month in range(6)
        ],
        "activities": [
            _activity(random, now, common, engagement_id, contacts, f"{number:012x}{n:04x}")
            for n in range(ACTIVITIES_EACH)
        ],
    }


def _contact(random: Random, common: Record, number: int, seat: int) -> dict[str, Any]:
    name = f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}"
    return {
        "id": f"ct_{number:012x}{seat:04x}",
        "full_name": name,
        "email": f"person{seat}@client{number:04d}.example",
        "contact_type": "client",
        "portal_access": 1,
        "portal_role": "client_viewer" if seat else "client_admin",
        "products": ["mode"],
        **common,
    }


def _invoice(
    random: Random, now: datetime, common: Record, engagement_id: str, number: int, month: int
) -> Record:
    issued = now - timedelta(days=30 * month + 3)
    amount = random.randrange(1000, 20000)
    paid = month > 0
    return {
        **common,
        "id": f"inv_{number:012x}{month:04x}",
        "engagement_id": engagement_id,
        "invoice_number": f"INV-{issued.year}-{number:04d}{month}",
        "amount": amount,
        "amount_paid": amount if paid else 0,
        "status": "paid" if paid else "sent",
        "issued_date": issued.date().isoformat(),
        "due_date": (issued + timedelta(days=30)).date().isoformat(),
        "created_at": stamp(issued),
    }


def _activity(
    random: Random,
    now: datetime,
    common: Record,
    engagement_id: str,
    contacts: list[dict[str, Any]],
    digits: str,
) -> Record:
    activity_type, title = random.choice(TYPES)
    return {
        "id": f"act_{digits}",
        "company_id": common["company_id"],
        "contact_id": random.choice(contacts)["id"],
        "engagement_id": engagement_id,
        "activity_type": activity_type,
        "title": title,
        "source": "mode",
        "created_at": stamp(now - timedelta(minutes=random.randrange(1, 400 * 24 * 60))),
    }
