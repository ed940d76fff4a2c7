"""The timeline's filter: what the address says, nothing else, and never more than there is."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.activity_filter import MOST, STEP, ActivityFilter, kinds_of


@dataclass(frozen=True)
class Activity:
    """The fields of an activity."""

    activity_type: str
    engagement_id: str | None = None


FOUND = [Activity("scan", "a"), Activity("report", "b"), Activity("scan", "b"), Activity("note")]


def test_nothing_said_leaves_nothing_out() -> None:
    wanted = ActivityFilter.read({"kind": "", "engagement": ""})
    assert wanted == ActivityFilter()
    assert not wanted.is_narrow
    assert wanted.apply(FOUND) == FOUND


def test_kind_and_engagement_narrow_together() -> None:
    wanted = ActivityFilter.read({"kind": "scan", "engagement": "b"})
    assert wanted.is_narrow
    assert wanted.apply(FOUND) == [FOUND[2]]
    assert ActivityFilter(kind="report").apply(FOUND) == [FOUND[1]]
    assert ActivityFilter(engagement="c").apply(FOUND) == []


@pytest.mark.parametrize(
    ("said", "shown"),
    [("50", 50), ("", STEP), ("-1", STEP), ("1", STEP), ("99999", STEP), ("9999", MOST)],
)
def test_how_many_are_shown_stays_within_reason(said: str, shown: int) -> None:
    assert ActivityFilter.read({"show": said}).show == shown


@given(st.dictionaries(st.sampled_from(["kind", "engagement", "show"]), st.text(max_size=30)))
def test_any_query_is_read_and_more_keeps_the_filter(query: dict[str, str]) -> None:
    wanted = ActivityFilter.read(query)
    again = ActivityFilter.read(dict(parse_qsl(wanted.more())))
    assert (again.kind, again.engagement) == (wanted.kind, wanted.engagement)
    assert again.show == min(wanted.show + STEP, MOST)


def test_each_kind_there_is_is_offered_once() -> None:
    assert kinds_of(FOUND) == ["note", "report", "scan"]
