"""What Acme bought: engagements in every status, and the deal that sales hopes for."""

from __future__ import annotations

from portal.sandbox.demo.records import Calendar, Record

RETAINER = "eng_abc123"
AUDIT = "eng_acmeaudit1"
SUPPORT = "eng_acmedesk01"
DATA = "eng_acmedata01"
CHATBOT = "eng_acmechat01"
SIGNAL = "eng_acmesignl1"


def engagements(calendar: Calendar) -> list[Record]:
    """Five of Mode's, and one of Signal's that must stay hidden at Mode."""
    return [
        {
            "id": RETAINER,
            "name": "Mode implementation retainer",
            "engagement_type": "retainer",
            "status": "active",
            "plain_status": "We are in the Build phase: the invoice-matching assistant runs on "
            "last month's real data, and your accounts payable team is checking its answers. "
            "Nothing is blocked. Next: roll-out to the Newark office.",
            "start_date": calendar.day(150),
            "end_date": calendar.day(-215),
            "contract_renewal_date": calendar.day(-185),
            "monthly_revenue": 18500,
            "total_value": 222000,
            "headcount": 4,
            "cogs": 9620,
            "margin_pct": 48,
            "team_members": [
                {"role": "Engagement lead", "hours": 40, "rate": 210},
                {"role": "AI engineer", "hours": 120, "rate": 165},
                {"role": "Data engineer", "hours": 80, "rate": 150},
                {"role": "Change manager", "hours": 24, "rate": 140},
            ],
            "tools": ["NetSuite", "Snowflake", "Slack", "Azure OpenAI"],
            "deliverables": "[x] Discovery interviews with 14 people\n"
            "[x] Technology audit: 47 systems mapped\n"
            "[x] Results workshop and roadmap\n"
            "[x] Prototype of the invoice-matching assistant\n"
            "[ ] Pilot in accounts payable\n"
            "[ ] Roll-out to Newark and Austin\n"
            "[ ] Handbook and training for 60 people",
            "jira_board_url": "https://sprintmode.example/jira/boards/41",
            "jira_project_key": "ACME",
            "notes": "Margin is thin while Priya covers data work. No more scope for free.",
            "created_at": calendar.at(152),
        },
        {
            "id": AUDIT,
            "name": "Technology audit",
            "engagement_type": "project",
            "status": "completed",
            "plain_status": "Done. The report with 23 recommendations is in your documents; "
            "nine of them are part of the retainer.",
            "start_date": calendar.day(235),
            "end_date": calendar.day(158),
            "total_value": 42000,
            "headcount": 3,
            "cogs": 17400,
            "margin_pct": 58.6,
            "team_members": [
                {"role": "Engagement lead", "hours": 60, "rate": 210},
                {"role": "Security analyst", "hours": 45, "rate": 180},
                {"role": "Systems analyst", "hours": 110, "rate": 145},
            ],
            "tools": ["Mode Scan", "Miro", "Okta"],
            "deliverables": "[x] Interviews and access\n[x] Scan of 47 systems\n"
            "[x] Licence and cost review\n[x] Report with 23 recommendations\n[x] Board summary",
            "notes": "Went 20 hours over; we absorbed it to win the retainer.",
            "created_at": calendar.at(240),
        },
        {
            "id": SUPPORT,
            "name": "Service desk automation",
            "engagement_type": "project",
            "status": "paused",
            "plain_status": "Paused at your request until the new ticket system is live. We keep "
            "the team's places free until the end of next month.",
            "start_date": calendar.day(95),
            "end_date": calendar.day(-40),
            "total_value": 36000,
            "headcount": 2,
            "cogs": 14100,
            "margin_pct": 60.8,
            "team_members": [
                {"role": "Automation engineer", "hours": 90, "rate": 155},
                {"role": "Service designer", "hours": 30, "rate": 150},
            ],
            "tools": ["Zendesk", "Slack", "Okta"],
            "deliverables": "[x] Analysis of 8,200 tickets\n[x] List of the 12 best candidates\n"
            "[ ] Password resets without a person\n[ ] Answers drafted for agents",
            "notes": "Their CIO is unsure about Zendesk. Risk that this never restarts.",
            "created_at": calendar.at(99),
        },
        {
            "id": DATA,
            "name": "Data foundations",
            "engagement_type": "consulting",
            "status": "active",
            "plain_status": "On track. Sales and stock figures now come from one place; finance "
            "follows this month.",
            "start_date": calendar.day(70),
            "end_date": calendar.day(-20),
            "monthly_revenue": 8400,
            "total_value": 25200,
            "headcount": 1.5,
            "cogs": 4350.75,
            "margin_pct": 48.2,
            "team_members": [
                {"role": "Data architect", "hours": 60, "rate": 190},
                {"role": "Analytics engineer", "hours": 70, "rate": 150},
            ],
            "tools": ["Snowflake", "dbt", "Power BI"],
            "deliverables": "[x] Inventory of sources\n[x] Model for sales and stock\n"
            "[ ] Model for finance\n[ ] Three dashboards for operations",
            "notes": "Good candidate for the expansion deal.",
            "created_at": calendar.at(74),
        },
        {
            "id": CHATBOT,
            "name": "Customer chat assistant",
            "engagement_type": "project",
            "status": "cancelled",
            "plain_status": "Stopped before the build: the audit showed that few customers would "
            "use it. The deposit was credited.",
            "start_date": calendar.day(205),
            "end_date": calendar.day(180),
            "total_value": 30000,
            "team_members": [{"role": "Conversation designer", "hours": 12, "rate": 150}],
            "tools": [],
            "deliverables": "[x] Feasibility note\n[ ] Prototype",
            "notes": "We talked them out of it. Goodwill.",
            "created_at": calendar.at(210),
        },
        {
            "id": SIGNAL,
            "name": "Signal market watch",
            "product": "signal",
            "status": "active",
            "plain_status": "Weekly briefings are running.",
            "start_date": calendar.day(60),
            "monthly_revenue": 3200,
            "notes": "Sold by the Signal team.",
            "created_at": calendar.at(62),
        },
    ]


def deals(calendar: Calendar) -> list[Record]:
    """Sales' own business: never for a client's eyes."""
    return [
        {
            "id": "deal_abc123",
            "title": "Mode expansion deal",
            "contact_id": "ct_abc123",
            "pipeline": "sales",
            "stage": "negotiation",
            "value": 145000,
            "probability": 65,
            "close_date": calendar.day(-45),
            "assigned_to": "ava@sprintmode.ai",
            "notes": "Open with 145k; the floor is 120k. Decision after the Newark pilot.",
            "created_at": calendar.at(28),
        },
        {
            "id": "deal_acmeret1",
            "title": "Mode implementation retainer",
            "contact_id": "ct_abc123",
            "pipeline": "sales",
            "stage": "won",
            "value": 222000,
            "probability": 100,
            "close_date": calendar.day(155),
            "assigned_to": "ava@sprintmode.ai",
            "won_at": calendar.at(155),
            "notes": "Discounted 8 % against the rate card.",
            "created_at": calendar.at(200),
        },
    ]
