"""Nothing internal reaches a client: a field that is not listed does not exist."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from portal.crm.client import decode
from portal.crm.models import (
    AccessEvent,
    AccessRequest,
    AccessReview,
    Activity,
    Colleague,
    Company,
    Contact,
    Engagement,
    Invoice,
    Record,
)
from portal.errors import SMApiMalformed

MARKER = "INTERNALMARKER"

SHOWN: dict[type[Record], dict[str, Any]] = {
    Company: {"id": "co_1", "name": "Acme"},
    Engagement: {
        "id": "en_1",
        "company_id": "co_1",
        "name": "Retainer",
        "team_members": [{"role": "Lead", "hours": f"{MARKER}1", "rate": f"{MARKER}2"}],
        "tools": ["Jira"],
    },
    Invoice: {
        "id": "in_1",
        "company_id": "co_1",
        "amount": 10,
        "line_items": [{"description": "Work", "amount": 10, "cost": f"{MARKER}3"}],
    },
    Activity: {
        "id": "act_1",
        "activity_type": "milestone",
        "created_at": "2026-01-01T00:00:00Z",
    },
    AccessEvent: {
        "id": "act_1",
        "activity_type": "portal_login",
        "created_at": "2026-01-01T00:00:00Z",
        "metadata": {"method": "google", "staff_id": f"{MARKER}4", "ip": f"{MARKER}5"},
    },
    AccessRequest: {
        "id": "act_1",
        "activity_type": "access_request",
        "created_at": "2026-01-01T00:00:00Z",
        "metadata": {"action": "add", "email": f"{MARKER}6", "answer": f"{MARKER}7"},
    },
    AccessReview: {
        "id": "act_1",
        "activity_type": "access_review",
        "created_at": "2026-01-01T00:00:00Z",
        "metadata": {"quarter": "2026-Q1", "kept": [f"{MARKER}8"], "note": f"{MARKER}9"},
    },
    Contact: {"id": "ct_1", "email": "jane@acme.com"},
    Colleague: {"id": "ct_1", "email": "jane@acme.com"},
}

# Every field that the contract documents (sm-api §6) and a client must not see.
INTERNAL: dict[type[Record], tuple[str, ...]] = {
    Company: (
        "health_score",
        "monthly_revenue",
        "total_contract_value",
        "notes",
        "revenue_range",
        "recent_invoices",
        "engagements",
        "deals_count",
        "source",
        "status",
        "industry",
        "employee_count",
    ),
    Engagement: (
        "cogs",
        "margin_pct",
        "monthly_revenue",
        "total_value",
        "headcount",
        "notes",
        "jira_board_url",
        "jira_project_key",
    ),
    Invoice: ("notes", "cost", "margin_pct", "stripe_id"),
    Activity: ("metadata", "agent_id", "source_id", "notes", "contact_name"),
    AccessEvent: ("title", "description", "agent_id", "source_id", "notes", "contact_name"),
    AccessRequest: ("title", "description", "agent_id", "source_id", "notes"),
    AccessReview: ("title", "description", "agent_id", "source_id", "notes", "contact_name"),
    Contact: (
        "notes",
        "pipeline_stage",
        "funnel_stage",
        "tags",
        "source",
        "linkedin_url",
        "contact_type",
        "department",
    ),
    Colleague: ("notes", "phone", "timezone", "locale", "is_sm_team", "products", "tags"),
}


@pytest.mark.parametrize("kind", SHOWN, ids=lambda kind: kind.__name__)
def test_no_internal_field_survives_decoding(kind: type[Record]) -> None:
    internal: dict[str, Any] = {name: f"{MARKER}-{name}" for name in INTERNAL[kind]}
    # Whatever the CRM may come to have: hidden beside, and inside a shape we know.
    internal |= {"brand_new_field": MARKER, "nested": {"deep": [MARKER]}}
    found = decode({**internal, **SHOWN[kind]}, kind, "/api/x")
    assert MARKER not in msgspec.json.encode(found).decode()
    assert MARKER not in repr(found)


unlisted = st.dictionaries(
    st.text(min_size=1, max_size=12),
    st.just(MARKER) | st.lists(st.just(MARKER)) | st.fixed_dictionaries({"x": st.just(MARKER)}),
    max_size=6,
)


@given(st.sampled_from(sorted(SHOWN, key=lambda kind: kind.__name__)), unlisted)
@settings(deadline=None)
def test_no_unlisted_field_survives_whatever_it_is_called(
    kind: type[Record], fields: dict[str, Any]
) -> None:
    listed = set(kind.__struct_fields__)
    sent = {name: value for name, value in fields.items() if name not in listed}
    assert MARKER not in repr(decode({**sent, **SHOWN[kind]}, kind, "/api/x"))


def test_what_each_projection_lets_through_is_this_and_nothing_more() -> None:
    # A new name here is a decision to show a field to clients: nothing else is needed for it.
    expected = {
        Company: "id name domain product",
        Engagement: "id company_id name product engagement_type status plain_status start_date "
        "end_date contract_renewal_date deliverables team_members tools",
        Invoice: "id company_id amount currency status invoice_number engagement_id product "
        "issued_date due_date paid_date amount_paid line_items payment_url payment_instructions",
        Activity: "id company_id contact_id engagement_id activity_type title description source "
        "created_at",
        AccessEvent: "id company_id contact_id activity_type source metadata created_at",
        AccessRequest: "id company_id contact_id activity_type source metadata created_at",
        AccessReview: "id company_id contact_id activity_type source metadata created_at",
        Contact: "id email full_name title phone company_id company_name portal_access "
        "portal_role product products photo_url timezone locale is_sm_team",
        Colleague: "id email full_name title company_id company_name portal_access portal_role "
        "product",
    }
    for kind, names in expected.items():
        assert kind.__struct_fields__ == tuple(names.split()), kind.__name__


@pytest.mark.parametrize("kind", SHOWN, ids=lambda kind: kind.__name__)
def test_a_projection_cannot_be_changed(kind: type[Record]) -> None:
    found = decode(SHOWN[kind], kind, "/api/x")
    with pytest.raises(AttributeError):
        found.id = "other"  # type: ignore[misc] # the point of the test


def test_a_moment_without_a_zone_does_not_pass_for_one_with() -> None:
    assert decode(SHOWN[Activity], Activity, "/").created_at.tzinfo is not None
    with pytest.raises(SMApiMalformed):
        decode({**SHOWN[Activity], "created_at": "2026-01-01T00:00:00"}, Activity, "/")


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "1,000", "", True])
def test_an_amount_that_is_no_number_is_malformed(amount: Any) -> None:
    with pytest.raises(SMApiMalformed):
        decode({**SHOWN[Invoice], "amount": amount}, Invoice, "/")


@pytest.mark.parametrize(
    ("tags", "has"),
    [
        ({"product": "mode"}, True),
        ({"products": ["signal", "mode"]}, True),
        ({"product": "signal", "products": ["mode"]}, True),
        ({"product": "modeling"}, False),
        ({"products": ["mode-x"]}, False),
        ({}, False),
    ],
)
def test_a_product_is_had_whole_in_either_shape(tags: dict[str, Any], has: bool) -> None:
    assert decode({"id": "ct_1", **tags}, Contact, "/").has_product("mode") is has


def test_every_projection_is_looked_at_here() -> None:
    kinds = {k for k in Record.__subclasses__() if k.__module__ == "portal.crm.models"}
    assert kinds == set(SHOWN) == set(INTERNAL)
    assert issubclass(Record, Struct)
