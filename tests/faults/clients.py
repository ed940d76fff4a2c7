"""Companies whose every word says whose it is: `quartz007-rollout` is the seventh's, and nobody
else's. So a page tells by itself whether it shows what it should, and nothing that it should not.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import httpx2 as httpx

from tests.blackbox.tokens import HOUR, HS256, claims_of, forged

MARK: Final = re.compile(r"quartz(\d{3})-([a-z]+\d*)", re.IGNORECASE)
INVOICES: Final = 3
REPORTS: Final = 3


@dataclass(frozen=True)
class Person:
    """A contact who may enter, and the cookie of their session."""

    id: str
    email: str
    cookie: str
    sees_money: bool


@dataclass(frozen=True)
class Client:
    """A company with an admin, a viewer, an engagement, and invoices. `number` is in its words."""

    number: int
    company_id: str
    admin: Person
    viewer: Person
    engagement_id: str
    invoice_ids: tuple[str, ...]

    @property
    def people(self) -> tuple[Person, Person]:
        """Both of them."""
        return self.admin, self.viewer


def marks_in(text: str) -> frozenset[str]:
    """The words of our companies that a page shows, in lower case."""
    return frozenset(found[0].lower() for found in MARK.finditer(text))


def numbers_in(text: str) -> set[int]:
    """Whose words those are."""
    return {int(found[1]) for found in MARK.finditer(text)}


async def make_client(crm: httpx.AsyncClient, number: int, session_secret: str) -> Client:
    """Have the CRM keep such a company. `crm` is let in by its API key."""
    word = f"quartz{number:03d}"
    company = await _made(
        crm, "companies", name=f"{word}-company", company_type="client", product="mode"
    )
    people = await asyncio.gather(
        *(_person(crm, word, company, role, session_secret) for role in ("admin", "viewer"))
    )
    common = {"company_id": company, "product": "mode"}
    engagement = await _made(crm, "engagements", name=f"{word}-rollout", status="active", **common)
    invoices = [
        await _made(crm, "invoices", engagement_id=engagement, **_invoice(word, n), **common)
        for n in range(INVOICES)
    ]
    for n in range(REPORTS):
        await _made(
            crm,
            "activities",
            activity_type="report_generated",
            title=f"{word}-report{n}",
            company_id=company,
            engagement_id=engagement,
            source="mode",
        )
    return Client(number, company, people[0], people[1], engagement, tuple(invoices))


async def _person(
    crm: httpx.AsyncClient, word: str, company: str, role: str, session_secret: str
) -> Person:
    email = f"{role}@{word}.example"
    contact = await _made(
        crm,
        "contacts",
        email=email,
        full_name=f"{word}-{role}",
        company_id=company,
        contact_type="client",
        portal_access=1,
        portal_role=f"client_{role}",
        product="mode",
    )
    claims = claims_of(contact, email, exp=int(time.time()) + 24 * HOUR)
    cookie = f"sm_client={forged(HS256, claims, session_secret)}"
    return Person(contact, email, cookie, sees_money=role == "admin")


def _invoice(word: str, serial: int) -> dict[str, Any]:
    issued: date = datetime.now(UTC).date() - timedelta(days=10 + 20 * serial)
    return {
        "invoice_number": f"{word.upper()}-INV{serial}",
        "amount": 1200 + serial,
        "currency": "EUR" if serial == 1 else "USD",
        "status": "sent",
        "issued_date": issued.isoformat(),
        "due_date": (issued + timedelta(days=30)).isoformat(),
    }


async def _made(crm: httpx.AsyncClient, resource: str, **values: Any) -> str:
    answer = await crm.post(f"/api/{resource}", json=values)
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["data"]["id"]
    return made
