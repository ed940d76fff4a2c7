"""What changes a digest, and what must not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from portal.crm.client import decode
from portal.crm.models import Activity, Engagement, Invoice, Record
from portal.live.digest import PARTS, changed, digest

INVOICE = Invoice(id="inv_1", company_id="co_1", amount=Decimal(1200), status="sent")
OTHER = Invoice(id="inv_2", company_id="co_1", amount=Decimal(10), status="paid")
ENGAGEMENT = Engagement(id="eng_1", company_id="co_1", name="Work", product="mode")
ACTIVITY = Activity(
    id="act_1",
    company_id="co_1",
    activity_type="milestone",
    created_at=datetime(2026, 11, 24, 15, 30, tzinfo=UTC),
)


def test_the_same_records_have_the_same_digest_in_any_order() -> None:
    assert digest([INVOICE, OTHER]) == digest([OTHER, INVOICE])
    assert len({digest([]), digest([INVOICE]), digest([OTHER]), digest([INVOICE, OTHER])}) == 4


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([INVOICE], [replace(INVOICE, status="paid")]),
        ([INVOICE], [replace(INVOICE, amount=Decimal("1200.01"))]),
        ([INVOICE], []),
        ([ENGAGEMENT], [replace(ENGAGEMENT, plain_status="On course")]),
        ([ACTIVITY], [ACTIVITY, replace(ACTIVITY, id="act_2")]),
    ],
)
def test_whatever_a_page_may_show_of_a_record_changes_the_digest(
    before: Sequence[Record], after: Sequence[Record]
) -> None:
    assert digest(before) != digest(after)


def test_what_no_projection_lets_through_does_not() -> None:
    record = {"id": "eng_1", "company_id": "co_1", "name": "Work", "product": "mode"}
    plain = decode(record, Engagement, "/api/engagements")
    internal = {**record, "margin_pct": 61, "notes": "Careful", "health_score": 3}
    assert digest([plain]) == digest([decode(internal, Engagement, "/api/engagements")])


def test_a_digest_is_short_and_says_nothing() -> None:
    found = digest([replace(INVOICE, invoice_number="INV-2026-001")])
    assert len(found) == 18
    assert int(found, 16)


def test_the_parts_that_differ_are_named_in_one_order() -> None:
    before = dict.fromkeys(PARTS, "a")
    assert changed(before, before) == ()
    assert changed(before, {**before, "activities": "b", "engagements": "b"}) == (
        "engagements",
        "activities",
    )
    assert changed({"engagements": "a"}, before) == ("invoices", "activities")
