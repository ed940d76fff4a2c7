"""What happened at Acme, as a consultancy writes it down: for the client, and internally."""

from __future__ import annotations

from typing import Any, Final

from portal.sandbox.demo.acme_work import AUDIT, CHATBOT, DATA, RETAINER, SIGNAL, SUPPORT
from portal.sandbox.demo.records import Calendar, Record

JANE: Final = "ct_abc123"
SAM: Final = "ct_def456"
PAT: Final = "ct_patdoy1"

Happening = tuple[int, int, str, str | None, str | None, str, str]
"""Days ago, hour (UTC), type, engagement, contact, title, description."""

RECENT: Final[tuple[Happening, ...]] = (
    (0, 13, "portal_login", None, JANE, "Jane Smith signed in", ""),
    (0, 9, "note", RETAINER, None, "Prepare the renewal talk",
     "Internal. Margin must not fall below 45 %. Offer the analytics seat first."),
    (1, 19, "report_generated", RETAINER, None, "Weekly progress report",
     "Matching is right in 94 % of the sample, up from 89 % last week."),
    (1, 15, "call", RETAINER, JANE, "Weekly call with Jane",
     "She is nervous about the Newark team. Wants us to lead the first training ourselves."),
    (2, 16, "deliverable_shared", RETAINER, JANE, "Pilot handbook, first version",
     "Twelve pages for accounts payable. Comments are welcome until Friday."),
    (2, 11, "email", RETAINER, SAM, "Re: access to the NetSuite test account",
     "Sam confirms that the account is open until the end of the pilot."),
    (3, 14, "status_change", DATA, None, "Data foundations: finance model started",
     "Sales and stock are live; finance is next."),
    (4, 16, "report_viewed", RETAINER, SAM, "Sam Lee read the progress report", ""),
    (5, 14, "invoice_sent", RETAINER, JANE, "Invoice INV-2026-003 sent",
     "Workshop in Munich, in euros."),
    (6, 15, "meeting", RETAINER, JANE, "Steering meeting",
     "Internal minutes: budget for next year is not safe; ask again after the pilot."),
    (7, 18, "milestone_reached", RETAINER, None, "Assistant runs on real invoices",
     "1,260 invoices of last month went through without stopping anybody's work."),
    (8, 10, "support_request", RETAINER, SAM, "Two people cannot see the pilot",
     "Sam reports that two colleagues lack the group. Solved the same morning."),
    (9, 14, "invoice_sent", DATA, JANE, "Invoice INV-2026-002 sent", ""),
    (10, 17, "ai_summary", RETAINER, JANE, "Summary of the last four calls",
     "Internal. Sentiment is positive but price-sensitive; the CFO was named five times."),
    (12, 14, "invoice_sent", RETAINER, JANE, "Invoice INV-2026-001 sent",
     "Retainer for this month and the travel to Newark."),
    (13, 20, "transcript", RETAINER, JANE, "Call with Jane and the AP lead",
     "Internal transcript. Ava: we can hold the price until June. Jane: that would help me."),
    (14, 15, "phase_started", RETAINER, None, "Build: pilot in accounts payable",
     "Six people work with the assistant every day for four weeks."),
    (16, 9, "hiring_intake", None, None, "Second data engineer for Acme",
     "Internal. Start in six weeks, at most 95 an hour."),
)  # fmt: skip

