"""Why a record is not shown: each rule by its name, the same for lists and for explanations."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from portal.crm.models import Activity, Contact, Engagement, Invoice
from portal.crm.visibility import (
    Hidden,
    VisibilityRules,
    activity_for,
    engagement_for,
    hides_activity,
    hides_contact,
    hides_engagement,
    hides_invoice,
)
from portal.domain.viewer import Role, Viewer

RULES = VisibilityRules(frozenset({"milestone", "invoice_sent", "scanner:scan_completed"}))
OWN = {"en_own"}


def viewer(role: Role) -> Viewer:
    return Viewer("ct_me", "me@x.example", "Me", "co_1", "Ours", "mode", role)


ADMIN, VIEWER = viewer(Role.CLIENT_ADMIN), viewer(Role.CLIENT_VIEWER)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"product": "mode"}, None),
        ({"product": "signal", "engagement_id": "en_own"}, Hidden.OTHER_PRODUCT),
        ({"engagement_id": "en_own"}, None),
        ({"engagement_id": "en_other"}, Hidden.OTHER_PRODUCT),
        ({}, Hidden.UNTAGGED),
        ({"product": "mode", "status": "draft"}, Hidden.DRAFT),
    ],
)
def test_invoices_by_their_tag_else_their_engagement(
    fields: dict[str, Any], rule: Hidden | None
) -> None:
    invoice = Invoice(id="in", company_id="co_1", amount=Decimal(1), **{"status": "sent", **fields})
    assert hides_invoice(invoice, ADMIN, OWN, RULES) is rule
    assert hides_invoice(invoice, VIEWER, OWN, RULES) is Hidden.MONEY


def test_untagged_invoices_show_where_the_portal_is_told_so() -> None:
    rules = VisibilityRules(RULES.activity_types, untagged_invoices=True)
    invoice = Invoice(id="in", company_id="co_1", amount=Decimal(1), status="sent")
    assert hides_invoice(invoice, ADMIN, OWN, rules) is None


@pytest.mark.parametrize(
    ("kind", "source", "engagement", "admin", "other"),
    [
        ("milestone", "mode", None, None, None),
        ("milestone", "signal", "en_own", None, None),
        ("milestone", "signal", None, Hidden.OTHER_PRODUCT, Hidden.OTHER_PRODUCT),
        ("call", "mode", None, Hidden.INTERNAL, Hidden.INTERNAL),
        ("scan_completed", "mode", None, Hidden.INTERNAL, Hidden.INTERNAL),
        ("scan_completed", "scanner", None, None, None),
        ("invoice_sent", "mode", None, None, Hidden.MONEY),
    ],
)
def test_activities_by_source_engagement_and_kind(
    kind: str, source: str, engagement: str | None, admin: Hidden | None, other: Hidden | None
) -> None:
    activity = Activity(
        id="act",
        activity_type=kind,
        source=source,
        engagement_id=engagement,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert hides_activity(activity, ADMIN, OWN, RULES) is admin
    assert hides_activity(activity, VIEWER, OWN, RULES) is other


def test_engagements_and_people_by_product_and_role() -> None:
    ours = Engagement(id="en", company_id="co_1", name="Work", product="mode")
    theirs = Engagement(id="en", company_id="co_1", name="Work", product="signal")
    assert hides_engagement(ours, VIEWER) is None
    assert hides_engagement(theirs, ADMIN) is Hidden.OTHER_PRODUCT
    me, colleague = Contact(id="ct_me", product="mode"), Contact(id="ct_2", products=("mode",))
    assert (hides_contact(me, VIEWER), hides_contact(colleague, ADMIN)) == (None, None)
    assert hides_contact(colleague, VIEWER) is Hidden.OTHERS
    assert hides_contact(Contact(id="ct_3", product="signal"), ADMIN) is Hidden.OTHER_PRODUCT


def test_free_text_tells_a_viewer_no_amounts() -> None:
    activity = Activity(
        id="act",
        activity_type="milestone",
        title="Saved $1,200",
        description="EUR 5 each",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    work = Engagement(
        id="en", company_id="co_1", name="The $9k job", plain_status="€3", deliverables="- 5 USD"
    )
    assert activity_for(activity, ADMIN) == activity
    assert engagement_for(work, ADMIN) == work
    seen, job = activity_for(activity, VIEWER), engagement_for(work, VIEWER)
    assert (seen.title, seen.description) == ("Saved •••", "••• each")
    assert (job.name, job.plain_status, job.deliverables) == ("The ••• job", "•••", "- •••")
