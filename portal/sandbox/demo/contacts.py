"""The demo companies and the people at them."""

from __future__ import annotations

from typing import Any

from portal.sandbox.demo.records import Calendar, Record

MODE = {"product": "mode", "products": ["mode"]}


def companies(calendar: Calendar) -> list[Record]:
    """Clients of Mode, one of Signal's only, and Sprint Mode itself."""
    client = {"company_type": "client", "product": "mode"}
    return [
        {
            "id": "co_abc123",
            "name": "Acme Corp",
            "domain": "acme.com",
            "industry": "Industrial supplies",
            "employee_count": 420,
            "revenue_range": "$50M-$100M",
            "health_score": 82,
            "monthly_revenue": 18500,
            "total_contract_value": 264000,
            "notes": "Renewal in the balance: the CFO wants proof of savings. Handle with care.",
            "created_at": calendar.at(430),
            **client,
        },
        {
            "id": "co_globex1",
            "name": "Globex Corp",
            "domain": "globex.com",
            "industry": "Energy",
            "employee_count": 1900,
            "revenue_range": "$100M-$500M",
            "health_score": 64,
            "monthly_revenue": 31000,
            "total_contract_value": 410000,
            "notes": "Competes with Acme in two regions. Never mention one to the other.",
            "created_at": calendar.at(390),
            **client,
        },
        {
            "id": "co_wayne01",
            "name": "Wayne Manufacturing",
            "domain": "wayne.example",
            "industry": "Manufacturing",
            "company_type": "client",
            "product": "signal",
            "monthly_revenue": 9000,
            "created_at": calendar.at(300),
        },
        {
            "id": "co_umbrel1",
            "name": "Umbrella Logistics",
            "domain": "umbrella.example",
            "industry": "Logistics",
            "monthly_revenue": 6400,
            "created_at": calendar.at(280),
            **client,
        },
        {
            "id": "co_zoelu01",
            "name": "Łukasiewicz i Wspólnicy",
            "domain": "lukasiewicz.example",
            "industry": "Legal services",
            "monthly_revenue": 5200,
            "created_at": calendar.at(210),
            **client,
        },
        {
            "id": "co_initec1",
            "name": "Initech",
            "domain": "initech.example",
            "industry": "Software",
            "monthly_revenue": 4800,
            "created_at": calendar.at(190),
            **client,
        },
        {
            "id": "co_hooli01",
            "name": "Hooli",
            "domain": "hooli.example",
            "industry": "Internet",
            "monthly_revenue": 12000,
            "created_at": calendar.at(180),
            **client,
        },
        {
            "id": "co_sprint1",
            "name": "Sprint Mode",
            "domain": "sprintmode.ai",
            "industry": "Technology consulting",
            "company_type": "partner",
            "created_at": calendar.at(900),
        },
    ]


def contacts(calendar: Calendar) -> list[Record]:
    """Everyone of the demo list, and those who must stay out."""
    return [
        _contact(
            "ct_abc123",
            "co_abc123",
            "Jane Smith",
            "jane@acme.com",
            calendar.at(425),
            title="VP Operations",
            phone="+1 212 555 0142",
            timezone="America/New_York",
            locale="en-US",
            portal_role="client_admin",
            pipeline_stage="onboarding",
            portal_last_login=calendar.at(1, 13, 20),
            notes="Decision maker. Prefers short calls before 10 am New York time.",
        ),
        _contact(
            "ct_def456",
            "co_abc123",
            "Sam Lee",
            "sam@acme.com",
            calendar.at(400),
            title="IT Manager",
            timezone="America/New_York",
            locale="en-US",
            portal_role="client_viewer",
            portal_last_login=calendar.at(4, 16, 5),
        ),
        _contact(
            "ct_patdoy1",
            "co_abc123",
            "Pat Doyle",
            "pat@acme.com",
            calendar.at(380),
            title="Former controller",
            portal_access=0,
            portal_role="client_viewer",
        ),
        _contact(
            "ct_globex1",
            "co_globex1",
            "Hank Scorpio",
            "hank@globex.com",
            calendar.at(385),
            title="President",
            timezone="America/Los_Angeles",
            locale="en-US",
            portal_role="client_admin",
        ),
        _contact(
            "ct_mjwats1",
            "co_umbrel1",
            "Mary-Jane Watson",
            "mary-jane@acme.com",
            calendar.at(275),
            title="Head of Finance",
            timezone="Europe/London",
            locale="en-GB",
            portal_role="client_admin",
        ),
        _contact(
            "ct_zoeluk1",
            "co_zoelu01",
            "Zoë Łukasiewicz",
            "zoe@lukasiewicz.example",
            calendar.at(205),
            title="Wspólniczka zarządzająca",
            timezone="Europe/Warsaw",
            locale="pl-PL",
            portal_role="client_admin",
        ),
        _contact(
            "ct_robin01",
            "co_initec1",
            "Robin Park",
            "robin@parkadvisory.example",
            calendar.at(188),
            title="Fractional CTO",
            timezone="America/Chicago",
            portal_role="client_viewer",
        ),
        _contact(
            "ct_robin02",
            "co_hooli01",
            "Robin Park",
            "robin@parkadvisory.example",
            calendar.at(178),
            title="Advisor",
            timezone="America/Chicago",
            portal_role="client_admin",
        ),
        _contact(
            "ct_nadiar1",
            "co_wayne01",
            "Nadia Rahman",
            "nadia@wayne.example",
            calendar.at(290),
            title="COO",
            portal_role="client_admin",
            product="signal",
            products=["signal"],
        ),
        _contact(
            "ct_avator1",
            "co_sprint1",
            "Ava Torres",
            "ava@sprintmode.ai",
            calendar.at(800),
            title="Client partner",
            timezone="America/New_York",
            portal_access=0,
            is_sm_team=1,
            contact_type="end_user",
            product=None,
            products=[],
        ),
    ]


def _contact(
    contact_id: str, company_id: str, full_name: str, email: str, created_at: str, **more: Any
) -> Record:
    first_name, _, last_name = full_name.partition(" ")
    return {
        "id": contact_id,
        "company_id": company_id,
        "first_name": first_name,
        "last_name": last_name,
        "full_name": full_name,
        "email": email,
        "contact_type": "client",
        "portal_access": 1,
        "created_at": created_at,
        **MODE,
        **more,
    }
