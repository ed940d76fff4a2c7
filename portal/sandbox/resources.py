"""The one table of what SM API keeps (sm-api §6). To add a field, add a line.

Fields marked "ours" are extensions that the contract does not show.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from portal.sandbox.contact_rules import complete_contact, complete_lead
from portal.sandbox.fields import (
    Field,
    Filter,
    JoinedName,
    Kind,
    Match,
    Operation,
    ProductRule,
    Resource,
    Writable,
)

STAMPS: Final = (
    Field("created_at", Kind.MOMENT, writable=Writable.NEVER),
    Field("updated_at", Kind.MOMENT, writable=Writable.NEVER),
)
PRODUCT: Final = Filter("product", match=Match.PRODUCT)
SEARCH: Final = Filter("search", match=Match.SEARCH)
COMPANY_NAME: Final = JoinedName("company_name", via="company_id", shows=("name",))
CONTACT_NAME: Final = JoinedName("contact_name", via="contact_id", shows=("full_name", "email"))

COMPANIES: Final = Resource(
    name="companies",
    singular="company",
    prefix="co",
    paged=True,
    default_limit=25,
    most_limit=100,
    order="name",
    sorts=MappingProxyType({"revenue": "-monthly_revenue"}),
    filters=(
        Filter("type", "company_type"),
        PRODUCT,
        Filter("status"),
        Filter("source"),
        SEARCH,
    ),
    searched=("name", "domain"),
    created=("id", "name"),
    fields=(
        Field("name", required=True),
        Field("domain"),
        Field("industry"),
        Field("employee_count", Kind.INTEGER, minimum=0),
        Field("revenue_range", internal=True),
        Field("company_type", choices=("client", "prospect", "partner"), default="prospect"),
        Field("status", choices=("active", "inactive", "churned"), default="active"),
        Field("product", Kind.PRODUCT),
        Field("source", default="manual", internal=True),
        Field("health_score", Kind.NUMBER, default=50, minimum=0, maximum=100, internal=True),
        Field("monthly_revenue", Kind.NUMBER, internal=True),
        Field("total_contract_value", Kind.NUMBER, internal=True),
        Field("notes", Kind.LONG_TEXT, internal=True),
        *STAMPS,
    ),
)

CONTACTS: Final = Resource(
    name="contacts",
    singular="contact",
    prefix="ct",
    paged=True,
    default_limit=25,
    most_limit=100,
    filters=(
        Filter("company_id"),
        Filter("type", "contact_type"),
        Filter("source"),
        PRODUCT,
        SEARCH,
    ),
    searched=("full_name", "email"),
    names=(COMPANY_NAME,),
    product=ProductRule("products", many=True),
    created=("id", "full_name", "email"),
    one_of_required=("email", "company_id"),
    indexes=(("company_id", "created_at", "id"),),
    complete=complete_contact,
    fields=(
        Field("email", Kind.EMAIL),
        Field("company_id", Kind.REFERENCE, refers_to="companies"),
        Field("first_name"),
        Field("last_name"),
        Field("full_name"),
        Field("title"),
        Field("role"),
        Field("department"),
        Field("phone"),
        Field("linkedin_url", Kind.URL),
        Field(
            "contact_type",
            choices=("lead", "client", "candidate", "investor", "end_user"),
            default="end_user",
        ),
        Field("source", default="manual", internal=True),
        Field("pipeline_stage", internal=True),
        Field("funnel_stage", internal=True),
        Field("tags", internal=True),
        Field("portal_access", Kind.FLAG, default=0),
        Field("portal_role", choices=("client_admin", "client_viewer")),
        Field("product", Kind.PRODUCT),
        Field("products", Kind.PRODUCTS, default=()),  # ours
        Field("photo_url", Kind.URL),  # ours
        Field("timezone"),  # ours
        Field("locale"),  # ours
        Field("is_sm_team", Kind.FLAG, default=0),  # ours
        Field("portal_last_login", Kind.MOMENT),  # ours
        Field("notes", Kind.LONG_TEXT, internal=True),
        *STAMPS,
    ),
)

ENGAGEMENTS: Final = Resource(
    name="engagements",
    singular="engagement",
    prefix="eng",
    filters=(Filter("status"), Filter("company_id"), PRODUCT),
    names=(COMPANY_NAME,),
    indexes=(("company_id", "created_at", "id"), ("product",)),
    fields=(
        Field(
            "company_id",
            Kind.REFERENCE,
            required=True,
            refers_to="companies",
            writable=Writable.ON_CREATE,
        ),
        Field("name", required=True),
        Field("engagement_type", choices=("retainer", "project", "consulting"), default="retainer"),
        Field("product", Kind.PRODUCT, default="studios"),
        Field("status", choices=("active", "paused", "completed", "cancelled"), default="active"),
        Field("plain_status", Kind.LONG_TEXT),
        Field("start_date", Kind.DATE),
        Field("end_date", Kind.DATE),
        Field("contract_renewal_date", Kind.DATE),
        Field("monthly_revenue", Kind.NUMBER, internal=True),
        Field("total_value", Kind.NUMBER, internal=True),
        Field("headcount", Kind.NUMBER, minimum=0, internal=True),
        Field("cogs", Kind.NUMBER, internal=True),
        Field("margin_pct", Kind.NUMBER, internal=True),
        Field(
            "team_members",
            Kind.ROWS,
            default=(),
            columns=(
                Field("role", required=True),
                Field("hours", Kind.NUMBER, internal=True),
                Field("rate", Kind.NUMBER, internal=True),
            ),
        ),
        Field("tools", Kind.TEXTS, default=()),
        Field("deliverables", Kind.LONG_TEXT),
        Field("jira_board_url", Kind.URL, internal=True),
        Field("jira_project_key", internal=True),
        Field("notes", Kind.LONG_TEXT, internal=True),
        *STAMPS,
    ),
)

INVOICES: Final = Resource(
    name="invoices",
    singular="invoice",
    prefix="inv",
    filters=(Filter("company_id"), Filter("status"), PRODUCT),
    names=(COMPANY_NAME,),
    product=ProductRule(else_engagement=True),
    indexes=(("company_id", "created_at", "id"), ("engagement_id",)),
    fields=(
        Field(
            "company_id",
            Kind.REFERENCE,
            required=True,
            refers_to="companies",
            writable=Writable.ON_CREATE,
        ),
        Field("amount", Kind.NUMBER, required=True),
        Field("engagement_id", Kind.REFERENCE, refers_to="engagements"),
        Field("invoice_number"),
        Field("currency", default="USD"),
        Field(
            "status", choices=("draft", "sent", "paid", "overdue", "void"), default="draft"
        ),  # `void` is ours
        Field("product", Kind.PRODUCT),  # ours, as are all that follow
        Field("issued_date", Kind.DATE),
        Field("due_date", Kind.DATE),
        Field("paid_date", Kind.DATE),
        Field("amount_paid", Kind.NUMBER, default=0),
        Field(
            "line_items",
            Kind.ROWS,
            default=(),
            columns=(
                Field("description", required=True),
                Field("quantity", Kind.NUMBER),
                Field("unit_price", Kind.NUMBER),
                Field("amount", Kind.NUMBER, required=True),
            ),
        ),
        Field("payment_url", Kind.URL),
        Field("payment_instructions", Kind.LONG_TEXT),
        Field("notes", Kind.LONG_TEXT, internal=True),
        *STAMPS,
    ),
)

DEALS: Final = Resource(
    name="deals",
    singular="deal",
    prefix="deal",
    internal=True,
    filters=(
        Filter("company_id"),
        Filter("stage"),
        Filter("pipeline"),
        Filter("assigned_to"),
        PRODUCT,
    ),
    indexes=(("company_id", "created_at", "id"),),
    fields=(
        Field("title", required=True),
        Field("company_id", Kind.REFERENCE, refers_to="companies", writable=Writable.ON_CREATE),
        Field("contact_id", Kind.REFERENCE, refers_to="contacts", writable=Writable.ON_CREATE),
        Field(
            "pipeline",
            choices=("sales", "lp_fundraise", "sm_investors", "osma_customers", "recruiting"),
            default="sales",
            writable=Writable.ON_CREATE,
        ),
        Field("stage", default="lead"),
        Field("value", Kind.NUMBER),
        Field("probability", Kind.NUMBER, minimum=0, maximum=100),
        Field("close_date", Kind.DATE),
        Field("assigned_to", Kind.EMAIL),
        Field("product", Kind.PRODUCT),  # ours
        Field("won_at", Kind.MOMENT),
        Field("lost_at", Kind.MOMENT),
        Field("lost_reason", Kind.LONG_TEXT),
        Field("notes", Kind.LONG_TEXT),
        *STAMPS,
    ),
)

ACTIVITIES: Final = Resource(
    name="activities",
    singular="activity",
    prefix="act",
    filters=(
        Filter("contact_id"),
        Filter("company_id"),
        Filter("type", "activity_type"),
        Filter("source"),
        PRODUCT,
    ),
    names=(COMPANY_NAME, CONTACT_NAME),
    product=ProductRule("source", else_engagement=True),
    created=("id",),
    indexes=(
        ("company_id", "created_at", "id"),
        ("contact_id", "created_at", "id"),
        ("engagement_id",),
        ("activity_type", "created_at", "id"),
        ("source", "created_at", "id"),
    ),
    fields=(
        Field("contact_id", Kind.REFERENCE, refers_to="contacts"),
        Field("company_id", Kind.REFERENCE, refers_to="companies"),
        Field("engagement_id", Kind.REFERENCE, refers_to="engagements"),  # ours
        Field("activity_type", required=True),
        Field("title"),
        Field("description", Kind.LONG_TEXT),
        Field("source"),
        Field("source_id"),
        Field("agent_id"),
        Field("metadata", Kind.OBJECT, default=MappingProxyType({})),
        *STAMPS,
    ),
)

LEADS: Final = Resource(
    name="leads",
    singular="lead",
    prefix="ld",
    internal=True,
    operations=frozenset({Operation.LIST, Operation.CREATE}),
    own_routes=True,
    filters=(Filter("status"), Filter("source"), PRODUCT, SEARCH),
    searched=("name", "email", "company"),
    created=("id", "contact_id", "submitted"),
    indexes=(("product", "created_at", "id"),),
    complete=complete_lead,
    # Whoever may write these is unknown: the bounds are narrow, and ours.
    fields=(
        Field("email", Kind.EMAIL, required=True, longest=254),
        Field("name", longest=200),
        Field("company", longest=200),
        Field("phone", longest=50),
        Field("source", default="website", longest=100),
        Field("source_detail", longest=500),
        Field("project_description", Kind.LONG_TEXT, longest=10_000),
        Field("timeline", longest=200),
        Field("budget_range", longest=200),
        Field("product", Kind.PRODUCT, longest=100),
        Field(
            "status",
            choices=("new", "contacted", "qualified", "closed"),
            default="new",
            writable=Writable.NEVER,
        ),
        Field("contact_id", Kind.REFERENCE, refers_to="contacts", writable=Writable.NEVER),
        *STAMPS,
    ),
)

RESOURCES: Final = (COMPANIES, CONTACTS, ENGAGEMENTS, INVOICES, DEALS, ACTIVITIES, LEADS)
"""In an order in which each refers only to those before it."""

BY_NAME: Final = MappingProxyType({resource.name: resource for resource in RESOURCES})
