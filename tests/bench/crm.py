"""A CRM made up from numbers: SM API's answers (sm-api §6) for any company, without a store.

Company 7 is `co_…7`, its people are those whose number is 7 more than a multiple of the number of
companies. An answer is a template made at the start, in which the numbers are filled in: cheap
enough to stay out of the way of what is measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Final

COMPANY: Final = "@COMPANY-NUMBER@"
PERSON: Final = "@PERSON--NUMBER@"
"""Where the numbers go: as long as what replaces them, so that lengths stay known."""

AMOUNT: Final = 7777
"""The digits of each amount that are other ones for another company: else all companies' money
would be written once, and kept."""

_AMOUNT: Final = b"%d" % AMOUNT
_COMPANY: Final = COMPANY.encode()
_PERSON: Final = PERSON.encode()
ENGAGEMENTS: Final = 5
ACTIVITIES: Final = 32
COLLEAGUES: Final = 6
UNLISTED_LIMIT: Final = 50
STAGES: Final = ("Discovery", "Scan", "Results", "Build", "Run", "Reports", "Expand")
TOOLS: Final = ("Snowflake", "dbt", "Airflow", "Power BI", "Jira")
INTERNAL: Final = ("call", "email", "note")
Answer = tuple[int, bytes]


def company_id(number: int) -> str:
    """The id of a company."""
    return f"co_{number:016d}"


def contact_id(number: int) -> str:
    """The id of a person."""
    return f"ct_{number:016d}"


def address(number: int) -> str:
    """The e-mail address of a person."""
    return f"person.{number:016d}@example.com"


def engagement_id(company: int, serial: int = 0) -> str:
    """The id of one of a company's engagements."""
    return f"eng_{company:016d}_{serial}"


def invoice_id(company: int, serial: int = 0) -> str:
    """The id of one of a company's invoices."""
    return f"inv_{company:016d}_{serial}"


def number_in(identifier: str) -> int | None:
    """The number of an id or an address, None when there is none."""
    digits = identifier.partition("_")[2][:16] or identifier.partition(".")[2][:16]
    return int(digits) if digits.isdecimal() and digits.isascii() else None


