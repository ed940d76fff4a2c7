"""Search ranks exactly what it is given, and a viewer's results never hold an amount."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.crm.models import Activity, Engagement, Invoice, LineItem, TeamMember
from portal.crm.visibility import activity_for, engagement_for
from portal.domain.amounts import without_amounts
from portal.domain.invoice_filter import LONGEST_TEXT
from portal.domain.invoice_rows import Row, row
from portal.domain.search import (
    Entry,
    Hit,
    Query,
    activity_entry,
    engagement_entry,
    find,
    invoice_entry,
    shown,
)
from portal.domain.viewer import Role, Viewer

TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
VIEWER = Viewer("ct_1", "sam@acme.com", "Sam", "co_1", "Acme", "mode", Role.CLIENT_VIEWER)
AMOUNT = re.compile(r"[$€£]\s?\d|\d\s?[$€£]|\b(?:USD|EUR)\s?\d|\d\s?(?:USD|EUR)\b")


def same(text: str) -> str:
    """The interface in its own language."""
    return text


@dataclass(frozen=True)
class Thing:
    """Something that can be found."""

    name: str


def entry(title: str, *texts: str, words: tuple[str, ...] = (), **more: Any) -> Entry[Thing]:
    return Entry(Thing(title), title, texts, words, **more)


def engagement(name: str = "Retainer", **fields: Any) -> Engagement:
    return Engagement(id="eng_1", company_id="co_1", name=name, **fields)


def invoice(number: str | None = "INV-2026-001", **fields: Any) -> Row[Invoice]:
    bill = {"amount": Decimal("18500.00"), "status": "sent", "due_date": TODAY, **fields}
    return row(Invoice(id="inv_1", company_id="co_1", invoice_number=number, **bill), TODAY)


def activity(title: str | None = None, **fields: Any) -> Activity:
    kind = {"activity_type": "scan_completed", **fields}
    return Activity(id="act_1", title=title, created_at=NOW, **kind)


def titles(query: str, *entries: Entry[Any]) -> list[str]:
    return [one.title for one in find(Query.read(query), entries)]


def text_of(query: str, one: Entry[Any]) -> str:
    return "".join(piece.text for piece in shown(Query.read(query), one).text)


def is_found(query: str, one: Entry[Any]) -> bool:
    return bool(find(Query.read(query), [one]))


# Queries


@pytest.mark.parametrize("typed", ["", "   ", "\n\t", "\u0301", "\x00"])
def test_nothing_typed_finds_nothing(typed: str) -> None:
    query = Query.read(typed)
    assert query.is_empty
    assert find(query, [entry("Anything"), entry("")]) == []


@given(st.text(max_size=3000))
def test_any_text_is_a_query_of_limited_length(typed: str) -> None:
    query = Query.read(typed)
    assert len(query.text) <= LONGEST_TEXT
    assert find(query, [entry("Audit", "of it", amounts=(Decimal(1),), number="1")]) is not None


# Ranking


def test_every_word_has_to_be_found_wherever() -> None:
    one = entry("Technology audit", "Scan of 47 systems", words=("Completed",))
    assert is_found("audit systems", one)
    assert is_found("completed AUDIT", one)
    assert not is_found("audit retainer", one)


def test_the_beginning_of_a_word_counts_more_than_its_inside() -> None:
    inside, begins = entry("Preaudit"), entry("Something", "The auditor came")
    assert titles("audit", inside, begins) == ["Something", "Preaudit"]


def test_a_title_counts_more_than_what_stands_below() -> None:
    assert titles("scan", entry("Report", "of a scan"), entry("Scans")) == ["Scans", "Report"]
    assert titles("scan", entry("Scanner"), entry("A scan")) == ["A scan", "Scanner"]


def test_what_is_equally_good_stays_as_it_came() -> None:
    assert titles("a", entry("Ab"), entry("Aa"), entry("Ac")) == ["Ab", "Aa", "Ac"]


def test_the_whole_number_of_an_invoice_comes_first() -> None:
    other = invoice_entry(invoice("INV-2026-0010"), same)
    other_line = LineItem(description="INV-2026-001 inv-2026-001", amount=Decimal(1))
    says_so = invoice_entry(invoice("X INV-2026-001", line_items=(other_line,)), same)
    exact = invoice_entry(invoice(), same)
    for typed in ("INV-2026-001", "inv 2026 001", "inv2026001"):
        assert titles(typed, says_so, other, exact)[0] == "INV-2026-001"
    assert [p.text for p in shown(Query.read("inv2026001"), exact).title if p.met] == [
        "INV-2026-001"
    ]


@given(
    st.lists(st.tuples(st.text(max_size=12), st.text(max_size=30)), max_size=8),
    st.text(max_size=20),
)
def test_nothing_is_found_that_was_not_given(pairs: list[tuple[str, str]], typed: str) -> None:
    entries = [entry(title, text, number=title) for title, text in pairs]
    query = Query.read(typed)
    found = find(query, entries)
    given_ids = {id(one) for one in entries}
    assert {id(one) for one in found} <= given_ids
    assert len({id(one) for one in found}) == len(found)
    for one in found:
        hit = shown(query, one)
        assert hit.item is one.item
        assert "".join(piece.text for piece in hit.title) == one.title


# Engagements


def test_an_engagement_is_found_by_what_its_page_says() -> None:
    one = engagement_entry(
        engagement(
            "Data foundations",
            status="paused",
            plain_status="Waiting for access.",
            deliverables="[x] Inventory of sources\n[ ] Dashboards",
            tools=("Snowflake",),
            team_members=(TeamMember(role="Data architect"),),
        ),
        TODAY,
        same,
    )
    for query in ("data", "waiting", "inventory", "snow", "architect", "paused", "retainer"):
        assert is_found(query, one), query
    assert text_of("snow", one) == "Snowflake"
    assert text_of("data", one) == "Waiting for access."


def test_no_internal_field_finds_anything() -> None:
    work = engagement_entry(engagement(product="mode"), TODAY, same)
    done = activity_entry(activity("Scan", source="zeus", contact_id="ct_9"), "", same)
    bill = invoice_entry(invoice(product="mode", payment_url="https://pay.example/x"), same)
    for query in ("eng_1", "co_1", "inv_1", "act_1", "ct_9", "zeus", "pay.example", "mode"):
        assert not any(is_found(query, one) for one in (work, done, bill)), query


# Invoices


@pytest.mark.parametrize(
    ("fields", "found", "not_found"),
    [
        ({"due_date": date(2026, 11, 1)}, ("overdue", "open"), ("paid", "due today")),
        ({}, ("due today", "open"), ("overdue",)),
        ({"due_date": None}, ("open",), ("overdue", "paid")),
        ({"amount_paid": Decimal(1)}, ("partly paid", "open"), ("overdue",)),
        ({"status": "paid"}, ("paid",), ("open", "overdue")),
        ({"status": "void"}, ("void",), ("open", "paid")),
        ({"amount": Decimal(-5)}, ("credit",), ("overdue", "open")),
    ],
)
def test_an_invoice_is_found_by_how_it_stands(
    fields: dict[str, Any], found: tuple[str, ...], not_found: tuple[str, ...]
) -> None:
    one = invoice_entry(invoice(**fields), same)
    assert [query for query in found if not is_found(query, one)] == []
    assert [query for query in not_found if is_found(query, one)] == []


@pytest.mark.parametrize("typed", ["18500", "$18,500.00", "18.500,00 €", "18 500", "inv 18500"])
def test_an_invoice_is_found_by_its_amount(typed: str) -> None:
    one = invoice_entry(invoice(), same)
    assert is_found(typed, one)
    assert shown(Query.read(typed), one).amounts == {Decimal(18500)}


def test_an_invoice_is_found_by_what_is_left_of_it() -> None:
    one = invoice_entry(invoice(amount_paid=Decimal(500)), same)
    assert shown(Query.read("18000"), one).amounts == {Decimal(18000)}
    assert not is_found("17999", one)


def test_an_invoice_without_a_number_is_no_query_of_signs() -> None:
    one = invoice_entry(invoice(None), same)
    assert not is_found("---", one)
    assert is_found("18500", one)


# Activities


def test_an_activity_is_found_by_title_text_kind_and_engagement() -> None:
    one = activity_entry(activity("Week 12", description="47 systems"), "Retainer", same)
    for query in ("week", "systems", "scan completed", "retainer"):
        assert is_found(query, one), query
    assert activity_entry(activity(" "), "", same).title == "Scan completed"
    assert activity_entry(activity(activity_type="board_review"), "", same).title == "Board review"


def test_words_are_compared_in_the_viewers_own_language() -> None:
    spanish = {"Scan completed": "Análisis terminado"}.get
    one = activity_entry(activity(), "", lambda text: spanish(text) or text)
    assert is_found("analisis", one)


MONEY = st.builds(
    lambda sign, number, behind: f"{number} {sign}" if behind else f"{sign}{number}",
    st.sampled_from(["$", "€", "£", "USD ", "EUR "]),
    st.decimals(0, 10**7, places=2).map(lambda amount: f"{amount:,.2f}"),
    st.booleans(),
)
SAID = st.lists(st.one_of(MONEY, st.sampled_from(["paid", "of", "the", "budget"])), max_size=6).map(
    " ".join
)


@given(SAID, SAID, SAID, MONEY)
def test_what_a_viewer_finds_never_holds_an_amount(
    title: str, text: str, name: str, typed: str
) -> None:
    work = engagement_for(
        engagement(name, plain_status=text, deliverables=title, tools=(text,)), VIEWER
    )
    done = activity_for(activity(title, description=text), VIEWER)
    works = [engagement_entry(work, TODAY, same)]
    past = [activity_entry(done, work.name, same)]
    for query in (Query.read(typed), Query.read("paid"), Query.read("budget of")):
        hits: list[Hit[Any]] = [shown(query, one) for one in find(query, works)]
        hits += [shown(query, one) for one in find(query, past)]
        for hit in hits:
            said = "".join(piece.text for piece in (*hit.title, *hit.text))
            assert AMOUNT.search(said) is None, said
            assert hit.amounts == frozenset()
    assert without_amounts(typed) != typed
    assert find(Query.read(typed), works) == []
    assert find(Query.read(typed), past) == []
