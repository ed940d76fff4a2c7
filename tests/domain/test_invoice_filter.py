"""The invoices' filter: the whole state is in the address, whatever the address says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.invoice_filter import DEFAULTS, PAGE, InvoiceFilter, Sort, Status, tidy
from portal.domain.invoice_rows import Row, row

TODAY = date(2026, 11, 24)
NAMES = ("status", "engagement", "year", "currency", "text", "sort", "order", "page")


@dataclass(frozen=True)
class Line:
    """A line of an invoice."""

    description: str


@dataclass(frozen=True)
class Bill:
    """The fields of an invoice."""

    invoice_number: str | None = "INV-1"
    amount: Decimal = Decimal(100)
    amount_paid: Decimal = Decimal(0)
    currency: str = "USD"
    status: str = "sent"
    issued_date: date | None = TODAY
    due_date: date | None = TODAY + timedelta(days=30)
    paid_date: date | None = None
    engagement_id: str | None = None
    line_items: tuple[Line, ...] = ()


def rows(*bills: Bill, engagement: str = "") -> list[Row[Bill]]:
    return [row(bill, TODAY, engagement) for bill in bills]


def numbers(found: list[Row[Bill]]) -> list[str | None]:
    return [one.invoice.invoice_number for one in found]


def query_of(wanted: InvoiceFilter) -> dict[str, str]:
    return dict(parse_qsl(wanted.query(), keep_blank_values=True))


QUERIES = st.dictionaries(
    st.sampled_from(NAMES),
    st.one_of(
        st.text(max_size=120),
        st.text(st.characters(), max_size=12),
        st.sampled_from(["open", "paid", "amount", "status", "desc", "asc", "2026", "eur", "7"]),
        st.integers().map(str),
    ),
)
FILTERS = st.builds(
    InvoiceFilter,
    status=st.sampled_from(Status),
    engagement=st.none() | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True),
    year=st.none() | st.integers(1000, 2999),
    currency=st.none() | st.from_regex(r"[A-Z]{3}", fullmatch=True),
    text=st.text(max_size=100).map(tidy),
    sort=st.sampled_from(Sort),
    descending=st.booleans(),
    page=st.integers(1, 9999),
)


@given(QUERIES)
def test_any_query_is_read_and_what_was_read_comes_back(query: dict[str, str]) -> None:
    wanted = InvoiceFilter.read(query)
    assert InvoiceFilter.read(query_of(wanted)) == wanted
    assert wanted.apply(rows(Bill(), Bill(currency="EUR"))) is not None


@given(FILTERS)
def test_every_state_round_trips_through_its_address(wanted: InvoiceFilter) -> None:
    assert InvoiceFilter.read(query_of(wanted)) == wanted


@given(FILTERS, st.sampled_from(Sort), st.integers(1, 9999))
def test_links_lead_to_the_neighbouring_state_and_change_nothing_else(
    wanted: InvoiceFilter, sort: Sort, page: int
) -> None:
    for name in wanted.narrowing:
        without = InvoiceFilter.read(query_of(wanted.without(name)))
        assert without == replace(wanted, **{name: DEFAULTS[name]}, page=1)
        assert set(without.narrowing) == set(wanted.narrowing) - {name}
    assert wanted.cleared().narrowing == ()
    assert wanted.cleared().sort == wanted.sort
    turned = wanted.sorted_by(sort)
    assert turned.narrowing == wanted.narrowing
    assert (turned.sort, turned.page) == (sort, 1)
    assert (turned.descending != wanted.descending) or sort is not wanted.sort
    assert wanted.on_page(page) == replace(wanted, page=page)


def test_nothing_said_is_an_empty_query_and_all_invoices_newest_first() -> None:
    wanted = InvoiceFilter.read({})
    assert (wanted, wanted.query(), wanted.href()) == (InvoiceFilter(), "", "/invoices")
    assert wanted.csv_href == "/invoices.csv"
    assert wanted.narrowing == ()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("status", "draft"),
        ("status", "OPEN"),
        ("engagement", "../co_globex1"),
        ("engagement", "a" * 65),
        ("year", "26"),
        ("year", "20266"),
        ("year", "٢٠٢٦"),
        ("currency", "euro"),
        ("currency", "€"),
        ("text", " \t\n"),
        ("sort", "cogs"),
        ("order", "sideways"),
        ("page", "0"),
        ("page", "-1"),
        ("page", "1e3"),
        ("page", "99999"),
        ("nonsense", "1"),
    ],
)
def test_what_is_not_known_falls_back_to_the_default(name: str, said: str) -> None:
    assert InvoiceFilter.read({name: said}) == InvoiceFilter()


def test_a_text_is_searched_for_without_what_cannot_be_seen() -> None:
    wanted = InvoiceFilter.read({"text": " a\ud800b\0c\n\u202e " + "x" * 200})
    assert wanted.text == f"a b c {'x' * 94}"
    assert InvoiceFilter.read(query_of(wanted)) == wanted


def test_the_file_is_the_same_list_from_its_start() -> None:
    wanted = InvoiceFilter(Status.OPEN, currency="EUR", text="a&b=c", sort=Sort.DUE, page=3)
    assert wanted.csv_href.startswith("/invoices.csv?")
    said = dict(parse_qsl(wanted.csv_href.partition("?")[2]))
    assert InvoiceFilter.read(said) == replace(wanted, page=1)


OPEN = Bill("open")
PART = Bill("part", amount_paid=Decimal(40))
LATE = Bill("late", due_date=TODAY - timedelta(days=1))
PAID = Bill("paid", status="paid")
VOID = Bill("void", status="void")
CREDIT = Bill("credit", amount=Decimal(-5))
USED = Bill("used", amount=Decimal(-5), status="paid")
EVERY = (OPEN, PART, LATE, PAID, VOID, CREDIT, USED)


@pytest.mark.parametrize(
    ("status", "fitting"),
    [
        (Status.ALL, ["open", "part", "late", "paid", "void", "credit", "used"]),
        (Status.OPEN, ["open", "part", "late", "credit"]),
        (Status.OVERDUE, ["late"]),
        (Status.PAID, ["paid", "used"]),
    ],
)
def test_status_goes_by_what_is_left_today(status: Status, fitting: list[str]) -> None:
    assert numbers(InvoiceFilter(status).apply(rows(*EVERY))) == fitting


def test_a_day_on_the_due_date_is_in_time_and_the_next_is_not() -> None:
    bill = Bill(due_date=date(2028, 2, 29))
    overdue = InvoiceFilter(Status.OVERDUE)
    for day, late in ((28, False), (29, False)):
        assert bool(overdue.apply([row(bill, date(2028, 2, day))])) is late
    assert overdue.apply([row(bill, date(2028, 3, 1))])


def test_engagement_year_and_currency_narrow_together() -> None:
    fits = Bill("fits", currency="eur", engagement_id="eng_1", issued_date=date(2025, 12, 31))
    others = (
        replace(fits, currency="USD"),
        replace(fits, engagement_id=None),
        replace(fits, issued_date=date(2026, 1, 1)),
        replace(fits, issued_date=None),
    )
    wanted = InvoiceFilter(engagement="eng_1", year=2025, currency="EUR")
    assert wanted.apply(rows(fits, *others)) == rows(fits)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("inv-2026", True),
        ("WORKSHOP münchen", True),
        ("Mu\u0308nchen", True),
        ("retainer", True),
        ("retainer berlin", False),
        ("12,345.50", True),
        ("€12.345,50", True),
        ("12345", True),
        ("12345.51", False),
        ("workshop 12345", True),
        ("345", False),
    ],
)
def test_text_is_looked_for_in_number_lines_engagement_and_amount(text: str, found: bool) -> None:
    bill = Bill(
        "INV-2026-077",
        amount=Decimal("12345.50"),
        line_items=(Line("Two days"), Line("Workshop München")),
    )
    wanted = InvoiceFilter.read({"text": text})
    assert bool(wanted.apply(rows(bill, engagement="Mode Retainer"))) is found


def order(sort: Sort, descending: bool, *bills: Bill) -> list[str | None]:
    return numbers(InvoiceFilter(sort=sort, descending=descending).apply(rows(*bills)))


def test_amounts_sort_within_a_currency() -> None:
    bills = (
        Bill("u9", Decimal(9)),
        Bill("e100", Decimal(100), currency="EUR"),
        Bill("u80", Decimal("80.5")),
        Bill("e-3", Decimal(-3), currency="eur"),
    )
    assert order(Sort.AMOUNT, True, *bills) == ["e100", "e-3", "u80", "u9"]
    assert order(Sort.AMOUNT, False, *bills) == ["e-3", "e100", "u9", "u80"]


def test_numbers_sort_as_people_count_and_missing_ones_come_last() -> None:
    bills = (Bill("INV-10"), Bill(None), Bill("INV-9"), Bill("inv-09"), Bill("9" * 5000))
    assert order(Sort.NUMBER, False, *bills) == ["9" * 5000, "INV-9", "inv-09", "INV-10", None]
    assert order(Sort.NUMBER, True, *bills)[-1] is None


def test_days_sort_both_ways_and_missing_ones_come_last() -> None:
    bills = (
        Bill("b", due_date=TODAY, issued_date=TODAY),
        Bill("none", due_date=None, issued_date=None),
        Bill("a", due_date=date(2026, 1, 1), issued_date=date(2026, 1, 1)),
    )
    for sort in (Sort.DUE, Sort.ISSUED):
        assert order(sort, False, *bills) == ["a", "b", "none"]
        assert order(sort, True, *bills) == ["b", "a", "none"]


def test_status_sorts_by_urgency() -> None:
    later = Bill("later", due_date=TODAY - timedelta(days=9))
    undated = Bill("undated", due_date=None)
    today = Bill("today", due_date=TODAY)
    assert order(Sort.STATUS, False, *EVERY, undated, today, later) == [
        *("later", "late", "today", "part", "open", "undated", "credit", "used", "paid", "void")
    ]


@pytest.mark.parametrize("sort", Sort)
def test_what_is_equal_stays_as_it_came(sort: Sort) -> None:
    same = [replace(OPEN, line_items=(Line(str(n)),)) for n in range(3)]
    for descending in (True, False):
        found = InvoiceFilter(sort=sort, descending=descending).apply(rows(*same))
        assert [one.invoice for one in found] == same


def test_the_heads_say_how_the_list_is_ordered() -> None:
    wanted = InvoiceFilter(sort=Sort.DUE, descending=False)
    assert wanted.aria_sort("due") == "ascending"
    assert wanted.sorted_by("due").aria_sort("due") == "descending"
    assert wanted.aria_sort("issued") is None


@pytest.mark.parametrize(
    ("total", "page", "shown"),
    [
        (0, 1, (1, 1, 0, 0)),
        (0, 7, (1, 1, 0, 0)),
        (25, 1, (1, 1, 1, 25)),
        (26, 2, (2, 2, 26, 26)),
        (60, 2, (2, 3, 26, 50)),
        (60, 9999, (3, 3, 51, 60)),
    ],
)
def test_a_page_beyond_the_last_is_the_last(
    total: int, page: int, shown: tuple[int, int, int, int]
) -> None:
    window = InvoiceFilter(page=page).window(list(range(total)))
    assert (window.page, window.pages, window.first, window.last) == shown
    assert window.total == total
    assert len(window.items) <= PAGE


@given(st.lists(st.integers(), max_size=120))
def test_all_pages_together_are_the_list(items: list[int]) -> None:
    pages = InvoiceFilter().window(items).pages
    windows: list[Any] = [InvoiceFilter(page=n + 1).window(items).items for n in range(pages)]
    assert [item for window in windows for item in window] == items
