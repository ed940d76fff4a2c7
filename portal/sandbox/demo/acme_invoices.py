"""What Acme was billed: a year of invoices in every status and in two currencies."""

from __future__ import annotations

from portal.sandbox.demo.acme_work import AUDIT, CHATBOT, DATA, RETAINER, SIGNAL, SUPPORT
from portal.sandbox.demo.billing import SEPA, WIRE_US, invoice, paid
from portal.sandbox.demo.records import Calendar, Record

PAY = "https://pay.sprintmode.example/i/"
MONTH = ("Mode implementation retainer, one month", "1", "18500")


def invoices(calendar: Calendar) -> list[Record]:
    """Newest first; the last three are not for a client of Mode to see."""
    return [*_current(calendar), *_settled(calendar), *_hidden(calendar)]


def _current(calendar: Calendar) -> list[Record]:
    return [
        invoice(
            calendar,
            "inv_2026001",
            "INV-2026-001",
            12,
            MONTH,
            ("Travel to Newark, two people", "2", "346.25"),
            engagement_id=RETAINER,
            status="sent",
            payment_url=f"{PAY}inv_2026001",
            payment_instructions=WIRE_US,
            notes="Jane asked for the travel receipts; sent on the same day.",
        ),
        invoice(
            calendar,
            "inv_2026002",
            "INV-2026-002",
            9,
            ("Data architect, days", "4", "1520"),
            ("Analytics engineer, days", "2.5", "936.4"),
            engagement_id=DATA,
            status="sent",
            amount_paid=4000,
            payment_url=f"{PAY}inv_2026002",
            notes="Part paid; the rest is promised for the end of the month.",
        ),
        invoice(
            calendar,
            "inv_2026003",
            "INV-2026-003",
            5,
            ("Workshop in Munich, two days", "2", "1450"),
            ("Travel and hotel", "1", "612.80"),
            terms=14,
            engagement_id=RETAINER,
            currency="EUR",
            status="sent",
            payment_instructions=SEPA,
        ),
        invoice(
            calendar,
            "inv_2026004",
            "INV-2026-004",
            2,
            ("Training for accounts payable, seats", "12", "149"),
            engagement_id=RETAINER,
            status="draft",
            notes="Draft: wait for the final head count.",
        ),
        invoice(
            calendar,
            "inv_2026005",
            "INV-2026-005",
            48,
            ("Service desk automation, second instalment", "1", "12000"),
            engagement_id=SUPPORT,
            status="overdue",
            payment_url=f"{PAY}inv_2026005",
            payment_instructions=WIRE_US,
            notes="Held back because the project is paused. Ava talks to their CFO.",
        ),
        invoice(
            calendar,
            "inv_2026006",
            "INV-2026-006",
            41,
            ("Licences passed on: transcription, hours", "86.5", "3.40"),
            engagement_id=RETAINER,
            status="sent",
        ),
        invoice(
            calendar,
            "inv_2026007",
            "INV-2026-007",
            52,
            ("On-site interviews in Rotterdam", "3", "780"),
            engagement_id=DATA,
            currency="EUR",
            status="overdue",
            payment_instructions=SEPA,
        ),
        invoice(
            calendar,
            "inv_2026008",
            "INV-2026-008",
            20,
            ("Credit: two workshop days not used", "-2", "1250"),
            engagement_id=RETAINER,
            status="sent",
            due_date=None,
            notes="Credit note, agreed with Jane on the phone.",
        ),
        invoice(
            calendar,
            "inv_2026009",
            "INV-2026-009",
            43,
            ("Retainer, billed twice by mistake", "1", "18500"),
            engagement_id=RETAINER,
            status="void",
            notes="Our mistake: double run of the billing job.",
        ),
    ]


def _settled(calendar: Calendar) -> list[Record]:
    retainers = [
        invoice(
            calendar,
            f"inv_2025{serial:03d}",
            f"INV-2025-{serial:03d}",
            issued,
            MONTH,
            engagement_id=RETAINER,
            **paid(calendar, issued - 24, "18500"),
        )
        for serial, issued in ((31, 42), (27, 73), (22, 103), (18, 134))
    ]
    return [
        *retainers,
        invoice(
            calendar,
            "inv_2025029",
            "INV-2025-029",
            64,
            ("Data architect, days", "5", "1520"),
            engagement_id=DATA,
            **paid(calendar, 31, "7600"),
        ),
        invoice(
            calendar,
            "inv_2025024",
            "INV-2025-024",
            92,
            ("Service desk automation, first instalment", "1", "12000"),
            engagement_id=SUPPORT,
            **paid(calendar, 58, "12000"),
        ),
        invoice(
            calendar,
            "inv_2025014",
            "INV-2025-014",
            160,
            ("Technology audit, closing instalment", "1", "21000"),
            ("Additional system scans", "7", "185.50"),
            engagement_id=AUDIT,
            **paid(calendar, 133, "22298.50"),
        ),
        invoice(
            calendar,
            "inv_2025011",
            "INV-2025-011",
            182,
            ("Credit: deposit for the chat assistant", "-1", "6000"),
            engagement_id=CHATBOT,
            status="paid",
            amount_paid=-6000,
            paid_date=calendar.day(175),
        ),
        invoice(
            calendar,
            "inv_2025009",
            "INV-2025-009",
            206,
            ("Chat assistant, deposit", "1", "6000"),
            engagement_id=CHATBOT,
            **paid(calendar, 190, "6000"),
        ),
        invoice(
            calendar,
            "inv_2025006",
            "INV-2025-006",
            233,
            ("Technology audit, first instalment", "1", "21000"),
            engagement_id=AUDIT,
            product=None,
            **paid(calendar, 204, "21000"),
        ),
    ]


def _hidden(calendar: Calendar) -> list[Record]:
    return [
        invoice(
            calendar,
            "inv_acmesig01",
            "INV-2026-S01",
            15,
            ("Signal market watch, one month", "1", "3200"),
            product="signal",
            engagement_id=SIGNAL,
            status="sent",
        ),
        invoice(
            calendar,
            "inv_acmesig02",
            "INV-2026-S02",
            44,
            ("Signal market watch, one month", "1", "3200"),
            product=None,
            engagement_id=SIGNAL,
            status="sent",
        ),
        invoice(
            calendar,
            "inv_acmeuntag",
            "INV-2025-003",
            310,
            ("Keynote at the leadership day", "1", "4500"),
            product=None,
            **paid(calendar, 280, "4500"),
        ),
    ]