@dataclass(frozen=True)
class Crm:
    """SM API's answers for `companies` companies with `invoices` invoices each, as of `now`."""

    companies: int
    invoices: int
    now: datetime

    def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> Answer:
        """Status and body, in the envelope of sm-api §1."""
        resource, _, identifier = path.removeprefix("/api/").partition("/")
        if method != "GET":
            return self._written(resource, identifier, body)
        if resource == "magic_sessions":
            return 200, _enveloped([self._magic_session(query.get("token_hash", ""))])
        if identifier:
            return self._one(resource, identifier)
        if resource == "contacts":
            return self._contacts(query)
        return self._list(resource, query)

    def _one(self, resource: str, identifier: str) -> Answer:
        number = number_in(identifier)
        template = self._singles.get((resource, identifier.rpartition("_")[2][:4]))
        if template is None:
            template = self._singles.get((resource, ""))
        if number is None or template is None:
            return NOT_FOUND
        if resource == "contacts":
            return 200, self._filled(template, number % self.companies, number)
        if number >= self.companies:
            return NOT_FOUND
        return 200, self._filled(template, number, number)

    def _list(self, resource: str, query: Mapping[str, str]) -> Answer:
        number = number_in(query.get("company_id", ""))
        if number is None or number >= self.companies:
            return 200, _enveloped([])
        limit = min(int(query.get("limit", UNLISTED_LIMIT)), 5000)
        template = self._list_template(resource, query.get("type"), limit)
        return 200, self._filled(template, number, number)

    def _contacts(self, query: Mapping[str, str]) -> Answer:
        """The page shape. A company's people, or whoever has the address that is looked for."""
        if "search" in query:
            number = number_in(query["search"])
            numbers = [] if number is None else [number]
        else:
            number = number_in(query.get("company_id", ""))
            numbers = (
                [] if number is None else [number + n * self.companies for n in range(COLLEAGUES)]
            )
        template = _encoded(self._contact())
        items = b",".join(self._filled(template, n % self.companies, n) for n in numbers)
        head = b'{"ok":true,"data":{"items":['
        tail = b'],"total":%d,"page":1,"limit":100,"hasMore":false}}' % len(numbers)
        return 200, head + items + tail

    def _written(self, resource: str, identifier: str, body: bytes) -> Answer:
        if identifier == "redeem":
            proof = json.loads(body)
            return 200, _enveloped(self._magic_session(proof.get("token_hash", "")))
        return (200 if identifier else 201), _enveloped({"id": identifier or f"{resource}_1"})

    def _magic_session(self, token_hash: str) -> dict[str, Any]:
        """Every link is good, and whose it is follows from its hash."""
        number = int(token_hash[:8] or "0", 16) % (self.companies * COLLEAGUES)
        return {
            "id": f"ms_{number}",
            "contact_id": contact_id(number),
            "email": address(number),
            "redirect": "/",
            "status": "live",
            "created_at": _moment(self.now),
            "expires_at": _moment(self.now + timedelta(days=1)),
        }

    def _filled(self, template: bytes, company: int, person: int) -> bytes:
        own = template.replace(_AMOUNT, b"%d" % (1000 + company % 9000))
        return own.replace(_COMPANY, b"%016d" % company).replace(_PERSON, b"%016d" % person)

    @cached_property
    def _lists(self) -> dict[str, list[dict[str, Any]]]:
        return {
            "engagements": [self._engagement(n) for n in range(ENGAGEMENTS)],
            "invoices": [self._invoice(n) for n in range(self.invoices)],
            "activities": [self._activity(n) for n in range(ACTIVITIES)],
        }

    @cached_property
    def _singles(self) -> dict[tuple[str, str], bytes]:
        """By resource and the serial that the id ends with."""
        found = {
            ("companies", ""): self._company(),
            ("contacts", ""): self._contact(),
        }
        for resource in ("engagements", "invoices"):
            for serial, record in enumerate(self._lists[resource]):
                found[resource, str(serial)] = record
        return {key: _enveloped(record) for key, record in found.items()}

    @cached_property
    def _list_templates(self) -> dict[tuple[str, str | None, int], bytes]:
        return {}

    def _list_template(self, resource: str, kind: str | None, limit: int) -> bytes:
        key = (resource, kind, limit)
        if key not in self._list_templates:
            records = self._lists.get(resource, [])
            if kind is not None:
                records = [r for r in records if r["activity_type"] == kind]
            self._list_templates[key] = _enveloped(records[:limit])
        return self._list_templates[key]

    def _company(self) -> dict[str, Any]:
        return {
            "id": f"co_{COMPANY}",
            "name": f"Company {COMPANY} & Sons",
            "domain": f"company-{COMPANY}.example.com",
            "industry": "Manufacturing",
            "revenue_range": "$1M-$10M",
            "employee_count": 240,
            "company_type": "client",
            "status": "active",
            "product": "mode",
            "source": "manual",
            "health_score": 72,
            "monthly_revenue": 12500,
            "notes": "Renewal in spring; ask for Ms <Lee>.",
            "contacts_count": COLLEAGUES,
            "deals_count": 1,
            "created_at": _moment(self.now - timedelta(days=400)),
        }

    def _contact(self) -> dict[str, Any]:
        return {
            "id": f"ct_{PERSON}",
            "email": f"person.{PERSON}@example.com",
            "first_name": "Person",
            "last_name": f"O'Number {PERSON}",
            "full_name": f"Person O'Number {PERSON}",
            "title": "Head of Operations",
            "company_id": f"co_{COMPANY}",
            "company_name": f"Company {COMPANY} & Sons",
            "contact_type": "client",
            "portal_access": 1,
            "portal_role": "client_admin",
            "product": "mode",
            "source": "manual",
            "phone": "+1 555 0100",
            "notes": "Prefers mornings.",
            "timezone": "America/New_York",
            "locale": "en_US",
            "created_at": _moment(self.now - timedelta(days=390)),
        }

    def _engagement(self, serial: int) -> dict[str, Any]:
        start = self.now.date() - timedelta(days=300 - 40 * serial)
        return {
            "id": f"eng_{COMPANY}_{serial}",
            "company_id": f"co_{COMPANY}",
            "company_name": f"Company {COMPANY} & Sons",
            "name": f"Mode implementation, part {serial + 1} <{STAGES[serial]}>",
            "engagement_type": ("retainer", "project", "consulting")[serial % 3],
            "product": "mode",
            "status": "completed" if serial == 0 else "active",
            "plain_status": "On course: the second review is planned & agreed.",
            "start_date": start.isoformat(),
            "end_date": (start + timedelta(days=540)).isoformat(),
            "contract_renewal_date": (start + timedelta(days=500)).isoformat(),
            "monthly_revenue": 4200 + serial,
            "total_value": 50400,
            "headcount": 3,
            "cogs": 21000,
            "margin_pct": 58,
            "team_members": [
                {"role": role, "hours": 20, "rate": 150}
                for role in ("Lead", "Data engineer", "Analyst")
            ],
            "tools": list(TOOLS[: 2 + serial % 3]),
            "deliverables": "Systems map; interview notes; roadmap with costs; training of 12",
            "notes": "Internal: watch the margin.",
            "created_at": _moment(self.now - timedelta(days=300 - 40 * serial)),
        }

    def _invoice(self, serial: int) -> dict[str, Any]:
        issued = self.now.date() - timedelta(days=20 + 29 * serial)
        status = "sent" if serial < 2 else "paid"
        amount = 10_000 * (1 + serial % 6) + AMOUNT
        return {
            "id": f"inv_{COMPANY}_{serial}",
            "company_id": f"co_{COMPANY}",
            "company_name": f"Company {COMPANY} & Sons",
            "engagement_id": f"eng_{COMPANY}_{serial % ENGAGEMENTS}",
            "invoice_number": f"INV-{issued.year}-{serial:04d}",
            "amount": amount,
            "amount_paid": 0 if status == "sent" else amount,
            "currency": "EUR" if serial % 6 == 5 else "USD",
            "status": status,
            "product": "mode",
            "issued_date": issued.isoformat(),
            "due_date": (issued + timedelta(days=30)).isoformat(),
            "paid_date": _paid(issued) if status == "paid" else None,
            "line_items": [
                {"description": f"Retainer & support, week {n + 1}", "amount": amount / 2}
                for n in range(2)
            ],
            "created_at": _moment(self.now - timedelta(days=20 + 29 * serial)),
        }

    def _activity(self, serial: int) -> dict[str, Any]:
        kind, title = _happening(serial)
        return {
            "id": f"act_{COMPANY}_{serial}",
            "contact_id": f"ct_{COMPANY}",
            "contact_name": f"Person O'Number {COMPANY}",
            "company_id": f"co_{COMPANY}",
            "company_name": f"Company {COMPANY} & Sons",
            "engagement_id": f"eng_{COMPANY}_{serial % ENGAGEMENTS}",
            "activity_type": kind,
            "title": title,
            "description": "Full technology audit of <plant 2>: 47 systems mapped, 3 at risk.",
            "source": "mode",
            "metadata": {"scan_id": f"scan_{serial}", "systems_found": 47},
            "created_at": _moment(self.now - timedelta(hours=30 * serial + 1)),
        }


def _happening(serial: int) -> tuple[str, str]:
    """Kind and title: one in four is internal, one a sign-in, the others lead along the journey."""
    if serial % 4 == 3:
        return INTERNAL[serial % len(INTERNAL)], "Call about the renewal"
    if serial % 16 == 2:
        return "portal_login", "Signed in"
    stage = STAGES[(ACTIVITIES - serial) * len(STAGES) // (2 * ACTIVITIES)]
    if serial % 2:
        return "phase_started", f"{stage} started"
    return ("report_generated", "Report generated") if serial % 3 else ("scan_completed", "Scanned")


def _paid(issued: date) -> str:
    return (issued + timedelta(days=25)).isoformat()


def _moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _enveloped(data: Sequence[Any] | Mapping[str, Any]) -> bytes:
    return _encoded({"ok": True, "data": data})


NOT_FOUND: Final[Answer] = (404, _encoded({"ok": False, "error": "Not found"}))
