"""The period of a statement: its usual days, what is wrong with others, and its address."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.statement_period import AHEAD, NO_CURRENCY, NO_DAY, TURNED, StatementPeriod
from portal.errors import BadInput

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("query", "since", "until"),
    [
        ({}, date(2026, 1, 1), TODAY),
        ({"from": " 2026-03-31 "}, date(2026, 3, 31), TODAY),
        ({"to": "2025-02-28"}, date(2025, 1, 1), date(2025, 2, 28)),
        ({"from": "2024-02-29", "to": "2024-02-29"}, date(2024, 2, 29), date(2024, 2, 29)),
        ({"from": "2026-11-24", "to": "2026-11-24"}, TODAY, TODAY),
        ({"from": "", "to": ""}, date(2026, 1, 1), TODAY),
        ({"from": "0001-01-01"}, date(1, 1, 1), TODAY),
    ],
)
def test_without_days_it_is_the_year_to_today(
    query: dict[str, str], since: date, until: date
) -> None:
    period = StatementPeriod.read(query, TODAY)
    assert (period.since, period.until, period.problems) == (since, until, {})
    assert not period.is_capped


def test_on_the_first_of_january_the_usual_period_is_that_day() -> None:
    day = date(2027, 1, 1)
    assert StatementPeriod.read({}, day) == StatementPeriod(
        day, day, typed={"from": "", "to": "", "currency": ""}
    )


def test_the_end_is_today_at_the_latest() -> None:
    period = StatementPeriod.read({"to": "2026-12-31"}, TODAY)
    assert (period.since, period.until, period.is_capped) == (date(2026, 1, 1), TODAY, True)


@pytest.mark.parametrize(
    ("query", "problems"),
    [
        ({"from": "2026-13-01"}, {"from": NO_DAY}),
        ({"from": "2026-02-29"}, {"from": NO_DAY}),
        ({"from": "yesterday", "to": "24.11.2026"}, {"from": NO_DAY, "to": NO_DAY}),
        ({"to": "20261124"}, {"to": NO_DAY}),
        ({"to": "2026-W40-1"}, {"to": NO_DAY}),
        ({"to": "٢٠٢٦-11-24"}, {"to": NO_DAY}),
        ({"from": "2026-11-25"}, {"from": AHEAD}),
        ({"from": "2026-06-01", "to": "2026-05-31"}, {"from": TURNED}),
        ({"currency": "DOLLARS"}, {"currency": NO_CURRENCY}),
        ({"currency": "U$D"}, {"currency": NO_CURRENCY}),
    ],
)
def test_what_cannot_be_read_is_explained_by_field(
    query: dict[str, str], problems: dict[str, str]
) -> None:
    period = StatementPeriod.read(query, TODAY)
    assert period.problems == problems
    assert (period.since, period.until) == (date(2026, 1, 1), TODAY)
    with pytest.raises(BadInput) as caught:
        period.checked()
    assert caught.value.field in problems


@given(st.dictionaries(st.sampled_from(["from", "to", "currency"]), st.text()), st.dates())
def test_no_query_fails(query: dict[str, str], today: date) -> None:
    period = StatementPeriod.read(query, today)
    assert period.since <= period.until <= today


@given(st.dates(), st.dates(), st.dates(), st.none() | st.sampled_from(["USD", "EUR"]))
def test_its_address_leads_to_it(one: date, other: date, today: date, currency: str | None) -> None:
    query = {"from": one.isoformat(), "to": other.isoformat(), "currency": currency or ""}
    period = StatementPeriod.read(query, today)
    again = StatementPeriod.read(dict(parse_qsl(period.query)), today)
    assert (again.since, again.until) == (period.since, period.until)
    assert again.problems == {}
    if not period.problems:
        assert again.currency == currency


def test_its_name_says_the_days_and_the_currency() -> None:
    period = StatementPeriod.read({"currency": "eur"}, TODAY)
    assert period.file_name == "statement-2026-01-01-2026-11-24-EUR"
    assert period.query == "from=2026-01-01&to=2026-11-24&currency=EUR"
    assert period.checked() is period
