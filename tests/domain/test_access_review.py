"""Which quarter's access review is due, who did the last one, and what a complete answer is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.access_review import (
    LONGEST_DESCRIPTION,
    PEOPLE,
    Answer,
    Done,
    Person,
    Quarter,
    due,
    fingerprint,
    last_done,
    read_answer,
    unanswered,
)
from portal.domain.team import LONGEST_NOTE, Action, Request
from portal.errors import BadInput

Q4: Final = Quarter(2026, 4)
ME: Final = Person("ct_me", "Me Myself", "me@ours.example", "client_admin")
SAM: Final = Person("ct_sam", "Sam Lee", "sam@ours.example", "client_viewer")
KIM: Final = Person("ct_kim", "Kim Wu", "", "client_admin")
PEOPLE_HERE: Final = [ME, SAM, KIM]
NEW_YORK: Final = ZoneInfo("America/New_York")
TOKYO: Final = ZoneInfo("Asia/Tokyo")


@dataclass(frozen=True)
class Details:
    quarter: str | None = None
    at: str | None = None
    reviewer_name: str | None = None


@dataclass(frozen=True)
class Logged:
    created_at: datetime
    metadata: Details = field(default_factory=Details)


def form(**more: str) -> dict[str, str]:
    """A complete answer: Sam keeps access, removal is asked for Kim."""
    fields = {
        "shown": fingerprint(PEOPLE_HERE),
        "person.ct_sam": "keep",
        "person.ct_kim": "remove",
    }
    return fields | {name.replace("__", "."): value for name, value in more.items()}


def refusal(fields: dict[str, str], people: list[Person] = PEOPLE_HERE) -> BadInput:
    with pytest.raises(BadInput) as caught:
        read_answer(fields, people, ME.id, Q4)
    return caught.value


# Quarters


@pytest.mark.parametrize(
    ("day", "written"),
    [
        (date(2026, 1, 1), "2026-Q1"),
        (date(2026, 3, 31), "2026-Q1"),
        (date(2026, 4, 1), "2026-Q2"),
        (date(2024, 2, 29), "2024-Q1"),
        (date(2026, 6, 30), "2026-Q2"),
        (date(2026, 7, 1), "2026-Q3"),
        (date(2026, 9, 30), "2026-Q3"),
        (date(2026, 10, 1), "2026-Q4"),
        (date(2026, 12, 31), "2026-Q4"),
    ],
)
def test_a_day_lies_in_its_calendar_quarter(day: date, written: str) -> None:
    assert str(Quarter.of(day)) == written


@given(st.dates())
def test_a_quarter_is_read_as_it_is_written_and_they_follow_the_days(day: date) -> None:
    quarter = Quarter.of(day)
    assert Quarter.read(str(quarter)) == quarter
    if day > date.min:
        assert Quarter.of(day - timedelta(days=1)) <= quarter


@pytest.mark.parametrize(
    "written", [None, "", "2026-Q5", "2026-Q0", "26-Q1", "Q4 2026", "2026-Q4\n"]
)
def test_what_is_no_quarter_is_none(written: str | None) -> None:
    assert Quarter.read(written) is None


# Due, or done


def test_without_a_review_the_present_quarter_is_due() -> None:
    assert due(date(2026, 11, 24), None) == Q4


def test_a_review_counts_until_the_last_day_of_its_quarter() -> None:
    at = datetime(2026, 10, 1, 12, tzinfo=UTC)
    last = last_done([Logged(at, Details("2026-Q4"))], UTC)
    assert due(date(2026, 12, 31), last) is None
    assert due(date(2027, 1, 1), last) == Quarter(2027, 1)


def test_a_review_of_the_quarter_before_does_not_count() -> None:
    last = last_done([Logged(datetime(2026, 9, 30, tzinfo=UTC), Details("2026-Q3"))], UTC)
    assert due(date(2026, 10, 1), last) == Q4


def test_a_review_from_where_the_next_quarter_has_begun_counts_for_the_present_one() -> None:
    at = datetime(2026, 12, 31, 20, tzinfo=UTC)
    last = last_done([Logged(at, Details("2027-Q1", at.isoformat(), "Aiko"))], NEW_YORK)
    assert last == Done(Quarter(2027, 1), at, date(2026, 12, 31), "Aiko")
    assert due(date(2026, 12, 31), last) is None


def test_a_review_that_came_to_the_crm_late_counts_for_when_it_was_done() -> None:
    done, arrived = datetime(2026, 12, 31, 23, tzinfo=UTC), datetime(2027, 1, 1, 3, tzinfo=UTC)
    last = last_done([Logged(arrived, Details("2026-Q4", done.isoformat(), "Jane"))], UTC)
    assert last == Done(Q4, done, date(2026, 12, 31), "Jane")
    assert due(date(2027, 1, 1), last) == Quarter(2027, 1)


@pytest.mark.parametrize("at", [None, "", "yesterday", "2026-12-31T23:00:00"])
@pytest.mark.parametrize(("zone", "quarter"), [(NEW_YORK, Q4), (TOKYO, Quarter(2027, 1))])
def test_a_review_that_says_nothing_of_itself_is_dated_by_its_record_where_the_viewer_is(
    at: str | None, zone: ZoneInfo, quarter: Quarter
) -> None:
    last = last_done([Logged(datetime(2026, 12, 31, 22, tzinfo=UTC), Details("Q4", at))], zone)
    assert last is not None
    assert (last.quarter, last.by) == (quarter, None)


def test_the_last_review_is_the_latest_whatever_the_order() -> None:
    one, two, three = (
        Logged(datetime(2026, month, 5, tzinfo=UTC), Details(reviewer_name=name))
        for month, name in ((1, "A"), (4, "B"), (4, "C"))
    )
    later = Logged(three.created_at + timedelta(hours=1), three.metadata)
    for order in ([one, two, later], [later, two, one], [two, later, one]):
        found = last_done(order, UTC)
        assert found is not None
        assert found.by == "C"
    assert last_done([], UTC) is None


# Answers


def test_a_complete_answer_keeps_oneself_and_tells_the_others_apart() -> None:
    answer = read_answer(form(note="  Kim left\nin May "), PEOPLE_HERE, ME.id, Q4)
    assert answer == Answer(Q4, (ME, SAM), (KIM,), "Kim left in May")
    assert answer.requests() == [
        (Request(Action.REMOVE, person_id="ct_kim", note="Kim left in May"), KIM)
    ]


def test_oneself_may_be_answered_as_kept_and_never_as_removed() -> None:
    kept = read_answer(form(person__ct_me="keep"), PEOPLE_HERE, ME.id, Q4)
    assert ME in kept.kept
    assert "your own removal" in str(refusal(form(person__ct_me="remove")))


@pytest.mark.parametrize("answer", ["", "KEEP", "yes", "keep "])
def test_everybody_has_to_be_answered(answer: str) -> None:
    fields = form(person__ct_sam=answer)
    assert refusal(fields).field == PEOPLE
    assert unanswered(fields, PEOPLE_HERE, ME.id) == [SAM]
    left_out = {name: value for name, value in fields.items() if name != "person.ct_sam"}
    assert "everybody" in str(refusal(left_out))
    assert unanswered(left_out, PEOPLE_HERE, ME.id) == [SAM]


@pytest.mark.parametrize(
    "people",
    [
        [ME, SAM],
        [*PEOPLE_HERE, Person("ct_new", "New", "new@ours.example", "client_viewer")],
        [ME, Person("ct_sam", "Sam Lee", "sam@ours.example", "client_admin"), KIM],
        [ME, Person("ct_sam", "Sam Lee", "sam@elsewhere.example", "client_viewer"), KIM],
    ],
    ids=["gone", "new", "another role", "another address"],
)
def test_a_list_that_changed_meanwhile_is_not_what_was_answered(people: list[Person]) -> None:
    error = refusal(form(), people)
    assert "changed since" in str(error)
    assert error.field == PEOPLE


def test_an_answer_for_somebody_else_or_without_its_list_is_none() -> None:
    assert "changed since" in str(refusal(form(person__ct_other="keep")))
    assert "changed since" in str(refusal(form(shown="")))
    assert "changed since" in str(refusal({}))


def test_the_order_of_the_list_and_names_do_not_change_it() -> None:
    renamed = Person("ct_sam", "Samuel Lee", "sam@ours.example", "client_viewer")
    assert fingerprint([KIM, renamed, ME]) == fingerprint(PEOPLE_HERE)


def test_a_note_may_not_be_too_long() -> None:
    read_answer(form(note="x" * LONGEST_NOTE), PEOPLE_HERE, ME.id, Q4)
    assert refusal(form(note="x" * (LONGEST_NOTE + 1))).field == "note"


def test_the_activity_names_everybody_with_what_was_answered() -> None:
    answer = Answer(Q4, (ME, SAM), (KIM,), "Kim left")
    assert answer.title == "Access review Q4 2026: 2 kept, 1 to be removed"
    assert answer.description == (
        "Removal asked for: Kim Wu (client_admin).\n"
        "Note: Kim left\n"
        "Kept: Me Myself (me@ours.example, client_admin), "
        "Sam Lee (sam@ours.example, client_viewer)."
    )
    said: dict[str, Any] = answer.as_metadata("Me Myself")
    assert (said["quarter"], said["reviewer_name"], said["note"]) == (
        "2026-Q4",
        "Me Myself",
        "Kim left",
    )
    assert [one["person_id"] for one in said["kept"]] == ["ct_me", "ct_sam"]
    assert said["removals"] == [
        {"person_id": "ct_kim", "person_name": "Kim Wu", "role": "client_admin"}
    ]
    assert Answer(Q4, (ME,), ()).description.startswith("Removal asked for: nobody.\nKept: Me")


def test_a_very_long_list_is_cut_in_the_description_and_whole_in_the_metadata() -> None:
    many = tuple(
        Person(f"ct_{n}", f"Person {n}", f"person{n}@ours.example", "client_viewer")
        for n in range(300)
    )
    answer = Answer(Q4, many, (KIM,))
    assert len(answer.description) == LONGEST_DESCRIPTION
    assert "Kim Wu" in answer.description
    assert len(answer.as_metadata("Me")["kept"]) == len(many)


def test_two_answers_say_the_same_only_when_they_are() -> None:
    answers = [
        Answer(Q4, (ME, SAM), (KIM,)),
        Answer(Q4, (ME, KIM), (SAM,)),
        Answer(Q4, (ME, SAM, KIM), ()),
        Answer(Q4, (ME, SAM, KIM), (), "a note"),
    ]
    assert len({answer.said() for answer in answers}) == len(answers)
