"""A list is offered for what a search found only when it shows exactly that."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from portal.crm.models import Activity, Invoice
from portal.domain.activity_filter import ActivityFilter
from portal.domain.invoice_filter import InvoiceFilter
from portal.domain.invoice_rows import Row, row
from portal.domain.search import Kind, Query, find, invoice_entry
from portal.domain.search_lists import (
    activities_href,
    activity_href,
    engagements_href,
    invoices_href,
    search_href,
)

TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)


def bill(number: int, *, late: bool = False, paid: bool = False) -> Row[Invoice]:
    made = Invoice(
        id=f"inv_{number}",
        company_id="co_1",
        invoice_number=f"INV-{number}",
        amount=Decimal(100 + number),
        status="paid" if paid else "sent",
        due_date=TODAY - timedelta(days=1 if late else -1),
    )
    return row(made, TODAY)


def activity(number: int, kind: str = "milestone", engagement: str | None = None) -> Activity:
    return Activity(
        id=f"act_{number}", activity_type=kind, engagement_id=engagement, created_at=NOW
    )


def query_of(href: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(href).query))


def found_by(typed: str, rows: list[Row[Invoice]]) -> list[Row[Invoice]]:
    entries = [invoice_entry(one, str) for one in rows]
    return [entry.item for entry in find(Query.read(typed), entries)]


def test_invoices_by_number_lead_to_the_list_with_that_text() -> None:
    rows = [bill(1), bill(12), bill(2)]
    found = found_by("inv-1", rows)
    assert invoices_href(Query.read("inv-1"), rows, found) == "/invoices?text=inv-1"


def test_invoices_by_status_lead_to_the_list_with_that_status() -> None:
    rows = [bill(1, late=True), bill(2), bill(3, paid=True)]
    for typed in ("overdue", "open", "paid"):
        href = invoices_href(Query.read(typed), rows, found_by(typed, rows))
        assert href == f"/invoices?status={typed}"


def test_no_list_is_offered_that_shows_others() -> None:
    rows = [bill(1, late=True), bill(2, late=True), bill(13, late=True)]
    assert invoices_href(Query.read("overdue inv-1"), rows, rows[:1]) is None


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=8), st.text("inv-12 opadue"))
def test_whatever_list_is_offered_shows_what_was_found(
    made: list[tuple[bool, bool]], typed: str
) -> None:
    rows = [bill(n, late=late, paid=paid) for n, (late, paid) in enumerate(made)]
    found = found_by(typed, rows)
    href = invoices_href(Query.read(typed), rows, found)
    if href is not None:
        listed = InvoiceFilter.read(query_of(href)).apply(rows)
        assert {one.invoice.id for one in listed} == {one.invoice.id for one in found}


def test_the_engagements_are_listed_only_all_together() -> None:
    works = [object(), object()]
    assert engagements_href(works, works[::-1]) == "/engagements"
    assert engagements_href(works, works[:1]) is None


def test_activities_lead_to_the_timeline_of_their_kind_or_engagement() -> None:
    some = [
        activity(1, "scan_completed", "eng_1"),
        activity(2, "milestone", "eng_1"),
        activity(3, "scan_completed", "eng_2"),
        activity(4, "milestone"),
    ]
    own = {"eng_1", "eng_2"}
    assert activities_href(some, some, own) == "/activity"
    assert activities_href(some, [some[2], some[0]], own) == "/activity?kind=scan_completed"
    assert activities_href(some, some[:2], own) == "/activity?engagement=eng_1"
    assert activities_href(some, some[:1], own) == "/activity?kind=scan_completed&engagement=eng_1"
    assert activities_href(some, [some[1], some[2]], own) is None


def test_an_engagement_that_is_not_the_viewers_is_in_no_address() -> None:
    some = [activity(1, "milestone", "eng_other"), activity(2, "milestone", "eng_1")]
    assert activities_href(some, some[:1], {"eng_1"}) is None
    assert activity_href(some, some[0], {"eng_1"}) == "/activity?kind=milestone"


def test_an_activity_leads_to_where_the_timeline_shows_it() -> None:
    some = [activity(number) for number in range(60)]
    for number in (0, 24, 25, 59):
        narrow = ActivityFilter.read(query_of(activity_href(some, some[number], ())))
        assert some[number] in narrow.apply(some)[: narrow.show]
    assert activity_href(some, some[24], ()) == "/activity?kind=milestone"
    assert activity_href(some, some[25], ()) == "/activity?kind=milestone&show=50"


def test_the_address_of_a_search_keeps_what_was_typed() -> None:
    query = Query.read("50% & more=?")
    assert query_of(search_href(query, Kind.INVOICES)) == {"q": "50% & more=?", "kind": "invoices"}
    assert query_of(search_href(query)) == {"q": "50% & more=?"}
    assert search_href(Query.read(" ")) == "/search"
