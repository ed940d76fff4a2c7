"""Why a record is not shown: each rule by its name, the same for lists and for explanations."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.crm.access import ClientAccess
from portal.crm.models import Activity, Contact, Engagement, Invoice, TeamMember
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
from portal.errors import RoleNotAllowed
from tests.crm.test_access import (
    OURS,
    Records,
    access,
    activities,
    companies,
    crm,
    engagements,
    ids,
    invoices,
    products,
)

T = TypeVar("T")

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
        id="en",
        company_id="co_1",
        name="The $9k job",
        plain_status="€3",
        deliverables="- 5 USD",
        team_members=(TeamMember(role="Lead at $200"),),
        tools=("Jira for €9",),
    )
    assert activity_for(activity, ADMIN) == activity
    assert engagement_for(work, ADMIN) == work
    seen, job = activity_for(activity, VIEWER), engagement_for(work, VIEWER)
    assert (seen.title, seen.description) == ("Saved •••", "••• each")
    assert (job.name, job.plain_status, job.deliverables) == ("The ••• job", "•••", "- •••")
    assert (job.team_members[0].role, job.tools) == ("Lead at •••", ("Jira for •••",))


# The same rules for lists and for explanations: of random records of everybody's


def typed(records: Records, kind: type[T]) -> list[T]:
    """The company's own records, as the rules are given them."""
    return [msgspec.convert(r, kind, strict=False) for r in records if r.get("company_id") == OURS]


@given(engagements, invoices, activities, st.sampled_from(Role), st.booleans())
@settings(deadline=None)
async def test_what_no_rule_hides_is_listed_and_whatever_is_listed_no_rule_hides(
    work: Records, bills: Records, happened: Records, role: Role, untagged: bool
) -> None:
    def viewed() -> ClientAccess:
        upstream = crm(engagements=work, invoices=bills, activities=happened)
        return access(upstream, role, untagged=untagged)

    by, rules = viewed().viewer, viewed().rules
    own = {e.id for e in typed(work, Engagement) if not hides_engagement(e, by)}
    assert ids(await viewed().engagements()) == own
    paid = {i.id for i in typed(bills, Invoice) if not hides_invoice(i, by, own, rules)}
    try:
        assert ids(await viewed().invoices()) == paid
    except RoleNotAllowed:
        assert paid == set()
        assert role is Role.CLIENT_VIEWER
    told = {a.id for a in typed(happened, Activity) if not hides_activity(a, by, own, rules)}
    assert ids(await viewed().activities()) == told


people = st.lists(
    st.fixed_dictionaries(
        {
            "company_id": companies,
            "product": products,
            "products": st.lists(st.sampled_from(["mode", "signal", "Mode"]), max_size=2),
        }
    ),
    max_size=6,
).map(lambda drawn: [{**one, "id": f"ct_{n}" if n else "ct_me"} for n, one in enumerate(drawn)])


@given(people, st.sampled_from(Role))
@settings(deadline=None)
async def test_whom_no_rule_hides_is_a_colleague_and_nobody_else(
    everybody: Records, role: Role
) -> None:
    viewed = access(crm(contacts=everybody), role)
    shown = {c.id for c in typed(everybody, Contact) if not hides_contact(c, viewed.viewer)}
    assert ids(await viewed.colleagues()) == shown
    assert role is Role.CLIENT_ADMIN or shown <= {"ct_me"}


async def test_of_everybodys_access_events_only_the_companys_own_are_logged() -> None:
    events: Records = [
        {
            "id": f"act_{company}_{source}",
            "company_id": company,
            "source": source,
            "activity_type": "portal_login",
            "metadata": {},
            "created_at": "2026-11-01T10:00:00Z",
        }
        for company in (OURS, "co_theirs", None)
        for source in ("mode", "signal", None)
    ]
    found = await access(crm(activities=events)).access_log()
    assert ids(found) == {f"act_{OURS}_mode"}
