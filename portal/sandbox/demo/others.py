"""Work, bills and history of the demo's other clients, which Acme must never see."""

from __future__ import annotations

from portal.sandbox.demo.billing import SEPA, invoice, paid
from portal.sandbox.demo.records import Calendar, Record, Records

GLOBEX = "eng_globex001"
GLOBEX_RUN = "eng_globex002"
OF = {
    "eng_umbrel001": ("co_umbrel1", "Claims triage assistant"),
    "eng_zoelu0001": ("co_zoelu01", "Przegląd umów z pomocą AI"),
    "eng_initec001": ("co_initec1", "TPS report automation"),
    "eng_hooli0001": ("co_hooli01", "Support knowledge base"),
}


def globex(calendar: Calendar) -> Records:
    """A client of the same size as Acme, and its competitor."""
    return {
        "engagements": [
            {
                "id": GLOBEX,
                "name": "Grid maintenance assistant",
                "status": "active",
                "plain_status": "The pilot with the field crews starts next week.",
                "start_date": calendar.day(120),
                "end_date": calendar.day(-120),
                "monthly_revenue": 31000,
                "cogs": 15900,
                "margin_pct": 48.7,
                "team_members": [
                    {"role": "Engagement lead", "hours": 60, "rate": 230},
                    {"role": "AI engineer", "hours": 160, "rate": 175},
                ],
                "tools": ["SAP", "ArcGIS"],
                "deliverables": "[x] Field interviews\n[x] Prototype\n[ ] Pilot with two crews",
                "notes": "Confidential: replaces a vendor that also serves Acme.",
                "created_at": calendar.at(122),
            },
            {
                "id": GLOBEX_RUN,
                "name": "Energy trading audit",
                "engagement_type": "project",
                "status": "completed",
                "start_date": calendar.day(260),
                "end_date": calendar.day(170),
                "total_value": 68000,
                "created_at": calendar.at(262),
            },
        ],
        "invoices": [
            invoice(
                calendar,
                "inv_globex001",
                "INV-2026-101",
                11,
                ("Grid maintenance assistant, one month", "1", "31000"),
                engagement_id=GLOBEX,
                status="sent",
                notes="Globex pays late as a rule.",
            ),
            invoice(
                calendar,
                "inv_globex002",
                "INV-2025-088",
                47,
                ("Grid maintenance assistant, one month", "1", "31000"),
                engagement_id=GLOBEX,
                status="overdue",
            ),
            invoice(
                calendar,
                "inv_globex003",
                "INV-2025-052",
                172,
                ("Energy trading audit", "1", "68000"),
                engagement_id=GLOBEX_RUN,
                **paid(calendar, 140, "68000"),
            ),
        ],
        "deals": [
            {
                "id": "deal_globex1",
                "title": "Globex trading desk",
                "contact_id": "ct_globex1",
                "stage": "proposal",
                "value": 210000,
                "probability": 40,
                "created_at": calendar.at(20),
            }
        ],
        "activities": [
            _activity(calendar, "act_globex001", 1, "scan_completed", "Scan of the grid systems"),
            _activity(calendar, "act_globex002", 2, "call", "Hank on prices"),
            _activity(calendar, "act_globex003", 8, "report_generated", "Field report"),
            _activity(calendar, "act_globex004", 119, "engagement_started", "Work started"),
        ],
    }


def small_clients(calendar: Calendar) -> list[Record]:
    """One engagement each."""
    return [
        {
            "id": engagement_id,
            "company_id": company_id,
            "name": name,
            "status": "active",
            "plain_status": "Discovery is under way.",
            "start_date": calendar.day(40),
            "end_date": calendar.day(-80),
            "team_members": [{"role": "Engagement lead", "hours": 20, "rate": 190}],
            "deliverables": "[x] Kick-off\n[ ] Interviews\n[ ] Scan",
            "created_at": calendar.at(41),
        }
        for engagement_id, (company_id, name) in OF.items()
    ]


def small_invoices(calendar: Calendar) -> list[Record]:
    """One for each of them; Zoë's in euros."""
    return [
        invoice(
            calendar,
            f"inv_{engagement_id.removeprefix('eng_')}",
            f"INV-2026-{serial}",
            8,
            ("Discovery", "1", "4800"),
            company_id=company_id,
            engagement_id=engagement_id,
            status="sent",
            currency="EUR" if company_id == "co_zoelu01" else "USD",
            payment_instructions=SEPA if company_id == "co_zoelu01" else None,
        )
        for serial, (engagement_id, (company_id, _)) in enumerate(OF.items(), start=201)
    ]


def small_histories(calendar: Calendar) -> list[Record]:
    """How each of them began."""
    return [
        {
            "id": f"act_{engagement_id.removeprefix('eng_')}",
            "company_id": company_id,
            "engagement_id": engagement_id,
            "activity_type": "engagement_started",
            "title": f"{name}: started",
            "source": "mode",
            "created_at": calendar.at(40),
        }
        for engagement_id, (company_id, name) in OF.items()
    ]


def wayne(calendar: Calendar) -> Records:
    """A client of Signal only."""
    return {
        "engagements": [
            {
                "id": "eng_wayne0001",
                "name": "Signal supply watch",
                "product": "signal",
                "status": "active",
                "plain_status": "Two suppliers are on watch; nothing needs you today.",
                "start_date": calendar.day(60),
                "end_date": calendar.day(-305),
                "deliverables": "[x] Watch list\n[x] First briefing\n[ ] Quarterly review",
                "created_at": calendar.at(295),
            }
        ],
        "invoices": [
            invoice(
                calendar,
                "inv_wayne0001",
                "SIG-2026-014",
                10,
                ("Signal supply watch, one month", "1", "2400"),
                engagement_id="eng_wayne0001",
                product="signal",
                status="sent",
            )
        ],
        "activities": [
            _signal(calendar, "act_wayne0001", 3, "report_generated", "Signal briefing"),
            _signal(calendar, "act_wayne0002", 12, "alert_raised", "Supplier in Rotterdam: strike"),
            _signal(calendar, "act_wayne0003", 60, "watch_started", "Watch started"),
        ],
    }


def _signal(
    calendar: Calendar, activity_id: str, ago: int, activity_type: str, title: str
) -> Record:
    return {
        "id": activity_id,
        "engagement_id": "eng_wayne0001",
        "activity_type": activity_type,
        "title": title,
        "source": "signal",
        "created_at": calendar.at(ago),
    }


def _activity(
    calendar: Calendar, activity_id: str, ago: int, activity_type: str, title: str
) -> Record:
    return {
        "id": activity_id,
        "engagement_id": GLOBEX,
        "contact_id": "ct_globex1",
        "activity_type": activity_type,
        "title": title,
        "source": "mode",
        "created_at": calendar.at(ago),
    }