EARLIER: Final[tuple[Happening, ...]] = (
    (18, 15, "payment_received", RETAINER, JANE, "Payment received for INV-2025-031", ""),
    (18, 15, "invoice_paid", RETAINER, JANE, "Invoice INV-2025-031 paid", ""),
    (21, 16, "report_generated", DATA, None, "Source inventory",
     "31 sources, nine owners, four that nobody knew of."),
    (24, 13, "phase_completed", RETAINER, None, "Prototype finished",
     "Accepted by Jane after the demonstration."),
    (28, 10, "deal_created", None, JANE, "Mode expansion deal",
     "Internal. Analytics and Newark together, 145k."),
    (30, 15, "status_change", SUPPORT, None, "Service desk automation paused",
     "Waiting for the new ticket system."),
    (31, 14, "invoice_paid", DATA, JANE, "Invoice INV-2025-029 paid", ""),
    (35, 17, "meeting", SUPPORT, SAM, "Ticket system: what changes for us",
     "Internal. Their CIO may move to another vendor."),
    (40, 16, "scan_completed", RETAINER, SAM, "Follow-up scan completed",
     "Three new systems since the audit; none of them critical."),
    (43, 9, "note", RETAINER, None, "Billing ran twice",
     "Internal. INV-2026-009 voided, Jane informed."),
    (55, 15, "report_generated", SUPPORT, SAM, "Ticket analysis",
     "8,200 tickets: 38 % are password resets and access requests."),
    (58, 14, "invoice_paid", SUPPORT, JANE, "Invoice INV-2025-024 paid", ""),
    (69, 15, "engagement_started", DATA, None, "Data foundations started",
     "Two people for three months."),
    (72, 16, "call", DATA, SAM, "Kick-off preparation", "Internal. Sam wants to be asked first."),
    (94, 15, "engagement_started", SUPPORT, None, "Service desk automation started", ""),
    (110, 17, "milestone_reached", RETAINER, JANE, "Roadmap agreed",
     "Nine recommendations in three waves."),
    (120, 16, "meeting", RETAINER, JANE, "Results workshop",
     "Internal minutes: operations is with us, finance is not yet."),
    (133, 14, "invoice_paid", AUDIT, JANE, "Invoice INV-2025-014 paid", ""),
    (149, 15, "engagement_started", RETAINER, None, "Mode implementation retainer started",
     "A team of four for one year."),
    (152, 10, "email", RETAINER, JANE, "Signed contract", "Internal. Countersigned copy filed."),
    (158, 17, "engagement_completed", AUDIT, None, "Technology audit completed",
     "The report and the board summary are handed over."),
    (160, 16, "report_generated", AUDIT, JANE, "Audit report: 23 recommendations",
     "With costs, effort and an order to do them in."),
    (178, 15, "scan_completed", AUDIT, SAM, "Mode scan completed",
     "Full technology audit finished. 47 systems mapped."),
    (180, 11, "status_change", CHATBOT, None, "Chat assistant stopped",
     "Few customers would use it; the deposit is credited."),
    (191, 15, "scan_started", AUDIT, SAM, "Scan started", "Read-only access, about two weeks."),
    (203, 9, "note", CHATBOT, None, "Advise against the chat assistant",
     "Internal. Better for trust, and for the retainer."),
    (219, 16, "phase_started", AUDIT, None, "Discovery: interviews",
     "Fourteen people in three offices."),
    (234, 15, "engagement_started", AUDIT, None, "Technology audit started", ""),
    (250, 13, "call", None, PAT, "Talk with Pat Doyle",
     "Internal. Pat leaves at the end of the quarter; remove portal access."),
    (430, 12, "lead_submitted", None, JANE, "Enquiry from the website",
     "Internal. Wants to know what AI could do for accounts payable."),
)  # fmt: skip

METADATA: Final[dict[str, dict[str, Any]]] = {
    "scan_completed": {"scan_id": "scan_xyz", "systems_found": 47},
    "report_generated": {"format": "pdf"},
    "portal_login": {"method": "magic_link"},
}


def activities(calendar: Calendar) -> list[Record]:
    """Everything above, and one of Signal's that must stay hidden at Mode."""
    happenings = [*RECENT, *EARLIER]
    made = [_activity(calendar, number, h) for number, h in enumerate(happenings, start=1)]
    hidden = {
        "id": "act_acmesignl",
        "engagement_id": SIGNAL,
        "contact_id": JANE,
        "activity_type": "report_generated",
        "title": "Signal briefing: competitors' prices",
        "source": "signal",
        "created_at": calendar.at(6, 8),
    }
    return [*made, hidden]


def _activity(calendar: Calendar, number: int, happening: Happening) -> Record:
    ago, hour, activity_type, engagement_id, contact_id, title, description = happening
    return {
        "id": f"act_acme{number:04d}",
        "engagement_id": engagement_id,
        "contact_id": contact_id,
        "activity_type": activity_type,
        "title": title,
        "description": description or None,
        "source": "mode",
        "metadata": METADATA.get(activity_type, {}),
        "created_at": calendar.at(ago, hour, number % 60),
    }
