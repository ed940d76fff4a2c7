"""What the tools say of resources and fields, so that a model picks the right one.

A resource or field without words of its own is described by what the table knows of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from portal.sandbox.fields import Field, Kind, Resource
from portal.sandbox.resources import BY_NAME

INSTRUCTIONS: Final = """\
The CRM of Sprint Mode: companies, their contacts, engagements, invoices and deals, and the \
activities that record what happened. Start with search when you have a name or words, with a \
list tool when you know the filter, with get_company_overview for everything about one client. \
Ids look like co_…, ct_…, eng_…, inv_…, deal_… and act_…; never make one up. \
Every record is tagged with a product (for example mode): pass product when you list, and when \
you create. Amounts are in units of their currency, not in cents, and exact. Fields marked \
"internal" must not be shown to clients. After a significant step, log it with create_activity."""


@dataclass(frozen=True)
class ResourceWords:
    """`what` a record is, in one sentence; `after` a read, which tool is worth calling next."""

    what: str = ""
    after: str = ""
    creating: str = ""


RESOURCE_WORDS: Final[Mapping[str, ResourceWords]] = MappingProxyType(
    {
        "companies": ResourceWords(
            "A company is a client, a prospect or a partner.",
            "get_company_overview shows one with its people, work and money.",
            "Search first, so that no company is entered twice.",
        ),
        "contacts": ResourceWords(
            "A contact is a person, usually of a company; portal_access 1 lets them sign in to "
            "the client portal.",
            "list_activities with contact_id shows what happened with one.",
            "Needs email or company_id. A company has one contact for an address.",
        ),
        "engagements": ResourceWords(
            "An engagement is work that a company has ordered: a retainer, a project, consulting.",
            "list_invoices and list_activities with company_id show its money and its history.",
            "Send product, which is otherwise studios.",
        ),
        "invoices": ResourceWords(
            "An invoice is what a company owes or has paid, often for an engagement.",
            "update_invoice records a payment or a new status.",
            "Send product or engagement_id, which say whose invoice it is.",
        ),
        "deals": ResourceWords(
            "A deal is a sale, an investment or a hire that may come about; its stage is one of "
            "its pipeline.",
            "list_pipelines names the stages; update_deal moves one along.",
            "Take the stage from list_pipelines.",
        ),
        "activities": ResourceWords(
            "An activity is something that happened: a call, an e-mail, a note, scan_completed, "
            "report_generated.",
            "get_contact and get_company tell of whom and where.",
            "This is how to log a call, a note or any significant step. Name the type in "
            "snake_case, mark it with source (the product), and link it by company_id, contact_id "
            "or engagement_id.",
        ),
        "leads": ResourceWords(
            "A lead is what somebody sent with a form of the website; contact_id is who.",
            "get_contact shows the person.",
        ),
    }
)

FIELD_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "product": "The product that the record belongs to, such as mode",
        "page": "Which page, from 1; pass next_page of the one before",
        "limit": "How many records at most",
        "search.query": "One or more words; each must be found",
        "search.kind": "Look for this kind only",
        "search.limit": "How many of each kind at most",
        "search": "Words that the record's name or address contains, in any case",
        "source": "Where it came from",
        "currency": "ISO 4217 code",
        "notes": "Notes among ourselves",
        "metadata": "Anything else worth keeping, as an object",
        "plain_status": "How it goes, in words that the client reads",
        "tags": "Separated by commas",
        "companies.company_type": "What the company is to us",
        "companies.type": "What the company is to us",
        "companies.domain": "Web domain, such as acme.com",
        "companies.employee_count": "How many people work there",
        "companies.monthly_revenue": "What they pay us a month, in dollars",
        "companies.health_score": "How well it goes with them, from 0 to 100",
        "companies.revenue_range": "Their own revenue, such as $1M-$10M",
        "companies.sort": "Order by what they pay us a month, most first; by name when left out",
        "contacts.type": "What the person is to us",
        "contacts.full_name": "The whole name; made of first and last name when left out",
        "contacts.portal_access": "1: may sign in to the client portal",
        "contacts.portal_role": "client_admin also sees money and people, client_viewer the work",
        "contacts.products": "Every product that the person may sign in to",
        "contacts.product": "A product that the person belongs to; adds it to products",
        "contacts.is_sm_team": "1: one of Sprint Mode's own people",
        "contacts.timezone": "IANA name, such as Europe/Vienna",
        "contacts.locale": "Language and country, such as de-AT",
        "contacts.role": "Role in their company",
        "contacts.title": "Job title",
        "engagements.team_members": "Who works on it, by role; hours and rate are internal",
        "engagements.tools": "Names of the tools in use",
        "invoices.amount": "The total, in units of the currency",
        "invoices.amount_paid": "How much of the total has been paid",
        "invoices.invoice_number": "The number on the paper, such as INV-2026-001",
        "deals.stage": "A stage of its pipeline; list_pipelines names them",
        "deals.probability": "How likely it is, in percent",
        "deals.assigned_to": "E-mail address of who takes care of it",
        "activities.type": "What happened, as activity_type has it",
        "activities.activity_type": "What happened, free-form: call, note, scan_completed, …",
        "activities.source": "The product that it belongs to, such as mode",
        "activities.source_id": "Its id in the system that it came from",
        "activities.agent_id": "Which agent did it",
    }
)
KIND_WORDS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.DATE: "As YYYY-MM-DD",
        Kind.MOMENT: "As ISO 8601, UTC when no zone is given",
        Kind.NUMBER: "Exact, at most 6 decimals",
        Kind.FLAG: "1 yes, 0 no",
        Kind.URL: "An http(s) address",
    }
)


def resource_words(resource: Resource) -> ResourceWords:
    """The words for a resource; empty ones for one that has none."""
    return RESOURCE_WORDS.get(resource.name, ResourceWords())


def field_words(owner: str, field: Field) -> str:
    """One line on an argument. `owner` is the name of the resource that the field is of."""
    own = FIELD_WORDS.get(f"{owner}.{field.name}") or FIELD_WORDS.get(field.name)
    parts = (own or _named(owner, field), KIND_WORDS.get(field.kind), field.internal and "Internal")
    return ". ".join(part for part in parts if part)


def finding(resource: Resource) -> str:
    """How to come by the id of such a record."""
    return f"search or list_{resource.name}"


def a(resource: Resource) -> str:
    """The singular with its article."""
    return f"{'an' if resource.singular[0] in 'aeiou' else 'a'} {resource.singular}"


def _named(owner: str, field: Field) -> str:
    target = BY_NAME.get(owner if field.name == "id" else field.refers_to or "")
    if target is not None:
        return f"Id of {a(target)} ({target.prefix}_…), from {finding(target)}"
    return field.name.replace("_", " ").capitalize()
